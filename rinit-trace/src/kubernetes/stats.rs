//! How Events went, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// How it went with one Event: exactly one for each forced stop of a pod's container that was offered, and
/// for each that lives on and lost processes to the OOM killer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// A new Event is on the pod.
    Published,
    /// It was counted to an Event that is there.
    Aggregated,
    /// Too many in a minute, of all pods or of this one.
    RateLimited,
    /// The queue was full, or the time to stop over.
    Dropped,
    /// The API server was not there, too slow, or would not have it; or the pod's names are none.
    Failed,
    /// The API server does not let us.
    Forbidden,
}

impl EventOutcome {
    /// All of them, in the order of the counters.
    pub const ALL: [Self; 6] = [
        Self::Published,
        Self::Aggregated,
        Self::RateLimited,
        Self::Dropped,
        Self::Failed,
        Self::Forbidden,
    ];

    /// Its name as a metric label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Aggregated => "aggregated",
            Self::RateLimited => "rate-limited",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
            Self::Forbidden => "forbidden",
        }
    }
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventStats {
    counts: [u64; EventOutcome::ALL.len()],
}

impl EventStats {
    /// Events that went so.
    pub fn get(&self, outcome: EventOutcome) -> u64 {
        self.counts.get(outcome as usize).copied().unwrap_or(0)
    }

    /// Every outcome with its counter.
    pub fn iter(&self) -> impl Iterator<Item = (EventOutcome, u64)> {
        EventOutcome::ALL.into_iter().zip(self.counts)
    }
}

/// The counters that both sides of the queue write.
#[derive(Debug, Default)]
pub(super) struct Counters {
    counts: [AtomicU64; EventOutcome::ALL.len()],
}

impl Counters {
    pub(super) fn count(&self, outcome: EventOutcome) {
        if let Some(count) = self.counts.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn stats(&self) -> EventStats {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        EventStats {
            counts: self.counts.each_ref().map(load),
        }
    }
}
