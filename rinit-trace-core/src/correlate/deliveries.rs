//! What inits did with signals when they came to take them. An init can signal itself without end, so that of each
//! kind of delivery the newest are kept, and of the others their number.

use std::collections::{BTreeMap, VecDeque};

use crate::model::{BootTime, DeliverEvent, Disposition, ProcessKey, Signal};

/// Times of each kind that are kept.
const NEWEST: usize = 64;

/// Most kinds: inits in namespaces of a workload, times signals.
const MAX_KINDS: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    init: ProcessKey,
    signal: Signal,
    /// A handler ran; else it was dropped.
    is_handled: bool,
}

#[derive(Debug, Default)]
struct Times {
    newest: VecDeque<BootTime>,
    /// How many there were before, from when, and until when.
    older: u64,
    older_since: BootTime,
    older_until: BootTime,
}

impl Times {
    fn add(&mut self, at: BootTime) {
        self.newest.push_back(at);
        if self.newest.len() > NEWEST
            && let Some(oldest) = self.newest.pop_front()
        {
            if self.older == 0 {
                self.older_since = oldest;
            }
            self.older += 1;
            self.older_until = oldest;
        }
    }

    /// How many there were from a moment on, at least.
    fn since(&self, moment: BootTime) -> u64 {
        let newest = self.newest.iter().filter(|at| **at >= moment).count();
        let newest = u64::try_from(newest).unwrap_or(u64::MAX);
        if self.older_since >= moment {
            newest.saturating_add(self.older)
        } else {
            newest
        }
    }

    /// Whether a moment is among those that are only counted: then how many came after it is not known.
    fn is_unclear_since(&self, moment: BootTime) -> bool {
        self.older > 0 && self.older_since < moment && self.older_until >= moment
    }
}

/// Deliveries to the inits of a workload.
#[derive(Debug, Default)]
pub(super) struct Deliveries(BTreeMap<Kind, Times>);

impl Deliveries {
    /// Kinds: with its times one takes about as much room as another fact.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// `false` when there are too many kinds.
    pub(super) fn add(&mut self, event: &DeliverEvent) -> bool {
        let kind = Kind {
            init: event.task.key,
            signal: event.signal,
            is_handled: event.disposition == Disposition::Handled,
        };
        if self.0.len() >= MAX_KINDS && !self.0.contains_key(&kind) {
            return false;
        }
        self.0.entry(kind).or_default().add(event.at);
        true
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether an init ran its handler for a signal from a moment on.
    pub(super) fn was_handled(&self, init: ProcessKey, signal: Signal, since: BootTime) -> bool {
        let kind = Kind {
            init,
            signal,
            is_handled: true,
        };
        self.0
            .get(&kind)
            .is_some_and(|times| times.since(since) > 0)
    }

    /// Whether how often an init dropped a signal from a moment on is not known.
    pub(super) fn is_unclear(&self, init: ProcessKey, signal: Signal, since: BootTime) -> bool {
        let kind = Kind {
            init,
            signal,
            is_handled: false,
        };
        let dropped = self.0.get(&kind);
        dropped.is_some_and(|times| times.is_unclear_since(since))
    }

    /// How often an init dropped which signal from a moment on, at least.
    pub(super) fn drops(&self, since: BootTime) -> BTreeMap<(ProcessKey, Signal), u64> {
        let dropped = self.0.iter().filter(|(kind, _)| !kind.is_handled);
        dropped
            .map(|(kind, times)| ((kind.init, kind.signal), times.since(since)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// When an init last dropped which signal.
    pub(super) fn last_drops(&self, init: ProcessKey) -> BTreeMap<Signal, BootTime> {
        let dropped = self.0.iter();
        dropped
            .filter(|(kind, _)| kind.init == init && !kind.is_handled)
            .filter_map(|(kind, times)| Some((kind.signal, times.newest.iter().copied().max()?)))
            .collect()
    }
}
