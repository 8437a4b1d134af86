//! What lives in a workload: names of its processes, and which of them have entered from outside.

use super::workload::Workload;
use crate::model::{
    BootTime, CgroupIds, InitSettings, ProcessKey, ProcessNames, Signal, TICK_NS, Task,
    WorkloadNames,
};

/// Most processes whose names are kept.
const MAX_MEMBERS: usize = 16_384;

/// Most that are remembered to have become other programs while the members are looked up: only inits and
/// what enters from outside are told of.
const MAX_EXECED: usize = 256;

impl Workload {
    /// The init to look up, once.
    pub(super) fn wants_names(&mut self, leaf: &str) -> Option<ProcessKey> {
        if self.leaf.is_empty() {
            leaf.clone_into(&mut self.leaf);
        }
        (!std::mem::replace(&mut self.asked_names, true)).then_some(self.init)
    }

    /// The configured stop signal, when that is new and none of those that are recorded everywhere.
    pub(super) fn names_came(&mut self, mut names: WorkloadNames, at: BootTime) -> Option<Signal> {
        if self.is_delegated {
            names.distrust();
        }
        let before = self.names.as_ref().and_then(|names| names.stop_signal);
        let signal = names.stop_signal.filter(|signal| !signal.is_usual_stop());
        let is_new = signal != before;
        self.names = Some(names);
        if is_new || self.named_at.is_none() {
            self.named_at = Some(at);
        }
        self.settle_doubtful();
        signal.filter(|_| is_new)
    }

    /// The members are to be looked up.
    pub(super) fn ask_members(&mut self) {
        self.asked_members = true;
        self.execed.clear();
    }

    pub(super) fn members_came(&mut self, mut members: Vec<ProcessNames>) {
        if !std::mem::replace(&mut self.asked_members, false) {
            return;
        }
        // They may have been read of the former program.
        for member in &mut members {
            let is_it = |key: &ProcessKey| {
                key.tgid == member.pid && key.start / TICK_NS == member.start_ticks
            };
            if self.execed.iter().any(is_it) {
                member.cmdline.clear();
                member.settings = None;
            }
        }
        self.members.extend(
            members
                .into_iter()
                .take(MAX_MEMBERS)
                .map(|member| (member.pid, member)),
        );
        // Without our init these may be the processes of the next namespace with this inum.
        if self.names_of(self.init).is_none() {
            return;
        }
        if self.is_on_host {
            // An orphan of the container has gone to the runtime: it looks as if it had entered.
            return;
        }
        for member in self.members.values() {
            // Its parent lives outside and it is not the init: it entered.
            if !member.parent_inside && member.pid != self.init.tgid {
                self.entered.note(member.pid, member.start_ticks);
            }
        }
    }

    /// What the lookup said of a process; its pid may have been another's at that time.
    pub(super) fn names_of(&self, key: ProcessKey) -> Option<&ProcessNames> {
        self.members
            .get(&key.tgid)
            .filter(|names| names.start_ticks == key.start / TICK_NS)
    }

    /// Notes where a process lives, and whether it entered from outside.
    pub(super) fn see(&mut self, task: &Task, at: BootTime) {
        self.last_seen = self.last_seen.max(at);
        if self.init.start == 0 && self.init.tgid == task.key.tgid {
            self.init = task.key;
        }
        if self.is_over() {
            // Its facts are complete.
        } else if task.key == self.init {
            if task.is_delegated && !self.is_delegated {
                self.is_delegated = true;
                self.names.iter_mut().for_each(WorkloadNames::distrust);
            }
            // Zero is not read rather than a cgroup.
            if task.cgroups != CgroupIds::default() {
                self.cgroups = Some(task.cgroups);
            }
        } else {
            self.note_entered(task);
        }
    }

    /// Whether a process is part of an exec session by itself: it entered, or descends from one that did.
    /// Numbers of sessions say nothing, since they are used again. Another container's main process in
    /// the same namespace is none.
    pub(super) fn is_exec(&self, task: &Task) -> bool {
        task.key != self.init
            && !self.is_other_container(task)
            && (task.has_entered || self.entered.contains(task.key))
    }

    /// Whether a process may be another container's, where nobody tells: it is in another cgroup.
    pub(super) fn is_other_container(&self, task: &Task) -> bool {
        !self.knows_containers && self.cgroups.is_some_and(|own| own != task.cgroups)
    }

    /// Whether a process is of this workload.
    pub(super) fn has(&self, task: &Task) -> bool {
        task.ns == self.id.ns && task.container == self.id.container
    }

    /// A process that is the init, or has entered, has become another program.
    pub(super) fn on_exec(&mut self, task: &Task, at: BootTime) {
        self.see(task, at);
        self.has_executed |= task.key == self.init;
        // An orphan of the container that becomes another program has the shim for its parent, too: the
        // kernel side knows who was put there.
        if self.is_on_host && task.key != self.init && task.has_entered && !self.is_over() {
            self.entered.note_process(task.key);
        }
        self.forget_program(task);
    }

    /// What was looked up before is said of the former program: arguments and settings are not known
    /// any more.
    fn forget_program(&mut self, task: &Task) {
        if self.asked_members && self.execed.len() < MAX_EXECED {
            self.execed.push(task.key);
        }
        if let Some(member) = self.members.get_mut(&task.key.tgid)
            && member.start_ticks == task.key.start / TICK_NS
        {
            member.cmdline.clear();
            member.settings = None;
        }
        if task.key == self.init
            && let Some(names) = &mut self.names
        {
            names.init_cmdline = None;
            names.init_settings = InitSettings::default();
        }
    }

    pub(super) fn note_entered(&mut self, task: &Task) {
        let from_outside = task.parent_level < task.level && task.key != self.init;
        if from_outside && !self.is_other_container(task) {
            self.entered.note_process(task.key);
        }
    }
}
