//! A host with containers, as far as signals show it, and a correlator that watches it.
//!
//! [`World`] owns the clock: it wakes the correlator when that asks for it, so that hours pass in
//! microseconds. Its processes follow the kernel's rules (kernel/signal.c), so that a scenario says
//! what was done and not what the records look like.

mod death;
mod expect;
mod process;
mod script;
mod text;

use std::{collections::BTreeMap, time::Duration};

pub(crate) use expect::check;
use process::Process;
use rinit_trace_core::{
    correlate::{Config, Correlator, Output},
    diagnose::diagnose,
    model::{
        BootTime, ClosedStop, DeliverEvent, Disposition, DroppedSignal, Event, ExitEvent,
        ExitStatus, KillsOutsideStop, PidNs, ProcessKey, ProcessNames, SendResult, Signal,
        SignalEvent, SignalInfo, StopReport, Task, WorkloadId, WorkloadNames,
    },
};
pub(crate) use script::{play, play_until};
pub(crate) use text::nanos;

/// The host's own pid namespace.
pub(crate) const HOST: PidNs = PidNs {
    id: 1,
    inum: 4_026_531_836,
    init_start: 1,
};

/// When scenarios begin: early enough that nothing before it is negative.
pub(crate) const ZERO: BootTime = BootTime(1_000_000_000_000_000);

/// A process: its namespace's letter, and its number in it.
pub(crate) type Id = (char, u32);

/// One pid namespace, or one container in a shared one.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    pub(crate) id: PidNs,
    /// Of a container in a shared one; else 0.
    pub(crate) container: u64,
    /// Number of its main process.
    pub(crate) main: u32,
    /// Whose namespace it shares; `None` for its own, and for the host's.
    pub(crate) shares: Option<char>,
    pub(crate) answers: Answers,
    pub(crate) names: WorkloadNames,
}

/// How lookups are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    AtOnce,
    WhenTold,
}

pub(crate) struct World {
    pub(crate) correlator: Correlator,
    pub(crate) now: BootTime,
    pub(crate) namespaces: BTreeMap<char, Namespace>,
    pub(crate) processes: BTreeMap<Id, Process>,
    pub(crate) closed: Vec<ClosedStop>,
    pub(crate) reports: Vec<StopReport>,
    /// When each report came.
    pub(crate) closed_at: Vec<BootTime>,
    pub(crate) gates_closed: Vec<BootTime>,
    /// For which signals gates were opened again.
    pub(crate) gates_reopened: Vec<Option<Signal>>,
    pub(crate) began: usize,
    /// Signals that the kernel side is to record among a workload's processes.
    pub(crate) recorded: Vec<(WorkloadId, Signal)>,
    /// Stop signals that inits dropped, and when that was told.
    pub(crate) dropped: Vec<(BootTime, DroppedSignal)>,
    /// Kills outside a stop, and when they were told.
    pub(crate) outside: Vec<(BootTime, KillsOutsideStop)>,
}

/// A signal as a script tells it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) signal: Signal,
    pub(crate) info: SignalInfo,
    pub(crate) group: bool,
    pub(crate) result: Option<SendResult>,
    pub(crate) disposition: Option<Disposition>,
    pub(crate) folded: u32,
}

impl Sent {
    pub(crate) fn new(signal: Signal) -> Self {
        Self {
            signal,
            info: SignalInfo::Code(Some(0)),
            group: true,
            result: None,
            disposition: None,
            folded: 0,
        }
    }
}

/// What is known of a workload, if nothing else is told: its stop signal.
fn named() -> WorkloadNames {
    WorkloadNames {
        stop_signal: Some(Signal::TERM),
        ..WorkloadNames::default()
    }
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            correlator: Correlator::new(config),
            now: ZERO,
            namespaces: BTreeMap::new(),
            processes: BTreeMap::new(),
            closed: Vec::new(),
            reports: Vec::new(),
            closed_at: Vec::new(),
            gates_closed: Vec::new(),
            gates_reopened: Vec::new(),
            began: 0,
            recorded: Vec::new(),
            dropped: Vec::new(),
            outside: Vec::new(),
        }
    }

    /// A namespace with its init, started some time ago.
    pub(crate) fn add_namespace(&mut self, letter: char, comm: &str, age: Duration) {
        let nth = u32::from(letter) - u32::from('A');
        let init = Process::init((letter, 1), comm, BootTime(ZERO.0 - nanos(age)));
        let id = PidNs {
            id: 500 + u64::from(nth),
            inum: 4_026_532_281 + nth,
            init_start: init.start.0,
        };
        self.processes.insert((letter, 1), init);
        self.namespaces.insert(
            letter,
            Namespace {
                id,
                container: 0,
                main: 1,
                shares: None,
                answers: Answers::AtOnce,
                names: named(),
            },
        );
    }

    /// A container in the pid namespace of another, or in the host's, with its main process.
    pub(crate) fn add_container(&mut self, letter: char, shares: Option<char>, main: Process) {
        let nth = u64::from(letter) - u64::from('A');
        let container = 7000 + nth;
        self.namespaces.insert(
            letter,
            Namespace {
                id: shares.map_or(HOST, |owner| self.namespaces[&owner].id),
                container,
                main: main.id.1,
                shares,
                answers: Answers::AtOnce,
                names: named(),
            },
        );
        self.processes.insert(main.id, main);
    }

    /// The leaf name of a workload's cgroup: an id where that has to be one.
    pub(crate) fn leaf(&self, letter: char) -> String {
        match self.namespaces[&letter].container {
            0 => "3d206acf928a".to_owned(),
            container => format!("docker-{container:064x}.scope"),
        }
    }

    pub(crate) fn workload(&self, letter: char) -> WorkloadId {
        let namespace = &self.namespaces[&letter];
        WorkloadId {
            ns: namespace.id,
            container: namespace.container,
        }
    }

    pub(crate) fn process(&mut self, id: Id) -> &mut Process {
        self.processes
            .get_mut(&id)
            .unwrap_or_else(|| panic!("no process {id:?}: say `member {}` first", id.1))
    }

    /// Lets time pass; wakes the correlator whenever it asks for it.
    pub(crate) fn advance(&mut self, to: BootTime) {
        for _ in 0..1000 {
            let Some(at) = self.correlator.poll_timeout().filter(|at| *at <= to) else {
                // Stamps may go back by microseconds.
                self.now = self.now.max(to);
                return;
            };
            self.now = self.now.max(at);
            self.correlator.handle_time(self.now);
            let next = self.correlator.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "a busy loop");
            self.drain();
        }
        panic!("the correlator never settles");
    }

    /// Lets so much time pass that everything has closed.
    pub(crate) fn settle(&mut self) {
        while let Some(at) = self.correlator.poll_timeout() {
            self.advance(at);
        }
    }

    pub(crate) fn handle(&mut self, event: &Event) {
        self.correlator.handle_event(event);
        self.drain();
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.correlator.poll_output() {
            match output {
                Output::LookupWorkload { id, .. } => {
                    if self.answers(id) == Answers::AtOnce {
                        self.answer_names(id);
                    }
                }
                Output::LookupMembers { id, .. } => {
                    if self.answers(id) == Answers::AtOnce {
                        self.answer_members(id);
                    }
                }
                Output::CloseGate { id } => {
                    self.gates_closed.push(self.now);
                    self.correlator.handle_gate_closed(id, self.now);
                }
                Output::StopBegan { .. } => self.began += 1,
                Output::OpenGate { signal, .. } => self.gates_reopened.push(signal),
                Output::RecordSignal { id, signal } => self.recorded.push((id, signal)),
                Output::Forgotten { id } => self.recorded.retain(|(known, _)| *known != id),
                Output::SignalDropped(dropped) => self.dropped.push((self.now, *dropped)),
                Output::KilledOutsideStop(kills) => self.outside.push((self.now, *kills)),
                Output::Closed(closed) => {
                    let keys = closed.facts.processes.iter().map(|key| key.tgid);
                    let pids = closed.report.processes.iter().map(|process| process.pid);
                    assert!(keys.eq(pids), "the facts name the report's processes");
                    self.closed.push((*closed).clone());
                    self.closed_at.push(self.now);
                    expect::quotes_no_argument((*closed).clone());
                    self.reports
                        .push(expect::with_known_advice(diagnose(*closed)));
                }
            }
        }
    }

    fn answers(&self, id: WorkloadId) -> Answers {
        self.letter(id)
            .map_or(Answers::WhenTold, |letter| self.namespaces[&letter].answers)
    }

    fn letter(&self, id: WorkloadId) -> Option<char> {
        let mut letters = self.namespaces.keys().copied();
        letters.find(|letter| self.workload(*letter) == id)
    }

    pub(crate) fn answer_names(&mut self, id: WorkloadId) {
        let letter = self.letter(id).expect("a namespace of this world");
        let names = self.namespaces[&letter].names.clone();
        self.correlator.handle_names(id, names);
    }

    /// As `/proc` shows them.
    pub(crate) fn answer_members(&mut self, id: WorkloadId) {
        let letter = self.letter(id).expect("a namespace of this world");
        let members = self
            .processes
            .values()
            .filter(|process| process.id.0 == letter && process.is_listed())
            .map(|process| ProcessNames {
                pid: process.host_pid(),
                start_ticks: process.start.0 / 10_000_000,
                ppid: process.ppid(),
                parent_inside: process.parent.is_some(),
                sid: process.sid,
                comm: process.comm.clone(),
                cmdline: process.cmdline.clone(),
                settings: process.settings.clone(),
            })
            .collect();
        self.correlator.handle_members(id, members);
    }

    /// The process as the kernel side shows it.
    pub(crate) fn task(&self, id: Id) -> Task {
        let namespace = &self.namespaces[&id.0];
        let process = &self.processes[&id];
        let parent_comm = process
            .parent
            .and_then(|parent| self.processes.get(&(id.0, parent)))
            .map_or("containerd-shim", |parent| parent.comm.as_str());
        let task = process.task();
        let owner = namespace.shares.unwrap_or(id.0);
        let init = self.processes.get(&(owner, 1)).map(Process::host_pid);
        let is_on_host = namespace.id == HOST;
        Task {
            ns: namespace.id,
            ns_init: ProcessKey {
                tgid: init.unwrap_or(1),
                start: namespace.id.init_start,
            },
            container: namespace.container,
            main: match namespace.container {
                0 => 0,
                _ => self.processes[&(id.0, namespace.main)].host_pid(),
            },
            parent_comm: parent_comm.to_owned(),
            level: u32::from(!is_on_host),
            inner_level: if is_on_host { 0 } else { task.inner_level },
            ns_tgid: if is_on_host { task.tid } else { task.ns_tgid },
            ..task
        }
    }

    /// Tasks with a number in a namespace.
    fn tasks(&self, letter: char) -> u32 {
        let counted = self
            .processes
            .values()
            .filter(|process| process.id.0 == letter && process.is_counted());
        u32::try_from(counted.count()).unwrap()
    }

    pub(crate) fn send(&mut self, at: BootTime, sender: Task, target: Id, sent: &Sent) {
        let inside = sender.ns == self.namespaces[&target.0].id;
        let task = self.task(target);
        let tasks = self.tasks(target.0);
        let process = self.process(target);
        let disposition = sent
            .disposition
            .unwrap_or_else(|| process.disposition(sent.signal));
        let result = process.receive(sent.signal, inside, sent.result);
        let event = SignalEvent {
            at,
            signal: Some(sent.signal),
            info: sent.info,
            group: sent.group,
            result,
            disposition,
            folded: sent.folded,
            tracer: process.tracer,
            settled: None,
            sender,
            target: task,
            state: process.state(tasks),
            leaf: self.leaf(target.0),
        };
        let process = self.process(target);
        let took = process.takes(sent.signal);
        self.handle(&Event::Signal(Box::new(event)));
        if took && target.1 == 1 && disposition == Disposition::Handled {
            self.handle(&Event::Deliver(Box::new(DeliverEvent {
                at: at.plus(Duration::from_micros(20)),
                task: self.task(target),
                signal: sent.signal,
                disposition,
            })));
        }
    }

    /// An init unblocks a signal that it has no handler for: delivered, and dropped after that.
    pub(crate) fn drop_at_delivery(&mut self, at: BootTime, id: Id, signal: Signal) {
        self.process(id).pending &= !signal.bit();
        self.process(id).blocked &= !signal.bit();
        let disposition = self.process(id).disposition(signal);
        let task = self.task(id);
        self.handle(&Event::Deliver(Box::new(DeliverEvent {
            at,
            task,
            signal,
            disposition,
        })));
    }

    /// A SIGKILL by a dying init (`zap_pid_ns_processes`).
    pub(crate) fn zap(&mut self, at: BootTime, init: Id, target: Id) {
        let sender = Task {
            flags: 4,
            ..self.task(init)
        };
        let sent = Sent {
            info: SignalInfo::Kernel,
            ..Sent::new(Signal::KILL)
        };
        self.send(at, sender, target, &sent);
    }

    /// A SIGKILL by the dying init and the exit that follows, to be varied.
    pub(crate) fn samples(&self, target: Id) -> (SignalEvent, ExitEvent) {
        let mut process = self.processes[&target].clone();
        process.receive(Signal::KILL, false, None);
        let kill = SignalEvent {
            signal: Some(Signal::KILL),
            info: SignalInfo::Kernel,
            group: true,
            sender: Task {
                flags: 4,
                ..self.task((target.0, 1))
            },
            target: self.task(target),
            state: process.state(9),
            ..SignalEvent::default()
        };
        let exit = ExitEvent {
            at: BootTime(0),
            task: self.task(target),
            state: process.state(9),
            status: ExitStatus::Signal(Signal::KILL),
            leaf: String::new(),
        };
        (kill, exit)
    }

    pub(crate) fn end(&mut self, at: BootTime, letter: char) {
        let task = Task {
            flags: 4,
            ..self.task((letter, 1))
        };
        self.handle(&Event::NamespaceEnd {
            at,
            task: Box::new(task),
        });
    }
}
