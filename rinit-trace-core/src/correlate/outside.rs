//! SIGKILLs of members while nobody asks the workload to end: no stop, and yet worth to be told.
//!
//! One may be what makes the init leave, so they wait: when the init ends within a second they belong
//! to its stop, if its report lists them.

use std::{collections::HashSet, time::Duration};

use super::{
    assemble::sender,
    begin::is_runtime,
    episode::{BEFORE_EXIT, Episode},
    killers::killed_by,
    oom::OomMarks,
    origins,
    workload::Workload,
};
use crate::model::{BootTime, KilledOutsideStop, KillsOutsideStop, ProcessKey, Role, SignalEvent};

/// The record of the init's end may still be on its way.
const SLACK: Duration = Duration::from_millis(100);

/// Most that are told one by one.
const MAX_TOLD: usize = 32;

/// Most of the others that are known apart; of more, each SIGKILL counts.
const MAX_COUNTED: usize = 4096;

/// What waits to be told of a workload.
#[derive(Debug, Default)]
pub(super) struct Outside {
    kills: Vec<SignalEvent>,
    /// Who else was killed.
    counted: HashSet<ProcessKey>,
    more: u64,
}

impl Outside {
    /// When the first has waited long enough.
    pub(super) fn deadline(&self) -> Option<BootTime> {
        let first = self.kills.first()?;
        Some(first.at.plus(BEFORE_EXIT).plus(SLACK))
    }

    /// Several SIGKILLs to the threads of one process are one.
    fn note(&mut self, kill: &SignalEvent) {
        let key = kill.target.key;
        let is_told = self.kills.iter().any(|known| known.target.key == key);
        if is_told || self.counted.contains(&key) {
            return;
        }
        if self.kills.len() < MAX_TOLD {
            self.kills.push(kill.clone());
        } else if self.counted.len() < MAX_COUNTED {
            self.counted.insert(key);
        } else {
            self.more += 1;
        }
    }
}

impl Workload {
    /// A SIGKILL to somebody who is not the init, while that has not been killed and has not ended.
    pub(super) fn note_kill(&mut self, kill: &SignalEvent) {
        if self.is_alive() {
            self.outside.note(kill);
        }
    }

    /// What is to be told now: the workload lives on.
    pub(super) fn take_outside(
        &mut self,
        oom: &OomMarks,
        now: BootTime,
    ) -> Option<Box<KillsOutsideStop>> {
        let is_late = || self.outside.deadline().is_some_and(|at| at <= now);
        // Over without a stop: its init's end came before the trace.
        let is_due = self.is_closed() || (self.is_watching() && is_late());
        if is_due { self.tell_outside(oom) } else { None }
    }

    /// What a stop that has closed did not list, by host pid: within it no pid is used twice.
    pub(super) fn take_outside_but(
        &mut self,
        listed: &HashSet<u32>,
        oom: &OomMarks,
    ) -> Option<Box<KillsOutsideStop>> {
        let is_other = |key: ProcessKey| !listed.contains(&key.tgid);
        self.outside.kills.retain(|kill| is_other(kill.target.key));
        self.outside.counted.retain(|key| is_other(*key));
        self.tell_outside(oom)
    }

    /// All that waits.
    pub(super) fn tell_outside(&mut self, oom: &OomMarks) -> Option<Box<KillsOutsideStop>> {
        let Outside {
            kills,
            counted,
            more,
        } = std::mem::take(&mut self.outside);
        let counted = u64::try_from(counted.len()).unwrap_or(u64::MAX);
        let at = kills.first()?.at;
        let mut episode = Episode::default();
        episode.signals = kills;
        episode.sort();
        origins::settle(&mut episode, oom);
        let victims = episode.signals.iter().map(|kill| {
            let target = &kill.target;
            KilledOutsideStop {
                pid: target.key.tgid,
                ns_pid: target.ns_tgid,
                comm: target.comm.clone(),
                role: if self.is_exec(target) {
                    Role::Exec
                } else {
                    Role::Member
                },
                killed_by: killed_by(kill, is_runtime(&kill.sender, target)),
                sender: sender(kill),
            }
        });
        Some(Box::new(KillsOutsideStop {
            at,
            init_pid: self.init.tgid,
            pid_namespace: self.id.ns.inum,
            names: self.names.clone(),
            victims: victims.collect(),
            more: more.saturating_add(counted),
        }))
    }
}
