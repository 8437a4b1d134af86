//! The facts of a stop, as they came: what [`super::assemble`] makes a report of.
//!
//! While nobody asks the init to end only the last moments are kept: they explain why an init left
//! by itself, and a worker killed an hour ago is no part of a stop.

use std::{collections::HashMap, time::Duration};

use super::{deliveries::Deliveries, repeats::Repeats};
use crate::model::{
    BootTime, DeliverEvent, ExitEvent, ExitStatus, ProcessKey, SendResult, Signal, SignalEvent,
};

/// How far back facts count when an init leaves by itself.
pub(super) const BEFORE_EXIT: Duration = Duration::from_secs(1);

/// Stamps of two CPUs may invert by microseconds: a SIGKILL is stamped after it has acted, and its
/// victim may have ended on another CPU by then.
pub(super) const SKEW: Duration = Duration::from_millis(10);

/// Most signals, and most exits, kept while nobody asks the init to end.
const CALM_FACTS: usize = 64;

/// Signals that asked the init to end, kept for an end at any later time.
const MAX_CANDIDATES: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Episode {
    pub(super) signals: Vec<SignalEvent>,
    /// Until the facts are sorted some of the signals are in here.
    repeats: Repeats,
    /// The first exit record of each process.
    pub(super) exits: Vec<ExitEvent>,
    /// Index into `exits`.
    exited: HashMap<ProcessKey, usize>,
    pub(super) deliveries: Deliveries,
    /// Facts left out because there were too many.
    pub(super) dropped: u64,
}

impl Episode {
    pub(super) fn len(&self) -> usize {
        self.signals.len() + self.repeats.len() + self.exits.len() + self.deliveries.len()
    }

    /// Whether one more fact has room; counts it as dropped when not.
    fn has_room(&mut self, max: usize) -> bool {
        if self.len() < max {
            return true;
        }
        self.dropped += 1;
        false
    }

    /// The SIGKILL that ends the init has room in a full table: without it there is no report. SIGKILLs and exits
    /// say who was killed, and have half of the room for themselves.
    pub(super) fn add_signal(&mut self, event: &SignalEvent, init: ProcessKey, max: usize) {
        let ends_init = event.target.key == init && is_effective_kill(event);
        if ends_init && self.kill_of(init).is_none() {
            self.signals.push(event.clone());
            return;
        }
        let is_kill = event.signal == Some(Signal::KILL);
        if let Some(event) = self.repeats.take(event, init)
            && self.has_room(if is_kill { max } else { max / 2 })
        {
            self.signals.push(event);
        }
    }

    /// Whether this was the process's first exit record: before 6.16 two last threads may both see
    /// themselves as the last. The init's has room in a full table.
    pub(super) fn add_exit(&mut self, event: &ExitEvent, init: ProcessKey, max: usize) -> bool {
        let key = event.task.key;
        if self.exited.contains_key(&key) {
            return false;
        }
        if key == init || self.has_room(max) {
            self.exited.insert(key, self.exits.len());
            self.exits.push(event.clone());
        }
        true
    }

    pub(super) fn add_deliver(&mut self, event: &DeliverEvent) {
        if !self.deliveries.add(event) {
            self.dropped += 1;
        }
    }

    /// Gives up half of what is kept, since other stops need the room: first what says least of what was killed, and
    /// last what was sent to the init. SIGKILL to that stays, and its exit.
    pub(super) fn shed(&mut self, init: ProcessKey) {
        self.sort();
        let before = self.len();
        let mut excess = before / 2;
        let mut goes = |worth_little: bool| {
            let goes = worth_little && excess > 0;
            excess -= usize::from(goes);
            goes
        };
        let is_kill = |event: &SignalEvent| event.signal == Some(Signal::KILL);
        let is_code = |event: &ExitEvent| matches!(event.status, ExitStatus::Code(_));
        self.exits
            .retain(|event| !goes(event.task.key != init && is_code(event)));
        self.signals
            .retain(|event| !goes(event.target.key != init && !is_kill(event)));
        self.exits.retain(|event| !goes(event.task.key != init));
        self.signals.retain(|event| !goes(event.target.key != init));
        self.signals.retain(|event| !goes(!is_kill(event)));
        self.index_exits();
        self.dropped += u64::try_from(before - self.len()).unwrap_or(u64::MAX);
    }

    /// Forgets what cannot explain an end that comes now. The newest candidates stay: a SIGKILL may
    /// follow at any age.
    pub(super) fn forget_before(
        &mut self,
        now: BootTime,
        is_candidate: impl Fn(&SignalEvent) -> bool,
    ) {
        let is_recent = |at: BootTime| now.since(at) <= BEFORE_EXIT;
        let (mut candidates, mut others) = (0, 0);
        let mut kept = Vec::new();
        self.repeats.settle(&mut self.signals);
        for event in std::mem::take(&mut self.signals).into_iter().rev() {
            if candidates < MAX_CANDIDATES && is_candidate(&event) {
                candidates += 1;
                kept.push(event);
            } else if others < CALM_FACTS && is_recent(event.at) {
                others += 1;
                kept.push(event);
            }
        }
        kept.reverse();
        self.signals = kept;
        self.exits.retain(|event| is_recent(event.at));
        let excess = self.exits.len().saturating_sub(CALM_FACTS);
        self.exits.drain(..excess);
        self.index_exits();
        self.deliveries.clear();
        self.dropped = 0;
    }

    /// Forgets what was too old at a moment, but for signals to the init.
    pub(super) fn keep_since(&mut self, moment: BootTime, init: ProcessKey) {
        let is_recent = |at: BootTime| moment.since(at) <= BEFORE_EXIT;
        self.signals
            .retain(|event| event.target.key == init || is_recent(event.at));
        self.exits.retain(|event| is_recent(event.at));
        self.index_exits();
    }

    /// Puts the facts into the order of time: the ring has them in the order of reservation.
    pub(super) fn sort(&mut self) {
        self.repeats.settle(&mut self.signals);
        self.signals.sort_by_key(|event| event.at);
        self.exits.sort_by_key(|event| event.at);
        self.index_exits();
    }

    fn index_exits(&mut self) {
        self.exited.clear();
        for (index, event) in self.exits.iter().enumerate() {
            self.exited.insert(event.task.key, index);
        }
    }

    /// The first SIGKILL to a process that the kernel did not drop. Looks through all signals.
    pub(super) fn kill_of(&self, key: ProcessKey) -> Option<&SignalEvent> {
        self.signals
            .iter()
            .find(|event| event.target.key == key && is_effective_kill(event))
    }

    pub(super) fn exit_of(&self, key: ProcessKey) -> Option<&ExitEvent> {
        self.exited
            .get(&key)
            .and_then(|index| self.exits.get(*index))
    }
}

/// A SIGKILL that the kernel accepted. One to a process that is dying already is none.
pub(super) fn is_effective_kill(event: &SignalEvent) -> bool {
    event.signal == Some(Signal::KILL)
        && event.result != SendResult::Ignored
        && !event.state.is_dead()
}

/// A signal to an init that the kernel dropped although the init was alive.
pub(super) fn is_dropped(event: &SignalEvent) -> bool {
    event.result == SendResult::Ignored && !is_to_dying(event) && event.signal != Some(Signal::KILL)
}

/// A signal to a zombie or to a process that is dying already.
pub(super) fn is_to_dying(event: &SignalEvent) -> bool {
    event.state.is_dead() || event.result == SendResult::Ignored && event.state.is_group_exit()
}

/// Whether a signal found its target alive.
pub(super) fn found_alive(event: &SignalEvent, exit: Option<&ExitEvent>) -> bool {
    if is_to_dying(event) {
        return false;
    }
    let Some(exit) = exit.filter(|exit| exit.at < event.at) else {
        return true;
    };
    let ended_by_kill = exit.status == ExitStatus::Signal(Signal::KILL);
    event.at.since(exit.at) <= SKEW
        && event.result != SendResult::Ignored
        && (event.signal != Some(Signal::KILL) || ended_by_kill)
}
