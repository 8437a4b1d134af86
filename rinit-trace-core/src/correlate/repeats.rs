//! Signals that repeat: a process can send the same one a million times, and what they say is said by a few of them.
//!
//! Of one kind the first are kept, then one in a second, and the last, which has those between folded in as the
//! kernel side does it.

use std::{collections::HashMap, time::Duration};

use super::begin::is_inside;
use crate::model::{BootTime, Disposition, Origin, ProcessKey, SendResult, Signal, SignalEvent};

/// So many of each kind are kept as they are.
const FIRST: u32 = 4;

/// Afterwards one in this time is: chains of stop signals are told by the time between them.
const EVERY: Duration = Duration::from_secs(1);

/// Most kinds; what is more is kept as it is, as long as there is room.
const MAX_KINDS: usize = 16_384;

/// What sent it, as far as a report tells senders of many equal signals apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sender {
    /// The init of the workload: it passes signals on.
    Init,
    /// Another process of the workload. It can have as many of them as it likes.
    Inside,
    Outside(ProcessKey),
}

/// What equal signals have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Kind {
    target: ProcessKey,
    signal: Option<Signal>,
    sender: Sender,
    result: SendResult,
    disposition: Disposition,
    origin: Origin,
}

impl Kind {
    fn of(event: &SignalEvent, init: ProcessKey) -> Self {
        let sender = event.sender.key;
        Self {
            target: event.target.key,
            signal: event.signal,
            sender: if sender == init {
                Sender::Init
            } else if is_inside(&event.sender, &event.target) {
                Sender::Inside
            } else {
                Sender::Outside(sender)
            },
            result: event.result,
            disposition: event.disposition,
            origin: event.origin(),
        }
    }
}

#[derive(Debug)]
struct Repeat {
    kept: u32,
    kept_at: BootTime,
    /// The newest since then.
    last: Option<Box<SignalEvent>>,
}

/// What has come of each kind.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    kinds: HashMap<Kind, Repeat>,
    waiting: usize,
}

impl Repeats {
    /// Signals that wait in here for another of their kind.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// The signal when it is to be kept now, with those folded in that came before it and are not.
    pub(super) fn take(&mut self, event: &SignalEvent, init: ProcessKey) -> Option<SignalEvent> {
        let kind = Kind::of(event, init);
        let mut event = event.clone();
        if self.kinds.len() >= MAX_KINDS && !self.kinds.contains_key(&kind) {
            return Some(event);
        }
        let repeat = self.kinds.entry(kind).or_insert(Repeat {
            kept: 0,
            kept_at: event.at,
            last: None,
        });
        if let Some(before) = repeat.last.take() {
            self.waiting -= 1;
            let both = event.folded.saturating_add(before.folded);
            event.folded = both.saturating_add(1);
        }
        if repeat.kept < FIRST || event.at.since(repeat.kept_at) >= EVERY {
            repeat.kept = repeat.kept.saturating_add(1);
            repeat.kept_at = event.at;
            return Some(event);
        }
        self.waiting += 1;
        repeat.last = Some(Box::new(event));
        None
    }

    /// Forgets all kinds, and adds those that wait, in the order of time.
    pub(super) fn settle(&mut self, signals: &mut Vec<SignalEvent>) {
        self.waiting = 0;
        let kinds = std::mem::take(&mut self.kinds);
        let before = signals.len();
        signals.extend(
            kinds
                .into_values()
                .filter_map(|repeat| repeat.last.map(|last| *last)),
        );
        if signals.len() > before {
            signals.sort_by_key(|event| event.at);
        }
    }
}
