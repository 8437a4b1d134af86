//! Arguments of processes, remembered for when the processes are gone: a teardown takes less time
//! than a look into `/proc`.

use std::collections::HashMap;

use rinit_trace_core::model::{ClosedStop, ProcessKey, ProcessNames};

/// Most processes of one generation.
const GENERATION: usize = 32_768;

/// Nanoseconds of a clock tick in `/proc/PID/stat`.
pub(super) const TICK_NS: u64 = 10_000_000;

/// Start time in ticks, which tells a reused pid, and arguments, by host pid.
type Known = HashMap<u32, (u64, Vec<String>)>;

/// Two generations: when the young one is full the old one is forgotten. Processes end without a
/// word, so that entries cannot be taken out one by one.
#[derive(Debug, Default)]
pub(super) struct Cmdlines {
    young: Known,
    old: Known,
}

impl Cmdlines {
    pub(super) fn remember(&mut self, pid: u32, start_ticks: u64, cmdline: &[String]) {
        if cmdline.is_empty() {
            return;
        }
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(pid, (start_ticks, cmdline.to_vec()));
    }

    pub(super) fn remember_all(&mut self, members: &[ProcessNames]) {
        for member in members {
            self.remember(member.pid, member.start_ticks, &member.cmdline);
        }
    }

    pub(super) fn get(&self, key: ProcessKey) -> Option<&Vec<String>> {
        self.young
            .get(&key.tgid)
            .or_else(|| self.old.get(&key.tgid))
            .filter(|(ticks, _)| *ticks == key.start / TICK_NS)
            .map(|(_, cmdline)| cmdline)
    }

    /// Fills in what the correlator's own lookup came too late for, and forgets the processes of
    /// the stop.
    pub(super) fn complete(&mut self, stop: &mut ClosedStop) {
        let init = stop.facts.init;
        if let Some(cmdline) = self.get(init) {
            let workload = &mut stop.report.workload;
            workload.init.cmdline.get_or_insert_with(|| cmdline.clone());
        }
        for process in &mut stop.report.processes {
            // The report has no start times; during a stop a pid is not reused.
            let old = self.old.remove(&process.pid);
            if let Some((_, cmdline)) = self.young.remove(&process.pid).or(old) {
                process.cmdline.get_or_insert(cmdline);
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

    #[test]
    fn a_reused_pid_is_another_process() {
        let mut cmdlines = Cmdlines::default();
        cmdlines.remember(7, 100, &["java".to_owned()]);
        assert_eq!(cmdlines.get(key(7, 100)), Some(&vec!["java".to_owned()]));
        assert_eq!(cmdlines.get(key(7, 101)), None);
    }

    #[test]
    fn two_generations_are_kept_and_no_more() {
        let mut cmdlines = Cmdlines::default();
        let total = u32::try_from(GENERATION).unwrap() * 3;
        for pid in 0..total {
            cmdlines.remember(pid, 1, &["x".to_owned()]);
        }
        assert!(cmdlines.young.len() + cmdlines.old.len() <= 2 * GENERATION);
        assert!(cmdlines.get(key(total - 1, 1)).is_some());
        assert!(cmdlines.get(key(0, 1)).is_none());
    }
}
