//! Times, counts and names as people read them.

use std::collections::HashMap;

use serde::Serialize;

use super::escape;
use crate::model::{Init, Pod, Process, Sender, StopReport, Workload};

/// The word that the JSON has for a value of a closed list.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "unknown".to_owned(),
    }
}

/// `480 ms`, `10.0 s`.
pub(super) fn duration(ms: f64) -> String {
    if ms < 9.95 {
        format!("{ms:.1} ms")
    } else if ms < 999.5 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.1} s", ms / 1000.0)
    }
}

/// Since the stop's begin: `+10.002 s`.
pub(super) fn offset(ms: f64) -> String {
    format!("{:+.3} s", ms / 1000.0)
}

/// `1 process`, `3 processes`.
pub(super) fn processes(count: usize) -> String {
    format!(
        "{count} {}",
        if count == 1 { "process" } else { "processes" }
    )
}

/// What lost cleanup is: `1 process had a handler and could not finish`.
pub(super) fn could_not_finish(count: u32) -> String {
    let count = processes(usize::try_from(count).unwrap_or(usize::MAX));
    format!("{count} had a handler and could not finish")
}

/// `sh[8014]`
pub(super) fn process(comm: &str, pid: u32) -> String {
    format!("{}[{pid}]", escape::name(comm))
}

/// What people call the workload, the container id behind it where both are known.
pub(super) fn workload(workload: &Workload) -> String {
    called(
        workload.container_id.as_deref(),
        workload.name.as_deref(),
        workload.pod.as_ref(),
        workload.pid_namespace,
    )
}

/// The same of its parts.
pub(super) fn called(
    container_id: Option<&str>,
    name: Option<&str>,
    pod: Option<&Pod>,
    pid_namespace: u32,
) -> String {
    let id = container_id.map(|id| {
        let short: String = id.chars().take(12).collect();
        escape::label(&short)
    });
    let name = match (pod, name) {
        (Some(pod), _) => Some(format!(
            "{}/{}/{}",
            escape::label(&pod.namespace),
            escape::label(&pod.name),
            escape::label(&pod.container)
        )),
        (None, name) => name.map(escape::label),
    };
    match (name, id) {
        (Some(name), Some(id)) => format!("{name} ({id})"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => format!("pidns {pid_namespace}"),
    }
}

/// What is known of the pids of a report.
pub(super) struct Names<'a> {
    init: &'a Init,
    processes: HashMap<u32, &'a Process>,
    senders: HashMap<u32, &'a Sender>,
}

impl<'a> Names<'a> {
    pub(super) fn of(report: &'a StopReport) -> Self {
        let stop = &report.stop;
        let senders = stop
            .sender
            .iter()
            .chain(stop.kill.as_ref().map(|kill| &kill.sender));
        // Backwards, so that the first of two with one pid stays: pids are reused.
        let processes = report.processes.iter().rev();
        Self {
            init: &report.workload.init,
            processes: processes.map(|process| (process.pid, process)).collect(),
            senders: senders.map(|sender| (sender.pid, sender)).collect(),
        }
    }

    pub(super) fn process(&self, pid: u32) -> Option<&'a Process> {
        self.processes.get(&pid).copied()
    }

    /// `sh[8014]` for a process of the stop, `runc (containerd-shim)` for a sender from outside,
    /// where the pid of a program gone at once says nothing, else the bare pid.
    pub(super) fn name(&self, pid: u32) -> String {
        if let Some(process) = self.process(pid) {
            return self::process(&process.comm, pid);
        }
        // An init that ended before the tracer came is in no list.
        if pid == self.init.pid {
            return self::process(&self.init.comm, pid);
        }
        match self.senders.get(&pid) {
            Some(sender) if sender.inside => self::process(&sender.comm, pid),
            Some(sender) => outside(sender),
            None => format!("pid {pid}"),
        }
    }
}

/// A sender with its parent, which tells which runtime or operator it worked for.
fn outside(sender: &Sender) -> String {
    let comm = escape::name(&sender.comm);
    if sender.parent_comm.is_empty() {
        comm
    } else {
        format!("{comm} ({})", escape::name(&sender.parent_comm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_ms_below_a_second_and_seconds_above() {
        for (ms, shown) in [
            (0.0, "0.0 ms"),
            (3.24, "3.2 ms"),
            (9.96, "10 ms"),
            (480.2, "480 ms"),
            (999.7, "1.0 s"),
            (10013.2, "10.0 s"),
        ] {
            assert_eq!(duration(ms), shown);
        }
    }
}
