//! The last stops, in memory.

use std::{collections::VecDeque, sync::Arc};

use rinit_trace_core::{model::StopReport, render};

use super::{Filter, filter::Key};

/// Bounds of a [`History`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryOptions {
    /// Most reports.
    pub max_reports: usize,
    /// Most bytes.
    pub max_bytes: usize,
}

impl Default for HistoryOptions {
    fn default() -> Self {
        Self {
            max_reports: 1000,
            max_bytes: 16 << 20,
        }
    }
}

/// One report may take no more than this part of the room.
const MAX_SHARE: usize = 8;

/// The last stops, as the JSON that is asked for, which takes less room than the reports.
#[derive(Debug, Default)]
pub struct History {
    options: HistoryOptions,
    /// Oldest first.
    stops: VecDeque<Stop>,
    bytes: usize,
    evicted: u64,
}

#[derive(Debug)]
struct Stop {
    key: Key,
    json: Arc<str>,
}

impl Stop {
    fn new(report: &StopReport) -> Option<Self> {
        match render::jsonl(report) {
            Ok(line) => Some(Self {
                key: Key::from(report),
                json: line.trim_end().into(),
            }),
            Err(error) => {
                tracing::warn!("cannot keep a report: {error}; report this as a bug");
                None
            }
        }
    }

    fn size(&self) -> usize {
        self.json.len() + self.key.size()
    }
}

impl History {
    /// Empty.
    pub fn new(options: HistoryOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// Adds older ones, newest first, while there is room: those that a disk has from before.
    pub fn load(&mut self, newest_first: impl Iterator<Item = StopReport>) {
        for stop in newest_first.filter_map(|report| Stop::new(&report)) {
            let bytes = self.bytes + stop.size();
            if self.stops.len() >= self.options.max_reports || bytes > self.options.max_bytes {
                return;
            }
            self.bytes = bytes;
            self.stops.push_front(stop);
        }
    }

    /// Adds the newest. The oldest go when there is no room.
    pub fn push(&mut self, report: &StopReport) {
        let Some(stop) = Stop::new(report) else {
            return;
        };
        let HistoryOptions {
            max_reports,
            max_bytes,
        } = self.options;
        if stop.size() > max_bytes / MAX_SHARE {
            tracing::warn!(
                "a report of {} bytes is not kept in memory: it would take the room of many others",
                stop.size()
            );
            self.evicted += 1;
            return;
        }
        self.bytes += stop.size();
        self.stops.push_back(stop);
        while self.stops.len() > max_reports || self.bytes > max_bytes {
            let Some(oldest) = self.stops.pop_front() else {
                return;
            };
            self.bytes -= oldest.size();
            self.evicted += 1;
        }
    }

    /// Reports as JSON objects, newest first.
    pub fn find(&self, filter: &Filter, limit: usize) -> Vec<Arc<str>> {
        let newest_first = self.stops.iter().rev();
        newest_first
            .filter(|stop| filter.matches(&stop.key))
            .take(limit)
            .map(|stop| Arc::clone(&stop.json))
            .collect()
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.stops.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.stops.is_empty()
    }

    /// How many had to go.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::testing::{forced, graceful};

    fn names(history: &History, filter: &Filter, limit: usize) -> Vec<String> {
        let found = history.find(filter, limit);
        let report = |json: &Arc<str>| serde_json::from_str::<StopReport>(json).unwrap();
        let names = found.iter().map(|json| report(json).workload.name.unwrap());
        names.collect()
    }

    #[test]
    fn the_newest_come_first() {
        let mut history = History::default();
        for name in ["a", "b", "a"] {
            history.push(&forced(None, Some(name)));
        }
        history.push(&graceful(None, Some("c")));
        assert_eq!(names(&history, &Filter::default(), 9), ["c", "a", "b", "a"]);
        assert_eq!(names(&history, &Filter::default(), 2), ["c", "a"]);
        assert_eq!(names(&history, &Filter::container("a"), 9), ["a", "a"]);
    }

    #[test]
    fn the_number_of_reports_is_bounded() {
        let mut history = History::new(HistoryOptions {
            max_reports: 2,
            ..HistoryOptions::default()
        });
        for name in ["a", "b", "c"] {
            history.push(&forced(None, Some(name)));
        }
        assert_eq!(names(&history, &Filter::default(), 9), ["c", "b"]);
        assert_eq!((history.len(), history.evicted()), (2, 1));
    }

    #[test]
    fn what_is_loaded_is_older_and_never_pushes_anything_out() {
        let mut history = History::new(HistoryOptions {
            max_reports: 3,
            ..HistoryOptions::default()
        });
        history.push(&forced(None, Some("now")));
        let before = ["c", "b", "a"].map(|name| forced(None, Some(name)));
        history.load(before.into_iter());
        assert_eq!(names(&history, &Filter::default(), 9), ["now", "c", "b"]);
        assert_eq!(history.evicted(), 0);
    }

    #[test]
    fn their_bytes_are_bounded() {
        let mut history = History::new(HistoryOptions {
            max_bytes: 40_000,
            ..HistoryOptions::default()
        });
        for n in 0..100 {
            history.push(&forced(None, Some(&n.to_string())));
            assert!(history.bytes <= 40_000 && !history.is_empty());
        }
        // One that would take the room of many takes that of none.
        let before = (history.len(), history.bytes);
        let evicted = history.evicted();
        history.push(&forced(None, Some(&"x".repeat(20_000))));
        assert_eq!((history.len(), history.bytes), before);
        assert_eq!(history.evicted(), evicted + 1);
    }
}
