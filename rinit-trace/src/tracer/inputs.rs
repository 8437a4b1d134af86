//! What the correlator is told. It has no clock: whatever it is told may close a stop, so each time it is told first
//! how the wall clock goes.

use rinit_trace_core::{
    correlate::{Config, Correlator, Output, Stats, Whose},
    model::{BootTime, Event, ProcessNames, WorkloadId, WorkloadNames},
};

/// A correlator whose reports have the times of a wall clock that may be set.
#[derive(Debug)]
pub(super) struct Inputs {
    correlator: Correlator,
    /// Wall time minus boot time, in nanoseconds.
    wall_offset: fn() -> i64,
}

impl Inputs {
    pub(super) fn new(config: Config, wall_offset: fn() -> i64) -> Self {
        Self {
            correlator: Correlator::new(config),
            wall_offset,
        }
    }

    pub(super) fn handle_event(&mut self, event: &Event) {
        self.on_time().handle_event(event);
    }

    pub(super) fn handle_time(&mut self, now: BootTime) {
        self.on_time().handle_time(now);
    }

    pub(super) fn handle_finish(&mut self) {
        self.on_time().handle_finish();
    }

    pub(super) fn handle_gate_closed(&mut self, id: WorkloadId, at: BootTime) {
        self.on_time().handle_gate_closed(id, at);
    }

    pub(super) fn handle_names(&mut self, id: WorkloadId, names: WorkloadNames) {
        self.on_time().handle_names(id, names);
    }

    pub(super) fn handle_members(&mut self, id: WorkloadId, members: Vec<ProcessNames>) {
        self.on_time().handle_members(id, members);
    }

    pub(super) fn handle_loss(&mut self, key: (u64, u64), whose: Whose, count: u64, now: BootTime) {
        self.on_time().handle_loss(key, whose, count, now);
    }

    pub(super) fn handle_unknown_loss(&mut self, whose: Whose, count: u64, now: BootTime) {
        self.on_time().handle_unknown_loss(whose, count, now);
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.correlator.poll_output()
    }

    pub(super) fn poll_timeout(&self) -> Option<BootTime> {
        self.correlator.poll_timeout()
    }

    pub(super) fn wants_gate(&self, key: (u64, u64)) -> bool {
        self.correlator.wants_gate(key)
    }

    pub(super) fn is_delegated(&self, id: WorkloadId) -> bool {
        self.correlator.is_delegated(id)
    }

    pub(super) fn stats(&self) -> Stats {
        self.correlator.stats()
    }

    fn on_time(&mut self) -> &mut Correlator {
        self.correlator.set_wall_offset((self.wall_offset)());
        &mut self.correlator
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use rinit_trace_core::model::{ExitEvent, ExitStatus, PidNs, ProcessKey, Task, TaskState};

    use super::*;

    static OFFSET: AtomicI64 = AtomicI64::new(1_000_000_000_000);

    fn exit_of_an_init(at: BootTime) -> Event {
        let key = ProcessKey {
            tgid: 8014,
            start: 5,
        };
        Event::Exit(Box::new(ExitEvent {
            at,
            task: Task {
                key,
                tid: key.tgid,
                ns: PidNs {
                    id: 7,
                    inum: 4_026_532_281,
                    init_start: key.start,
                },
                level: 1,
                ns_tgid: 1,
                ns_init: key,
                comm: "app".to_owned(),
                ..Task::default()
            },
            state: TaskState {
                ns_tasks: 1,
                ..TaskState::default()
            },
            status: ExitStatus::Code(0),
            leaf: String::new(),
        }))
    }

    #[test]
    fn the_first_report_after_the_clock_was_set_has_its_time() {
        let mut inputs = Inputs::new(Config::default(), || OFFSET.load(Ordering::SeqCst));
        let at = BootTime(60_000_000_000);
        inputs.handle_event(&exit_of_an_init(at));
        OFFSET.store(5_000_000_000_000, Ordering::SeqCst);
        // No names come.
        inputs.handle_time(BootTime(at.0 * 2));
        let closed = std::iter::from_fn(|| inputs.poll_output()).find_map(|output| match output {
            Output::Closed(stop) => Some(stop.report),
            _ => None,
        });
        let started = closed.expect("a report").started_at;
        assert_eq!(started.as_nanosecond(), 5_060_000_000_000);
    }
}
