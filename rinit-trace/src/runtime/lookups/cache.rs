//! Docker's answers by container id, oldest out first.
//!
//! An answer is kept without end: an id is never given to another container, and after `--rm` the
//! cache is all that knows the name. A container that is renamed keeps its first name here.

use std::collections::{HashMap, VecDeque};

use rinit_trace_core::model::{Grace, Signal};
use tokio::time::Instant;

use crate::runtime::{docker::Inspected, text::bounded};

/// Longest name or image kept; a reference of an image ends well before.
const MAX_TEXT: usize = 512;

/// What is kept of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DockerNames {
    pub(super) name: Option<String>,
    pub(super) image: Option<String>,
    pub(super) grace: Option<Grace>,
    pub(super) stop_signal: Option<Signal>,
}

impl From<&Inspected> for DockerNames {
    fn from(inspected: &Inspected) -> Self {
        Self {
            name: inspected.name().map(|name| bounded(name, MAX_TEXT)),
            image: inspected.image().map(|image| bounded(image, MAX_TEXT)),
            grace: inspected.grace(),
            stop_signal: inspected.stop_signal(),
        }
    }
}

/// What the cache says of a container.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cached {
    /// Ask.
    Nothing,
    /// No need to ask.
    Known(DockerNames),
    /// Asking failed a moment ago; do not ask now.
    Paused,
}

#[derive(Debug)]
enum Entry {
    Known(DockerNames),
    PausedUntil(Instant),
}

#[derive(Debug)]
pub(super) struct Cache {
    capacity: usize,
    entries: HashMap<String, Entry>,
    /// Ids by age; each is in `entries`.
    order: VecDeque<String>,
    socket_paused_until: Option<Instant>,
    evicted: u64,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: HashMap::new(),
            order: VecDeque::new(),
            socket_paused_until: None,
            evicted: 0,
        }
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(super) fn get(&self, id: &str, now: Instant) -> Cached {
        match self.entries.get(id) {
            Some(Entry::Known(names)) => Cached::Known(names.clone()),
            Some(Entry::PausedUntil(end)) if now < *end => Cached::Paused,
            _ if self.socket_paused_until.is_some_and(|end| now < end) => Cached::Paused,
            _ => Cached::Nothing,
        }
    }

    pub(super) fn keep(&mut self, id: &str, names: DockerNames) {
        self.socket_paused_until = None;
        self.insert(id, Entry::Known(names));
    }

    pub(super) fn pause(&mut self, id: &str, until: Instant) {
        self.insert(id, Entry::PausedUntil(until));
    }

    pub(super) fn pause_socket(&mut self, until: Instant) {
        self.socket_paused_until = Some(until);
    }

    fn insert(&mut self, id: &str, entry: Entry) {
        if self.entries.insert(id.to_owned(), entry).is_none() {
            self.order.push_back(id.to_owned());
        }
        while self.order.len() > self.capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.entries.remove(&oldest);
                self.evicted += 1;
            }
        }
    }
}
