//! Joins events of a pid namespace into one closed stop per stop of its workload.
//!
//! [`Correlator`] is a state machine without I/O; its contract is in its own documentation.

mod asked;
mod assemble;
mod begin;
mod closing;
mod config;
mod deadlines;
mod deliveries;
mod dropped;
mod entered;
mod episode;
mod facts;
mod gates;
mod killers;
mod losses;
mod members;
mod met;
mod oom;
mod origins;
mod outside;
mod repeats;
mod residents;
mod roles;
mod route;
mod scene;
mod table;
mod terminal;
mod workload;

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use crate::model::{
    BootTime, DeliverEvent, Event, ExitEvent, ProcessNames, SignalEvent, Task, WorkloadId,
    WorkloadNames,
};
pub use config::{Config, Output, Stats};
pub use losses::Whose;
use losses::{NobodysLosses, UnknownLosses};
use oom::OomMarks;
use table::Table;
use workload::{Step, Workload};

/// The state machine.
///
/// # Contract
/// Inputs are `handle_*`, outputs come from [`poll_output`](Self::poll_output), which is to be
/// called until it answers `None` after every input. Time enters only with inputs: events carry the
/// kernel's boot time, and [`handle_time`](Self::handle_time) must be called with the same clock
/// when [`poll_timeout`](Self::poll_timeout) is due; later is harmless. Events come in the order of
/// the ring buffer. Losses are told before the events that were drained with them.
///
/// Lookups are outputs, and their answers inputs: an answer may come late or never. A stop that has
/// ended waits for its names until [`NAMES_PATIENCE`] and closes without them.
///
/// Every stop whose init is SIGKILLed or ends closes exactly once, with at most
/// [`Config::max_facts`] facts. No input panics.
///
/// # States of a workload
/// | state | what moves it on |
/// |---|---|
/// | watching | a signal that asks the init to end, SIGKILL to it, or its exit |
/// | asked | SIGKILL to the init or its exit; or nothing for the grace period and 60 s: back to watching |
/// | ending | its namespace is empty, or 30 s without any event |
/// | ended | names have come, or `NAMES_PATIENCE` |
/// | closed | forgotten after a minute (an hour when somebody was left), so that stragglers open nothing |
#[derive(Debug)]
pub struct Correlator {
    config: Config,
    workloads: Table,
    /// Deadlines of workloads, the next one first.
    deadlines: BTreeSet<(BootTime, WorkloadId)>,
    /// Facts of all workloads.
    facts: usize,
    /// No stop had more than its share when there were that many.
    shared_at: usize,
    outputs: VecDeque<Output>,
    losses: UnknownLosses,
    /// Those of which it is not known whose they were.
    nobodys_losses: NobodysLosses,
    oom: OomMarks,
    evicted: u64,
    now: BootTime,
}

/// How long a stop that has ended waits for names.
pub const NAMES_PATIENCE: Duration = Duration::from_secs(3);

/// All stops together keep this many times the facts of one: a storm in one container must not
/// take the host's memory,
const ALL_STOPS: usize = 4;

/// nor the room of the others: a stop that keeps no more than this gives nothing up.
const MIN_FACTS: usize = 256;

impl Correlator {
    /// A correlator that knows nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            now: config.started,
            config,
            workloads: Table::default(),
            deadlines: BTreeSet::new(),
            facts: 0,
            shared_at: 0,
            outputs: VecDeque::new(),
            losses: UnknownLosses::default(),
            nobodys_losses: NobodysLosses::default(),
            oom: OomMarks::default(),
            evicted: 0,
        }
    }

    /// What the kernel side saw.
    pub fn handle_event(&mut self, event: &Event) {
        let at = event.at();
        self.now = self.now.max(at);
        match event {
            Event::Signal(signal) => self.on_signal(signal),
            Event::Exit(exit) => self.on_exit(exit),
            Event::Deliver(deliver) => self.on_deliver(deliver),
            Event::Exec { task, leaf, .. } => self.on_exec(task, leaf, at),
            Event::Teardown { task, .. } => {
                self.step(task, "", |workload, _| workload.on_teardown(at));
            }
            Event::NamespaceEnd { task, .. } => {
                // With it every process in it is gone, whichever container that is of.
                self.end(at, |id| id.ns == task.ns);
                let nobodys = self.nobodys_losses.clone();
                self.step(task, "", |workload, _| workload.on_end(at, &nobodys));
            }
            Event::CgroupEnd { cgroup, .. } => {
                self.end(at, |id| id.container == *cgroup);
            }
            Event::Oom { tid, .. } => self.oom.note(*tid, at),
        }
    }

    fn on_signal(&mut self, event: &SignalEvent) {
        let Some(id) = self.route(&event.target) else {
            return;
        };
        let event = self.at_home(id, event, event.target.container, |event| {
            [&mut event.target, &mut event.sender]
        });
        self.step_of(id, &event.target, &event.leaf, |workload, max| {
            workload.on_signal(&event, max)
        });
    }

    fn on_deliver(&mut self, event: &DeliverEvent) {
        let Some(id) = self.route(&event.task) else {
            return;
        };
        let away = event.task.container;
        let event = self.at_home(id, event, away, |event| [&mut event.task]);
        self.step_of(id, &event.task, "", |workload, _| {
            workload.on_deliver(&event)
        });
    }

    fn on_exec(&mut self, task: &Task, leaf: &str, at: BootTime) {
        let Some(id) = self.route(task) else {
            return;
        };
        let task = self.at_home(id, task, task.container, |task| [task]);
        self.step_of(id, &task, leaf, |workload, _| {
            workload.on_exec(&task, at);
            Step::Stay
        });
    }

    fn on_exit(&mut self, event: &ExitEvent) {
        let Some(id) = self.route(&event.task) else {
            return;
        };
        let away = event.task.container;
        let event = self.at_home(id, event, away, |event| [&mut event.task]);
        self.step_of(id, &event.task, &event.leaf, |workload, max| {
            workload.on_exit(&event, max)
        });
    }

    /// Records of one workload were lost. `key` is the start of its init, or
    /// `rinit_trace_common::CONTAINER_KEY`; `id` the `ns_id` of its namespace, or its inum on kernels
    /// without, or its container's cgroup. `whose` says of which kind it is.
    pub fn handle_loss(&mut self, (id, key): (u64, u64), whose: Whose, count: u64, at: BootTime) {
        self.now = self.now.max(at);
        let known = self.workloads.id_of((id, key));
        match known.and_then(|known| self.workloads.get_mut(known)) {
            Some(workload) => workload.losses.note(count, at),
            // One that is being set up, and so far counts to the workload whose namespace it shares.
            None if key == rinit_trace_common::CONTAINER_KEY => {
                self.handle_unknown_loss(whose, count, at);
                self.losses.note((id, key), count, at);
            }
            // Its very first record was lost: told when it shows up.
            None => self.losses.note((id, key), count, at),
        }
    }

    /// Records were lost, and it is not known of which workloads.
    pub fn handle_unknown_loss(&mut self, whose: Whose, count: u64, at: BootTime) {
        self.now = self.now.max(at);
        self.nobodys_losses.note(whose, count, at);
    }

    /// A workload that was there before: known, so that its names are fetched in time.
    pub fn handle_workload(&mut self, task: &Task, leaf: &str) {
        let at = self.now;
        self.step(task, leaf, |workload, _| {
            workload.see(task, at);
            Step::Stay
        });
    }

    /// Whether what is known of a workload by the id of its container is not to be believed.
    pub fn is_delegated(&self, id: WorkloadId) -> bool {
        let workload = self.workloads.get(id);
        workload.is_some_and(|workload| workload.is_delegated)
    }

    /// The answer to [`Output::LookupWorkload`].
    pub fn handle_names(&mut self, id: WorkloadId, names: WorkloadNames) {
        let at = self.now;
        let mut signal = None;
        self.touch(id, |workload, _| {
            signal = workload.names_came(names, at);
            if workload.calm_down() {
                Step::Calm
            } else {
                Step::Named
            }
        });
        let record = signal.map(|signal| Output::RecordSignal { id, signal });
        self.outputs.extend(record);
    }

    /// The answer to [`Output::LookupMembers`].
    pub fn handle_members(&mut self, id: WorkloadId, members: Vec<ProcessNames>) {
        self.touch(id, |workload, _| {
            workload.members_came(members);
            Step::Named
        });
    }

    /// Time has passed.
    pub fn handle_time(&mut self, now: BootTime) {
        self.now = self.now.max(now);
        let now = self.now;
        while let Some((at, id)) = self.deadlines.first().copied()
            && at <= now
        {
            self.touch(id, |workload, _| workload.on_timeout(now));
        }
    }

    /// The gate of a workload is closed, at some moment before `at`: what opened it until then is undone.
    pub fn handle_gate_closed(&mut self, id: WorkloadId, at: BootTime) {
        if let Some(workload) = self.workloads.get_mut(id) {
            workload.gate_closed_at = at;
        }
    }

    /// Whether the kernel side's gate of a workload may be open: its init was asked to end, or may have been.
    /// `key` is its `WorkloadId::kernel_key`.
    pub fn wants_gate(&self, key: (u64, u64)) -> bool {
        let id = self.workloads.id_of(key);
        let workload = id.and_then(|id| self.workloads.get(id));
        workload.is_some_and(Workload::wants_gate)
    }

    /// The wall clock was set.
    pub fn set_wall_offset(&mut self, offset: i64) {
        self.config.wall_offset = offset;
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`handle_time`](Self::handle_time) is due.
    pub fn poll_timeout(&self) -> Option<BootTime> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Counters and gauges.
    pub fn stats(&self) -> Stats {
        Stats {
            workloads: self.workloads.len(),
            open_stops: self
                .workloads
                .values()
                .filter(|workload| workload.is_stopping())
                .count(),
            evicted: self.evicted,
        }
    }

    /// Runs one input on its workload.
    fn step(&mut self, task: &Task, leaf: &str, input: impl FnOnce(&mut Workload, usize) -> Step) {
        if let Some(id) = self.route(task) {
            self.step_of(id, task, leaf, input);
        }
    }

    /// The same when it is known which, made when it is new.
    fn step_of(
        &mut self,
        id: WorkloadId,
        task: &Task,
        leaf: &str,
        input: impl FnOnce(&mut Workload, usize) -> Step,
    ) {
        if !self.workloads.contains(id) {
            self.make_room(task.is_of_root);
            let mut workload = Workload::new(id, task);
            workload.knows_containers = self.config.knows_containers;
            // Its first record may come after those that were lost.
            if let Some((count, at)) = self.losses.take(id.kernel_key()) {
                workload.losses.note(count, at);
            }
            self.workloads.insert(id, workload);
        }
        if let Some(workload) = self.workloads.get_mut(id)
            && let Some(init) = workload.wants_names(leaf)
        {
            self.outputs.push_back(Output::LookupWorkload {
                id,
                init,
                leaf: leaf.to_owned(),
            });
        }
        self.touch(id, input);
    }

    /// Everybody of some containers in shared namespaces is gone.
    fn end(&mut self, at: BootTime, is_meant: impl Fn(WorkloadId) -> bool) {
        let ended = self.workloads.shared().filter(|id| is_meant(*id));
        let ended: Vec<WorkloadId> = ended.collect();
        let nobodys = self.nobodys_losses.clone();
        for id in ended {
            self.touch(id, |workload, _| workload.on_end(at, &nobodys));
        }
    }

    /// Runs one input on a workload that is known, and keeps the books.
    fn touch(&mut self, id: WorkloadId, input: impl FnOnce(&mut Workload, usize) -> Step) {
        let Some(workload) = self.workloads.get_mut(id) else {
            return;
        };
        let others = self.facts - workload.episode.len();
        let step = input(workload, self.config.max_facts);
        self.facts = others + workload.episode.len();
        let dropped = workload.take_dropped(self.now);
        let outside = workload.take_outside(&self.oom, self.now);
        self.outputs.extend(dropped.map(Output::SignalDropped));
        self.outputs.extend(outside.map(Output::KilledOutsideStop));
        self.after(id, step);
        self.schedule(id);
        self.workloads.settle(id);
        self.share_room();
    }

    /// Where all stops together keep too much, the one that keeps most gives up half of it.
    fn share_room(&mut self) {
        let most = ALL_STOPS.saturating_mul(self.config.max_facts);
        while self.facts > most.max(self.shared_at) {
            let stops = self.workloads.values_mut();
            let largest = stops.max_by_key(|workload| workload.episode.len());
            let Some(largest) = largest.filter(|stop| stop.episode.len() > MIN_FACTS) else {
                // None can have more than that before there are so many more.
                self.shared_at = self.facts + MIN_FACTS;
                return;
            };
            let before = largest.episode.len();
            largest.episode.shed(largest.init);
            let given_up = before - largest.episode.len();
            self.facts -= given_up;
            if given_up == 0 {
                self.shared_at = self.facts + MIN_FACTS;
                return;
            }
        }
        self.shared_at = self.shared_at.min(self.facts + MIN_FACTS);
    }

    fn after(&mut self, id: WorkloadId, step: Step) {
        match step {
            Step::Stay => {}
            Step::Began => {
                self.outputs.push_back(Output::StopBegan { id });
                if let Some(workload) = self.workloads.get_mut(id)
                    && let Some(at) = workload.lost_its_gate()
                {
                    let signal = workload.sent_at(at);
                    self.outputs.push_back(Output::OpenGate { id, signal });
                }
                let container = self.container_of(id);
                self.outputs
                    .push_back(Output::LookupMembers { id, container });
            }
            Step::Calm => self.outputs.push_back(Output::CloseGate { id }),
            Step::Forget => {
                self.remove(id);
                // A straggler may have opened it again.
                self.outputs.push_back(Output::CloseGate { id });
            }
            Step::Named | Step::Ended => self.close_ripe(id),
        }
    }

    fn schedule(&mut self, id: WorkloadId) {
        let Some(workload) = self.workloads.get_mut(id) else {
            return;
        };
        let deadline = workload.deadline();
        let before = std::mem::replace(&mut workload.scheduled, deadline);
        if before != deadline {
            self.deadlines.extend(deadline.map(|at| (at, id)));
            if let Some(at) = before {
                self.deadlines.remove(&(at, id));
            }
        }
    }

    fn remove(&mut self, id: WorkloadId) -> Option<Workload> {
        let workload = self.workloads.remove(id)?;
        self.facts -= workload.episode.len();
        if let Some(at) = workload.scheduled {
            self.deadlines.remove(&(at, id));
        }
        self.outputs.push_back(Output::Forgotten { id });
        Some(workload)
    }
}
