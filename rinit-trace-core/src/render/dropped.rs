//! One line for a stop signal that an init dropped.

use super::{escape, words};
use crate::model::{Disposition, DroppedSignal};

pub(super) fn line(dropped: &DroppedSignal) -> String {
    let names = dropped.names.as_ref();
    let workload = words::called(
        names.and_then(|names| names.container_id.as_deref()),
        names.and_then(|names| names.name.as_deref()),
        names.and_then(|names| names.pod.as_ref()),
        dropped.pid_namespace,
    );
    let signal = dropped.signal;
    let why = match dropped.disposition {
        Disposition::Ignored => format!("ignores {signal}"),
        _ => format!("has no {signal} handler"),
    };
    let init = match dropped.init_ns_pid {
        1 => "PID 1",
        _ => "the main process",
    };
    format!(
        "{workload}: {init} ({}, pid {}) {why}, so the kernel dropped the one from {} (pid {})",
        escape::name(&dropped.init_comm),
        dropped.init_pid,
        escape::name(dropped.sender.name()),
        dropped.sender.pid,
    )
}
