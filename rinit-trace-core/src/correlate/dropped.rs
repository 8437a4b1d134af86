//! Stop signals from outside that an init drops: told at once, so that somebody may act before the
//! grace period ends.

use std::time::Duration;

use super::{
    assemble::sender,
    begin::{asks_to_end, is_inside, may_ask_to_end},
    episode::is_dropped,
    terminal::is_of_terminal,
    workload::Workload,
};
use crate::model::{BootTime, DeliverEvent, Disposition, DroppedSignal, SignalEvent};

/// How long the telling waits for the workload's name: less than the shortest grace period.
const PATIENCE: Duration = Duration::from_millis(300);

/// What is to be told of a workload. One signal of a stop is: a runtime that repeats it says nothing
/// new.
#[derive(Debug, Default)]
pub(super) struct Drops {
    waiting: Option<Box<DroppedSignal>>,
    /// One that may be the configured stop signal, which is not known yet.
    doubtful: Option<Box<SignalEvent>>,
    was_told: bool,
}

impl Drops {
    /// When it is told without a name.
    pub(super) fn deadline(&self) -> Option<BootTime> {
        self.waiting
            .as_ref()
            .map(|dropped| dropped.at.plus(PATIENCE))
    }

    /// Nothing came of it: the next one is news again.
    pub(super) fn reset(&mut self) {
        self.was_told = false;
        self.doubtful = None;
    }

    fn note(&mut self, event: &SignalEvent, at: BootTime) {
        let Some(signal) = event.signal.filter(|_| !self.was_told) else {
            return;
        };
        self.was_told = true;
        self.waiting = Some(Box::new(DroppedSignal {
            at,
            signal,
            disposition: event.disposition,
            init_pid: event.target.key.tgid,
            init_ns_pid: event.target.ns_tgid,
            init_comm: event.target.comm.clone(),
            sender: sender(event),
            pid_namespace: event.target.ns.inum,
            names: None,
        }));
    }
}

impl Workload {
    /// A signal to the init.
    pub(super) fn note_dropped(&mut self, event: &SignalEvent) {
        let names = self.names.as_ref();
        if is_inside(&event.sender, &event.target) || !is_dropped(event) {
            return;
        }
        if asks_to_end(event, names) {
            self.drops.note(event, event.at);
        } else if may_ask_to_end(event, names) {
            self.drops
                .doubtful
                .get_or_insert_with(|| Box::new(event.clone()));
            self.settle_doubtful();
        }
    }

    /// Tells of a signal that was dropped before the stop signal was known, when that is it.
    pub(super) fn settle_doubtful(&mut self) {
        let names = self.names.as_ref();
        if names.is_some()
            && let Some(event) = self.drops.doubtful.take()
            && may_ask_to_end(&event, names)
        {
            self.drops.note(&event, event.at);
        }
    }

    /// A signal that the init had blocked for a moment was delivered to it without a handler.
    pub(super) fn note_dropped_late(&mut self, deliver: &DeliverEvent) {
        let is_drop = deliver.task.key == self.init && deliver.disposition != Disposition::Handled;
        if !is_drop || self.drops.was_told {
            return;
        }
        let sent = self.episode.signals.iter().rfind(|event| {
            event.target.key == self.init
                && event.signal == Some(deliver.signal)
                && event.disposition == deliver.disposition
                && !is_inside(&event.sender, &event.target)
                && !is_of_terminal(event)
        });
        if let Some(event) = sent {
            self.drops.note(event, deliver.at);
        }
    }

    /// What is to be told now: the names have come, or are waited for no longer.
    pub(super) fn take_dropped(&mut self, now: BootTime) -> Option<Box<DroppedSignal>> {
        let is_due = self.names.is_some() || self.drops.deadline().is_some_and(|at| at <= now);
        let mut dropped = self.drops.waiting.take_if(|_| is_due)?;
        dropped.names.clone_from(&self.names);
        Some(dropped)
    }
}
