//! Arguments of processes, and settings of inits, remembered for when the processes are gone: a
//! teardown takes less time than a look into `/proc`.

use std::collections::HashMap;

use rinit_trace_core::model::{ClosedStop, InitSettings, ProcessKey, ProcessNames, TICK_NS};

/// Most processes of one generation.
const GENERATION: usize = 32_768;

/// What is kept of a process.
#[derive(Debug)]
struct Entry {
    /// Start time in ticks, which tells a reused pid.
    start_ticks: u64,
    cmdline: Vec<String>,
    /// Of an init.
    settings: Option<InitSettings>,
}

/// By host pid.
type Known = HashMap<u32, Entry>;

/// Two generations: when the young one is full the old one is forgotten. Processes end without a
/// word, so that entries cannot be taken out one by one.
#[derive(Debug, Default)]
pub(super) struct Cmdlines {
    young: Known,
    old: Known,
}

impl Cmdlines {
    fn remember(&mut self, process: &ProcessNames) {
        if process.cmdline.is_empty() {
            return;
        }
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        let entry = Entry {
            start_ticks: process.start_ticks,
            cmdline: process.cmdline.clone(),
            settings: process.settings.clone(),
        };
        self.young.insert(process.pid, entry);
    }

    pub(super) fn remember_all(&mut self, processes: &[ProcessNames]) {
        for process in processes {
            self.remember(process);
        }
    }

    pub(super) fn get(&self, key: ProcessKey) -> Option<&Vec<String>> {
        self.entry(key).map(|entry| &entry.cmdline)
    }

    fn entry(&self, key: ProcessKey) -> Option<&Entry> {
        let known = self.young.get(&key.tgid);
        known
            .or_else(|| self.old.get(&key.tgid))
            .filter(|entry| entry.start_ticks == key.start / TICK_NS)
    }

    /// Fills in what the correlator's own lookup came too late for, and forgets the processes of
    /// the stop.
    pub(super) fn complete(&mut self, stop: &mut ClosedStop) {
        if let Some(entry) = self.entry(stop.facts.init) {
            let (cmdline, settings) = (entry.cmdline.clone(), entry.settings.clone());
            stop.report.workload.init.cmdline.get_or_insert(cmdline);
            let known = &mut stop.facts.init_settings;
            known.complete(&settings.unwrap_or_default());
        }
        for process in &mut stop.report.processes {
            // The report has no start times; during a stop a pid is not reused.
            let old = self.old.remove(&process.pid);
            if let Some(entry) = self.young.remove(&process.pid).or(old) {
                process.cmdline.get_or_insert(entry.cmdline);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tgid: u32, ticks: u64) -> ProcessKey {
        ProcessKey {
            tgid,
            start: ticks * TICK_NS + 5,
        }
    }

    fn process(pid: u32, start_ticks: u64, cmdline: &str) -> ProcessNames {
        ProcessNames {
            pid,
            start_ticks,
            cmdline: vec![cmdline.to_owned()],
            ..ProcessNames::default()
        }
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let mut cmdlines = Cmdlines::default();
        cmdlines.remember(&process(7, 100, "java"));
        assert_eq!(cmdlines.get(key(7, 100)), Some(&vec!["java".to_owned()]));
        assert_eq!(cmdlines.get(key(7, 101)), None);
    }

    #[test]
    fn two_generations_are_kept_and_no_more() {
        let mut cmdlines = Cmdlines::default();
        let total = u32::try_from(GENERATION).unwrap() * 3;
        for pid in 0..total {
            cmdlines.remember(&process(pid, 1, "x"));
        }
        assert!(cmdlines.young.len() + cmdlines.old.len() <= 2 * GENERATION);
        assert!(cmdlines.get(key(total - 1, 1)).is_some());
        assert!(cmdlines.get(key(0, 1)).is_none());
    }
}
