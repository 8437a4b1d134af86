//! Signals that asked processes of the workload to end, as the report lists them.

use std::collections::HashMap;

use crate::model::{ClosedStop, Origin, Process, Role, SendResult, SignalEntry, StopReport};

/// One signal that asked a process to end.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    /// Its index in the report.
    pub(super) index: usize,
    pub(super) entry: &'a SignalEntry,
    /// Who sent it, when that is a process of the report.
    pub(super) sender: Option<&'a Process>,
    /// Whom it was sent to.
    pub(super) target: &'a Process,
}

impl Asking<'_> {
    /// Whether the kernel put it into the target's queue: it did not drop it, nor found the same
    /// one pending.
    pub(super) fn is_queued(&self) -> bool {
        matches!(
            self.entry.result,
            SendResult::Delivered | SendResult::LoseInfo
        )
    }

    /// Name of the sender, as others than the target know it.
    pub(super) fn sender_name(&self, stop: &ClosedStop) -> String {
        match self.sender {
            Some(sender) => name(sender),
            None => match &stop.report.stop.sender {
                Some(sender) if sender.pid == self.entry.from => sender.comm.clone(),
                _ => format!("process {}", self.entry.from),
            },
        }
    }
}

/// `PID 1 (tini)`, `the main process (web)` of a container in a shared pid namespace, `worker`.
pub(super) fn name(process: &Process) -> String {
    match process.role {
        Role::Init if process.ns_pid == 1 => format!("PID 1 ({})", process.comm),
        Role::Init => format!("the main process ({})", process.comm),
        _ => process.comm.clone(),
    }
}

/// What counts as `stop_signal.received` of members and the init, in order of time: the stop signal,
/// another usual one, and whatever fatal one PID 1 sends on (`dumb-init -r`). None when nobody sent a
/// stop signal.
pub(super) fn asking(report: &StopReport) -> Vec<Asking<'_>> {
    let Some(stop_signal) = report.stop.signal else {
        return Vec::new();
    };
    let init = report.workload.init.pid;
    let processes: HashMap<u32, &Process> = report
        .processes
        .iter()
        .map(|process| (process.pid, process))
        .collect();
    let entries = report.signals.iter().enumerate();
    entries
        .filter(|(_, entry)| {
            let is_sent_on = entry.from == init && entry.to != init;
            entry.signal.asks_to_end(stop_signal, is_sent_on)
                && entry.at_ms >= 0.0
                // A dead process does not take it, even where the kernel says that it was delivered.
                && entry.to_dead != Some(true)
                && matches!(entry.origin, Origin::User | Origin::Thread)
        })
        .filter_map(|(index, entry)| {
            let target = processes.get(&entry.to).copied()?;
            let counts = target.role != Role::Exec && target.stop_signal.received > 0;
            counts.then(|| Asking {
                index,
                entry,
                sender: processes.get(&entry.from).copied(),
                target,
            })
        })
        .collect()
}
