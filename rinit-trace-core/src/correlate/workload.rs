//! One workload and the state it is in.

use std::{collections::BTreeMap, time::Duration};

use super::{
    NAMES_PATIENCE, begin,
    dropped::Drops,
    entered::Entered,
    episode::{Episode, is_effective_kill, is_to_dying},
    losses::{Losses, NobodysLosses},
    outside::Outside,
};
use crate::model::{
    BootTime, CgroupIds, DeliverEvent, ExitEvent, ProcessKey, ProcessNames, Signal, SignalEvent,
    Task, WorkloadId, WorkloadNames,
};

/// What an input did to a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing for the outside.
    Stay,
    /// A stop has begun.
    Began,
    /// What looked like a stop was none.
    Calm,
    /// The stop has ended.
    Ended,
    /// Names have come.
    Named,
    /// A closed workload can be forgotten.
    Forget,
}

/// What a workload is worth when there is no room: whether it stops, whether it is not closed, and the second in which
/// it was last seen.
pub(super) type Worth = (bool, bool, u64);

const SECOND: u64 = 1_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// `gate`: when the kernel side opened its gate for a signal that asks for nothing (a reload).
    Watching { gate: Option<BootTime> },
    /// A signal asked the init to end, the last one then.
    Asked { last: BootTime },
    /// The init was SIGKILLed or has ended.
    Ending { last: BootTime, nobody_left: bool },
    /// Waits for names.
    Ended { at: BootTime },
    /// Reported.
    Closed { at: BootTime },
}

#[derive(Debug)]
pub(super) struct Workload {
    pub(super) id: WorkloadId,
    /// Its init; of a container in a shared namespace the main process, whose start is 0 until it has
    /// shown itself.
    pub(super) init: ProcessKey,
    /// In the host's own pid namespace.
    pub(super) is_on_host: bool,
    /// [`super::Config::knows_containers`]
    pub(super) knows_containers: bool,
    /// The cgroup that names its container is not root's to make.
    pub(super) is_delegated: bool,
    /// A container in a cgroup that only root can make.
    pub(super) is_of_root: bool,
    /// Its place in the table's order.
    pub(super) place: Worth,
    /// cgroups of the init, to tell `docker exec` from another container in the same namespace.
    pub(super) cgroups: Option<CgroupIds>,
    pub(super) leaf: String,
    pub(super) names: Option<WorkloadNames>,
    /// When the names came.
    pub(super) named_at: Option<BootTime>,
    /// Its init was seen to become a program.
    pub(super) has_executed: bool,
    /// By host pid.
    pub(super) members: BTreeMap<u32, ProcessNames>,
    pub(super) episode: Episode,
    pub(super) entered: Entered,
    pub(super) losses: Losses,
    pub(super) drops: Drops,
    pub(super) outside: Outside,
    /// A probe saw `zap_pid_ns_processes`.
    pub(super) teardown_seen: bool,
    /// When every task of the namespace was known to be gone.
    pub(super) gone_at: Option<BootTime>,
    /// Tasks beside the init at the last exit since it ended; threads and zombies count.
    left: u32,
    pub(super) asked_names: bool,
    pub(super) asked_members: bool,
    /// Processes that have become other programs since the members were asked for.
    pub(super) execed: Vec<ProcessKey>,
    pub(super) state: State,
    /// When the init was asked to end, killed, or ended: until then facts got old.
    pub(super) stirred_at: Option<BootTime>,
    /// When the init, while nobody had asked it to end, last passed a stop signal on: the kernel
    /// side opened its gate.
    pub(super) passed_on: Option<BootTime>,
    pub(super) last_seen: BootTime,
    /// When user space last closed the kernel side's gate.
    pub(super) gate_closed_at: BootTime,
    /// Its entry in the correlator's table of deadlines.
    pub(super) scheduled: Option<BootTime>,
}

impl Workload {
    /// The one that a task is of.
    pub(super) fn new(id: WorkloadId, task: &Task) -> Self {
        let main = if task.key.tgid == task.main {
            task.key
        } else {
            ProcessKey {
                tgid: task.main,
                start: 0,
            }
        };
        Self {
            id,
            init: if id.is_shared() { main } else { task.ns_init },
            is_on_host: task.level == 0,
            knows_containers: true,
            is_delegated: false,
            is_of_root: task.is_of_root,
            place: Worth::default(),
            cgroups: None,
            leaf: String::new(),
            names: None,
            named_at: None,
            has_executed: false,
            members: BTreeMap::new(),
            episode: Episode::default(),
            entered: Entered::default(),
            losses: Losses::default(),
            drops: Drops::default(),
            outside: Outside::default(),
            teardown_seen: false,
            gone_at: None,
            left: 0,
            asked_names: false,
            asked_members: false,
            execed: Vec::new(),
            state: State::Watching { gate: None },
            stirred_at: None,
            passed_on: None,
            last_seen: BootTime(0),
            gate_closed_at: BootTime(0),
            scheduled: None,
        }
    }

    pub(super) fn on_signal(&mut self, event: &SignalEvent, max_facts: usize) -> Step {
        self.see(&event.target, event.at);
        if self.is_over() {
            return Step::Stay;
        }
        if self.has(&event.sender) {
            self.note_entered(&event.sender);
        }
        self.forget_before(event.at);
        self.episode.add_signal(event, self.init, max_facts);
        if event.target.key == self.init {
            self.note_dropped(event);
        }
        if event.target.key != self.init {
            if is_effective_kill(event) {
                self.note_kill(event);
            }
            // One to somebody who is dying already keeps nothing open: a runtime that retries would
            // do so for ever.
            if !is_to_dying(event) {
                self.touch(event.at);
            }
            let is_passed_on =
                event.sender.key == self.init && event.signal.is_some_and(Signal::is_usual_stop);
            if is_passed_on && matches!(self.state, State::Watching { .. }) {
                self.passed_on = Some(event.at);
            }
            Step::Stay
        } else if is_effective_kill(event) {
            self.ending(event.at, false)
        } else if begin::may_ask_to_end(event, self.names.as_ref()) {
            self.asked(event.at)
        } else {
            if let State::Watching { gate } = &mut self.state
                && !begin::is_inside(&event.sender, &event.target)
            {
                *gate = Some(event.at);
            }
            Step::Stay
        }
    }

    pub(super) fn on_exit(&mut self, event: &ExitEvent, max_facts: usize) -> Step {
        self.see(&event.task, event.at);
        if self.is_over() {
            return Step::Stay;
        }
        self.forget_before(event.at);
        if !self.episode.add_exit(event, self.init, max_facts) {
            return Step::Stay;
        }
        let tasks = event.state.ns_tasks;
        if event.task.key == self.init {
            // It counts itself. Of others in a shared namespace the count says nothing of this one.
            self.left = tasks.saturating_sub(1);
            return self.ending(event.at, self.left == 0 && !self.id.is_shared());
        }
        self.touch(event.at);
        let init_ended = self.episode.exit_of(self.init).is_some();
        if let State::Ending { nobody_left, .. } = &mut self.state
            && init_ended
            && !self.id.is_shared()
        {
            // The one that ends, and the init that waits for it.
            self.left = tasks.saturating_sub(2);
            *nobody_left |= self.left == 0;
        }
        Step::Stay
    }

    pub(super) fn on_deliver(&mut self, event: &DeliverEvent) -> Step {
        self.see(&event.task, event.at);
        let is_stopping = matches!(self.state, State::Asked { .. } | State::Ending { .. });
        if is_stopping && (event.task.key == self.init || event.task.is_init()) {
            self.episode.add_deliver(event);
            self.note_dropped_late(event);
        }
        Step::Stay
    }

    pub(super) fn on_teardown(&mut self, at: BootTime) -> Step {
        self.teardown_seen = true;
        self.last_seen = self.last_seen.max(at);
        self.touch(at);
        Step::Stay
    }

    /// Every task of the namespace is gone.
    pub(super) fn on_end(&mut self, at: BootTime, nobodys: &NobodysLosses) -> Step {
        self.last_seen = self.last_seen.max(at);
        self.gone_at.get_or_insert(at);
        let gap = begin::chain_gap(self.names.as_ref());
        match self.state {
            // Its init's exit came before the trace: there is nothing to report. Or it was lost.
            State::Watching { .. } if self.lost_since(nobodys, at, gap) == 0 => {
                self.state = State::Closed { at };
                Step::Calm
            }
            State::Watching { .. } | State::Asked { .. } | State::Ending { .. } => {
                self.state = State::Ended { at };
                Step::Ended
            }
            State::Ended { .. } | State::Closed { .. } => Step::Stay,
        }
    }

    /// Records that were lost during a stop that began then: its own, and those of which it is not known whose they were.
    pub(super) fn lost_since(
        &self,
        nobodys: &NobodysLosses,
        begin: BootTime,
        gap: Duration,
    ) -> u64 {
        let own = self.losses.since(begin, gap);
        own.saturating_add(nobodys.since(self.init.start, self.is_of_root, begin, gap))
    }

    pub(super) fn is_stopping(&self) -> bool {
        matches!(
            self.state,
            State::Asked { .. } | State::Ending { .. } | State::Ended { .. }
        )
    }

    /// What is given up first when the table is full, least first.
    pub(super) fn worth(&self) -> Worth {
        let is_closed = matches!(self.state, State::Closed { .. });
        (self.is_stopping(), !is_closed, self.last_seen.0 / SECOND)
    }

    /// When the stop ended; the last thing seen while it has not.
    pub(super) fn ended_at(&self) -> BootTime {
        match self.state {
            State::Ended { at } => at,
            _ => self.last_seen,
        }
    }

    /// When every task of the namespace was known to be gone.
    pub(super) fn gone_at(&self) -> Option<BootTime> {
        self.gone_at
    }

    /// Tasks beside the init that the namespace still counted at the last exit.
    pub(super) fn left(&self) -> u32 {
        if self.gone_at.is_some() { 0 } else { self.left }
    }

    /// Ended, and names are there or given up.
    pub(super) fn is_ripe(&self, now: BootTime) -> bool {
        let State::Ended { at } = self.state else {
            return false;
        };
        let names_there = self.names.is_some() && !self.asked_members;
        names_there || at.plus(NAMES_PATIENCE) <= now
    }

    /// Keeps only what tells stragglers from a new stop.
    pub(super) fn close(&mut self, now: BootTime) {
        self.state = State::Closed { at: now };
        self.episode = Episode::default();
        self.members.clear();
        self.asked_members = false;
        self.entered = Entered::default();
        self.drops = Drops::default();
        self.outside = Outside::default();
        self.names = None;
    }

    /// Nobody asks it to end.
    pub(super) fn is_watching(&self) -> bool {
        matches!(self.state, State::Watching { .. })
    }

    /// Its init was not killed and has not ended.
    pub(super) fn is_alive(&self) -> bool {
        self.is_watching() || matches!(self.state, State::Asked { .. })
    }

    /// Its init was killed or has ended, and somebody may be left.
    pub(super) fn is_ending(&self) -> bool {
        matches!(self.state, State::Ending { .. })
    }

    /// Reported, or found to have ended before the trace.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Ended { .. } | State::Closed { .. })
    }

    /// While nobody asks the init to end, facts get old.
    pub(super) fn forget_before(&mut self, now: BootTime) {
        if !matches!(self.state, State::Watching { .. }) {
            return;
        }
        let (init, names) = (self.init, self.names.as_ref());
        let gap = begin::chain_gap(names);
        if let State::Watching { gate: Some(at) } = self.state
            && names.is_none()
            && now.since(at) < gap
        {
            // That may have been the configured stop signal: not known yet.
            return;
        }
        self.episode.forget_before(now, |event| {
            // The configured stop signal may be told later: from outside any may be it.
            let may_be_meant = now.since(event.at) < gap
                && !is_effective_kill(event)
                && !begin::is_inside(&event.sender, &event.target);
            event.target.key == init && (may_be_meant || begin::asks_to_end(event, names))
        });
    }

    /// The init is asked to end.
    fn asked(&mut self, at: BootTime) -> Step {
        if let State::Watching { .. } = self.state {
            self.state = State::Asked { last: at };
            self.stirred_at = Some(at);
            self.ask_members();
            return Step::Began;
        }
        self.touch(at);
        if let State::Asked { last } = &mut self.state {
            *last = at.max(*last);
        }
        Step::Stay
    }

    /// The init is SIGKILLed, or ends.
    fn ending(&mut self, at: BootTime, nobody_left: bool) -> Step {
        let was_watching = matches!(self.state, State::Watching { .. });
        self.state = State::Ending {
            last: at,
            nobody_left,
        };
        if was_watching {
            self.stirred_at = Some(at);
            // Nobody asked: there was no time to look at the members before.
            self.ask_members();
            return Step::Began;
        }
        Step::Stay
    }

    /// Something happened in a stop that is ending.
    fn touch(&mut self, at: BootTime) {
        if let State::Ending { last, .. } = &mut self.state {
            *last = at.max(*last);
        }
    }
}
