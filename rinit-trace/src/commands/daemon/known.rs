//! Containers that are known to run: whose series are kept, and whose names complete what comes
//! without.

use std::collections::HashMap;

use rinit_trace_core::model::{StopReport, WorkloadNames};

use crate::tracer::KnownWorkload;

/// Most that are kept.
const MAX: usize = 65_536;

/// How a workload is told from others: its container's id, or its init.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(String);

impl Key {
    pub(super) fn new(container_id: Option<&str>, init_pid: u32) -> Self {
        Self(container_id.map_or_else(|| format!("pid:{init_pid}"), str::to_owned))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A process that may have ended since: host pid and start in clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Main {
    pub(super) pid: u32,
    pub(super) start_ticks: u64,
}

#[derive(Debug)]
struct Entry {
    main: Main,
    names: WorkloadNames,
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Known {
    entries: HashMap<Key, Entry>,
    by_pid: HashMap<u32, Key>,
    refused: u64,
}

impl Known {
    /// Notes a workload; `None` when the table is full.
    pub(super) fn note(&mut self, known: &KnownWorkload) -> Option<Key> {
        let key = Key::new(known.names.container_id.as_deref(), known.init_pid);
        if self.entries.len() >= MAX && !self.entries.contains_key(&key) {
            self.refused += 1;
            return None;
        }
        let main = Main {
            pid: known.init_pid,
            start_ticks: known.start_ticks,
        };
        let names = known.names.clone();
        if let Some(before) = self.entries.insert(key.clone(), Entry { main, names }) {
            self.forget_pid(before.main.pid, &key);
        }
        self.by_pid.insert(known.init_pid, key.clone());
        Some(key)
    }

    /// Names of the workload with this init.
    pub(super) fn names(&self, init_pid: u32) -> Option<&WorkloadNames> {
        let key = self.by_pid.get(&init_pid)?;
        Some(&self.entries.get(key)?.names)
    }

    /// The workload has stopped. `None` when it runs already again, or was not known.
    pub(super) fn stopped(&mut self, report: &StopReport) -> Option<Key> {
        let workload = &report.workload;
        let key = Key::new(workload.container_id.as_deref(), workload.init.pid);
        let is_same = self.entries.get(&key)?.main.pid == workload.init.pid;
        is_same.then(|| self.remove(&key)).flatten()
    }

    /// Those whose main process may have ended without a stop that was seen.
    pub(super) fn mains(&self) -> Vec<(Key, Main)> {
        let entries = self.entries.iter();
        entries
            .map(|(key, entry)| (key.clone(), entry.main))
            .collect()
    }

    /// This main process has ended. `None` when another has taken its place.
    pub(super) fn ended(&mut self, key: &Key, main: Main) -> Option<Key> {
        (self.entries.get(key)?.main == main)
            .then(|| self.remove(key))
            .flatten()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Workloads that found the table full.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    fn remove(&mut self, key: &Key) -> Option<Key> {
        let (key, entry) = self.entries.remove_entry(key)?;
        self.forget_pid(entry.main.pid, &key);
        Some(key)
    }

    /// Unless it is another workload's by now.
    fn forget_pid(&mut self, pid: u32, key: &Key) {
        if self.by_pid.get(&pid) == Some(key) {
            self.by_pid.remove(&pid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(id: &str, init_pid: u32) -> KnownWorkload {
        KnownWorkload {
            init_pid,
            start_ticks: u64::from(init_pid) * 10,
            names: WorkloadNames {
                container_id: Some(id.to_owned()),
                name: Some(format!("name of {id}")),
                ..WorkloadNames::default()
            },
        }
    }

    fn main_of(pid: u32) -> Main {
        Main {
            pid,
            start_ticks: u64::from(pid) * 10,
        }
    }

    #[test]
    fn one_that_runs_again_is_not_ended_by_its_former_process() {
        let mut known = Known::default();
        let key = known.note(&workload("web", 7)).unwrap();
        known.note(&workload("web", 8)).unwrap();
        assert_eq!(known.ended(&key, main_of(7)), None);
        assert_eq!(known.names(7), None);
        let name = known.names(8).and_then(|names| names.name.as_deref());
        assert_eq!(name, Some("name of web"));
        assert_eq!(known.ended(&key, main_of(8)), Some(key));
        assert_eq!((known.len(), known.names(8)), (0, None));
    }

    #[test]
    fn a_pid_that_is_used_again_is_its_new_workloads() {
        let mut known = Known::default();
        let old = known.note(&workload("old", 7)).unwrap();
        known.note(&workload("new", 7)).unwrap();
        known.ended(&old, main_of(7)).unwrap();
        let name = known.names(7).and_then(|names| names.name.as_deref());
        assert_eq!(name, Some("name of new"));
    }

    #[test]
    fn a_workload_without_a_container_is_told_by_its_init() {
        let mut known = Known::default();
        let mut first = workload("", 7);
        first.names = WorkloadNames::default();
        let key = known.note(&first).unwrap();
        assert_eq!(key, Key::new(None, 7));
        assert_eq!(known.mains(), [(key, main_of(7))]);
    }

    #[test]
    fn a_full_table_refuses_and_counts() {
        let mut known = Known::default();
        let max = u32::try_from(MAX).unwrap();
        for pid in 0..max {
            assert!(known.note(&workload(&pid.to_string(), pid)).is_some());
        }
        assert_eq!(known.note(&workload("one more", max)), None);
        assert!(known.note(&workload("1", 1)).is_some());
        assert_eq!((known.len(), known.refused()), (MAX, 1));
    }
}
