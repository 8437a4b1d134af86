//! The processes of a stop: who was a member, and how each ended.

use std::collections::BTreeMap;

use super::{
    episode::{found_alive, is_effective_kill},
    killers::killed_by,
    oom,
    scene::Scene,
    terminal::is_of_terminal,
};
use crate::model::{
    BootTime, Exit, ExitEvent, ExitStatus, KilledBy, Origin, Outcome, Process, ProcessKey, Role,
    SendResult, Signal, SignalEvent, Task, TaskState, millis,
};

/// A process as the facts show it.
pub(super) struct Member<'a> {
    pub(super) key: ProcessKey,
    pub(super) task: &'a Task,
    pub(super) exit: Option<&'a ExitEvent>,
    /// Its first SIGKILL that the kernel accepted.
    pub(super) kill: Option<&'a SignalEvent>,
    /// The signal of its terminal before the stop that ended it.
    pub(super) ended_by_terminal: Option<&'a SignalEvent>,
    /// Signals that asked it to end, in order.
    pub(super) asked: Vec<&'a SignalEvent>,
    /// What the last signal found it to be (`self_exec_id`).
    exec_id: Option<u64>,
}

/// Whether an init that was asked to end sends something to a member: that may be the stop signal for
/// it (`dumb-init -r`).
fn is_sent_on(event: &SignalEvent, scene: &Scene) -> bool {
    scene.begin.signal.is_some()
        && event.sender.key == scene.workload.init
        && event.target.key != scene.workload.init
        && matches!(event.origin(), Origin::User | Origin::Thread)
}

/// Collects the members: alive at some moment of the stop, the init first, then by their end.
pub(super) fn collect<'a>(scene: &Scene<'a>) -> Vec<Member<'a>> {
    let workload = scene.workload;
    let (episode, begin) = (&workload.episode, scene.begin.at);
    let mut members: BTreeMap<ProcessKey, Member> = BTreeMap::new();
    for event in episode.exits.iter().filter(|event| event.at >= begin) {
        members.insert(event.task.key, Member::new(&event.task, Some(event)));
    }
    for event in episode.signals.iter().filter(|event| event.at >= begin) {
        let exit = episode.exit_of(event.target.key);
        if found_alive(event, exit) {
            members
                .entry(event.target.key)
                .or_insert_with(|| Member::new(&event.target, exit))
                .add(event, scene);
        }
    }
    // A SIGKILL shortly before the begin, of one that ended in the stop: the main child, or a worker
    // of a supervisor.
    for event in episode.signals.iter().filter(|event| event.at < begin) {
        if is_effective_kill(event)
            && let Some(member) = members.get_mut(&event.target.key)
        {
            member.kill = member.kill.filter(|kill| kill.at < begin).or(Some(event));
        }
        if is_of_terminal(event)
            && let Some(member) = members.get_mut(&event.target.key)
            && let Some(ExitStatus::Signal(signal)) = member.exit.map(|exit| exit.status)
            && event.signal == Some(signal)
        {
            member.ended_by_terminal = Some(event);
        }
    }
    let mut members: Vec<Member> = members.into_values().collect();
    members.iter_mut().for_each(Member::forget_late_requests);
    if workload.gone_at().is_some() {
        // Nobody outlives the namespace. What has no exit was a zombie before the stop, unless
        // records are missing and it was SIGKILLed.
        members.retain(|member| {
            let exit_was_lost = scene.is_incomplete && member.kill.is_some();
            member.exit.is_some() || member.key == workload.init || exit_was_lost
        });
    }
    members.sort_by_key(|member| {
        let end = member.exit.map_or(BootTime(u64::MAX), |exit| exit.at);
        (member.key != workload.init, end, member.key)
    });
    members
}

impl<'a> Member<'a> {
    fn new(task: &'a Task, exit: Option<&'a ExitEvent>) -> Self {
        Self {
            key: task.key,
            task,
            exit,
            kill: None,
            ended_by_terminal: None,
            asked: Vec::new(),
            exec_id: None,
        }
    }

    fn add(&mut self, event: &'a SignalEvent, scene: &Scene) {
        // At its exit its parent may be gone already, and another its parent.
        self.task = &event.target;
        self.exec_id = Some(event.state.exec_id);
        if is_effective_kill(event) {
            self.kill.get_or_insert(event);
        } else if event
            .signal
            .is_some_and(|signal| signal.asks_to_end(scene.stop, is_sent_on(event, scene)))
        {
            self.asked.push(event);
        }
    }

    /// Leaves out what came after its SIGKILL: on a busy machine it is still there for a while, signals are still
    /// queued for it, and it takes none of them.
    fn forget_late_requests(&mut self) {
        if let Some(kill) = self.kill {
            self.asked.retain(|event| event.at <= kill.at);
        }
    }

    /// The process as the report shows it.
    pub(super) fn report(&self, scene: &Scene, role: Role) -> Process {
        let outcome = self.outcome(scene);
        Process {
            pid: self.key.tgid,
            ns_pid: self.task.ns_tgid,
            ppid: self.task.ppid,
            pgid: self.task.pgid,
            sid: self.task.sid,
            comm: self.comm().to_owned(),
            cmdline: scene
                .workload
                .names_of(self.key)
                .map(|names| names.cmdline.clone())
                .filter(|cmdline| !cmdline.is_empty()),
            role,
            stop_signal: self.met_stop_signal(scene),
            killed_by: outcome.is_killed().then(|| self.killed_by(scene)),
            outcome,
            exit: self.exit.map(|exit| {
                let (code, signal) = match exit.status {
                    ExitStatus::Code(code) => (Some(code), None),
                    ExitStatus::Signal(signal) => (None, Some(signal)),
                };
                Exit {
                    at_ms: millis(exit.at.since(scene.begin.at)),
                    code,
                    signal,
                }
            }),
        }
    }

    /// Its name at the end. An exit has that of the last thread, which counts only where the process
    /// has become another program since its last signal.
    pub(super) fn comm(&self) -> &'a str {
        let has_execed = |exit: &&ExitEvent| {
            let before = self.exec_id;
            before.is_some_and(|before| before != exit.state.exec_id)
        };
        let task = self.exit.filter(has_execed).map(|exit| &exit.task);
        &task.unwrap_or(self.task).comm
    }

    /// State at its SIGKILL, else at its exit.
    pub(super) fn end_state(&self) -> Option<TaskState> {
        self.kill
            .map(|kill| kill.state)
            .or_else(|| self.exit.map(|exit| exit.state))
    }

    fn outcome(&self, scene: &Scene) -> Outcome {
        match self.exit.map(|exit| exit.status) {
            Some(ExitStatus::Code(_)) => Outcome::Exited,
            Some(ExitStatus::Signal(signal)) if signal != Signal::KILL => Outcome::Terminated,
            Some(ExitStatus::Signal(_)) => self.killed_outcome(scene),
            // Its exit record was lost.
            None if self.kill.is_some() && scene.workload.gone_at().is_some() => {
                self.killed_outcome(scene)
            }
            None => Outcome::Alive,
        }
    }

    fn killed_outcome(&self, scene: &Scene) -> Outcome {
        let dropped = |event: &&SignalEvent| {
            event.result == SendResult::Ignored
                || event
                    .signal
                    .is_some_and(|signal| self.drops_at_delivery(scene, signal) > 0)
        };
        if oom::is_victim(self.kill, self.exit) {
            Outcome::OomKilled
        } else if self.asked.is_empty() {
            Outcome::KilledUnsignalled
        } else if self.taken(scene, None) == Some(true) {
            Outcome::KilledHandling
        } else if self.asked.iter().all(dropped) {
            Outcome::KilledIgnoring
        } else {
            Outcome::KilledPending
        }
    }

    fn killed_by(&self, scene: &Scene) -> KilledBy {
        if oom::is_victim(self.kill, self.exit) {
            return KilledBy::Oom;
        }
        let Some(kill) = self.kill else {
            return KilledBy::Unknown;
        };
        killed_by(kill, scene.is_by_runtime(&kill.sender, &kill.target))
    }
}
