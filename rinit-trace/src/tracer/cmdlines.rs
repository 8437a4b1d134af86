//! Arguments of processes, and settings of inits, remembered for when the processes are gone: a
//! teardown takes less time than a look into `/proc`.

use std::collections::HashMap;

use rinit_trace_core::model::{ClosedStop, InitSettings, ProcessKey, ProcessNames, TICK_NS};

/// Most processes of one generation.
const GENERATION: usize = 32_768;

/// What is kept of a process.
#[derive(Debug)]
struct Entry {
    cmdline: Vec<String>,
    /// Of an init.
    settings: Option<InitSettings>,
}

/// By host pid and start time in ticks: a pid alone may be that of another container's process, whose
/// arguments may hold secrets.
type Known = HashMap<(u32, u64), Entry>;

/// Two generations: when the young one is full the old one is forgotten. Processes end without a
/// word, so that entries cannot be taken out one by one.
#[derive(Debug, Default)]
pub(super) struct Cmdlines {
    young: Known,
    old: Known,
}

impl Cmdlines {
    /// What was read of a process after its last exec.
    pub(super) fn remember(&mut self, process: &ProcessNames) {
        if process.cmdline.is_empty() {
            return;
        }
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        let entry = Entry {
            cmdline: process.cmdline.clone(),
            settings: process.settings.clone(),
        };
        let id = (process.pid, process.start_ticks);
        self.young.insert(id, entry);
    }

    /// What a look over many has found. It may have read a process before an exec, and be told later than
    /// what was read after that: what is known already stays.
    pub(super) fn remember_all(&mut self, processes: &[ProcessNames]) {
        for process in processes {
            let id = (process.pid, process.start_ticks);
            if !self.young.contains_key(&id) && !self.old.contains_key(&id) {
                self.remember(process);
            }
        }
    }

    /// A process has become another program: what is known is said of the former one.
    pub(super) fn forget(&mut self, key: ProcessKey) {
        let id = id_of(key);
        self.young.remove(&id);
        self.old.remove(&id);
    }

    pub(super) fn get(&self, key: ProcessKey) -> Option<&Vec<String>> {
        self.entry(key).map(|entry| &entry.cmdline)
    }

    fn entry(&self, key: ProcessKey) -> Option<&Entry> {
        let id = id_of(key);
        self.young.get(&id).or_else(|| self.old.get(&id))
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
        let keys = &stop.facts.processes;
        for (process, key) in stop.report.processes.iter_mut().zip(keys) {
            let id = id_of(*key);
            let old = self.old.remove(&id);
            if let Some(entry) = self.young.remove(&id).or(old) {
                process.cmdline.get_or_insert(entry.cmdline);
            }
        }
    }
}

fn id_of(key: ProcessKey) -> (u32, u64) {
    (key.tgid, key.start / TICK_NS)
}

#[cfg(test)]
mod tests {
    use rinit_trace_core::model::StopFacts;

    use super::*;
    use crate::serve::testing::forced;

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
    fn a_look_that_comes_late_does_not_bring_the_former_program_back() {
        let mut cmdlines = Cmdlines::default();
        cmdlines.remember_all(&[process(7, 100, "sh")]);
        cmdlines.forget(key(7, 100));
        assert_eq!(cmdlines.get(key(7, 100)), None);
        cmdlines.remember(&process(7, 100, "app"));
        cmdlines.remember_all(&[process(7, 100, "sh")]);
        assert_eq!(cmdlines.get(key(7, 100)), Some(&vec!["app".to_owned()]));
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let mut cmdlines = Cmdlines::default();
        cmdlines.remember(&process(7, 100, "java"));
        assert_eq!(cmdlines.get(key(7, 100)), Some(&vec!["java".to_owned()]));
        assert_eq!(cmdlines.get(key(7, 101)), None);
    }

    /// A stop of two processes that started at 1 and 2 ticks.
    fn stop() -> ClosedStop {
        let processes = vec![key(8014, 1), key(8043, 2)];
        let mut report = forced(None, None);
        report.processes.truncate(processes.len());
        ClosedStop {
            report,
            facts: StopFacts {
                init: processes[0],
                processes,
                ..StopFacts::default()
            },
        }
    }

    fn cmdlines_of(stop: &ClosedStop) -> Vec<Option<&str>> {
        let processes = stop.report.processes.iter();
        let cmdlines = processes.map(|process| process.cmdline.as_ref());
        cmdlines
            .map(|cmdline| cmdline?.first().map(String::as_str))
            .collect()
    }

    #[test]
    fn arguments_of_the_processes_of_a_stop_are_filled_in_and_forgotten() {
        let mut cmdlines = Cmdlines::default();
        cmdlines.remember_all(&[process(8014, 1, "sh"), process(8043, 2, "java")]);
        let mut first = stop();
        cmdlines.complete(&mut first);
        assert_eq!(cmdlines_of(&first), [Some("sh"), Some("java")]);
        let init = first.report.workload.init.cmdline;
        assert_eq!(init, Some(vec!["sh".to_owned()]));
        assert!(cmdlines.young.is_empty());
    }

    /// Before the report of a stop is made, the pid of one of its processes may be that of a process in
    /// another container.
    #[test]
    fn arguments_of_who_has_the_pid_by_now_are_in_no_report_of_another() {
        let mut cmdlines = Cmdlines::default();
        cmdlines.remember(&process(8043, 3, "--password=of-another-container"));
        let mut first = stop();
        cmdlines.complete(&mut first);
        assert_eq!(cmdlines_of(&first), [None, None]);
        assert!(cmdlines.get(key(8043, 3)).is_some(), "still wanted");
        cmdlines.remember(&process(8043, 2, "java"));
        let mut second = stop();
        cmdlines.complete(&mut second);
        assert_eq!(cmdlines_of(&second), [None, Some("java")]);
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
