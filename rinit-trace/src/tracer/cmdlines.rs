//! Arguments of processes, remembered for when the processes are gone: a teardown takes less time
//! than a look into `/proc`.

use std::collections::HashMap;

use rinit_trace_core::model::{ClosedStop, ProcessKey, ProcessNames};

/// Most processes remembered.
const MAX: usize = 65_536;

/// Nanoseconds of a clock tick in `/proc/PID/stat`.
const TICK_NS: u64 = 10_000_000;

/// By host pid; the start time tells a reused pid.
#[derive(Debug, Default)]
pub(super) struct Cmdlines {
    known: HashMap<u32, (u64, Vec<String>)>,
}

impl Cmdlines {
    pub(super) fn remember(&mut self, pid: u32, start_ticks: u64, cmdline: &[String]) {
        let fits = self.known.len() < MAX || self.known.contains_key(&pid);
        if fits && !cmdline.is_empty() {
            self.known.insert(pid, (start_ticks, cmdline.to_vec()));
        }
    }

    pub(super) fn remember_all(&mut self, members: &[ProcessNames]) {
        for member in members {
            self.remember(member.pid, member.start_ticks, &member.cmdline);
        }
    }

    pub(super) fn get(&self, key: ProcessKey) -> Option<&Vec<String>> {
        self.known
            .get(&key.tgid)
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
            if let Some((_, cmdline)) = self.known.remove(&process.pid) {
                process.cmdline.get_or_insert(cmdline);
            }
        }
    }
}
