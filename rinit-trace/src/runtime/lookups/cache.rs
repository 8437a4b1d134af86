//! What is known of containers by their ids, oldest out first.
//!
//! An answer is kept without end: an id is never given to another container, and after `--rm` the
//! cache is all that knows the name. A container that is renamed keeps its first name here.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use super::LookupSource;
use crate::runtime::details::Details;

/// Whether a source is to be asked for a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// Ask.
    #[default]
    Open,
    /// It has answered.
    Settled,
    /// It failed or did not know the container; do not ask before.
    PausedUntil(Instant),
}

#[derive(Debug, Default)]
struct Entry {
    details: Details,
    standings: [Standing; LookupSource::ALL.len()],
}

#[derive(Debug)]
pub(super) struct Cache {
    capacity: usize,
    entries: HashMap<String, Entry>,
    /// Ids by age; each is in `entries`.
    order: VecDeque<String>,
    evicted: u64,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: HashMap::new(),
            order: VecDeque::new(),
            evicted: 0,
        }
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What all sources have said so far.
    pub(super) fn details(&self, id: &str) -> Option<&Details> {
        Some(&self.entries.get(id)?.details)
    }

    /// Never `PausedUntil` a time that has passed.
    pub(super) fn standing(&self, id: &str, source: LookupSource, now: Instant) -> Standing {
        let entry = self.entries.get(id);
        let standing = entry.and_then(|entry| entry.standings.get(source as usize));
        match standing {
            Some(Standing::PausedUntil(end)) if *end <= now => Standing::Open,
            Some(standing) => *standing,
            None => Standing::Open,
        }
    }

    /// Adds what a source said, if only that it has nothing to say.
    pub(super) fn add(
        &mut self,
        id: &str,
        source: LookupSource,
        found: &Details,
        standing: Standing,
    ) {
        let entry = self.entries.entry(id.to_owned()).or_insert_with(|| {
            self.order.push_back(id.to_owned());
            Entry::default()
        });
        // Who contradicts what is known has been counted by then.
        entry.details.complete(found);
        if let Some(own) = entry.standings.get_mut(source as usize) {
            *own = standing;
        }
        while self.order.len() > self.capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.entries.remove(&oldest);
                self.evicted += 1;
            }
        }
    }
}
