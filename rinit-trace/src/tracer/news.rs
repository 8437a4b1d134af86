//! What a tracer has to tell.

use rinit_trace_core::model::{
    DroppedSignal, InitKind, KillsOutsideStop, StopReport, WorkloadNames,
};

/// One thing.
#[derive(Debug)]
pub enum News {
    /// A stop has closed.
    Stop(Box<StopReport>),
    /// The sandbox of a pod has ended: the pause program, which runtimes SIGKILL as a matter of course.
    /// No stop of a workload.
    SandboxStop(Box<StopReport>),
    /// An init has dropped a stop signal from outside; its stop goes on.
    SignalDropped(Box<DroppedSignal>),
    /// Members of a workload that lives on were SIGKILLed.
    KilledOutsideStop(Box<KillsOutsideStop>),
    /// The names of a workload have come. It lives, or did a moment ago; told again when its stop asks
    /// for them again.
    Known(Box<KnownWorkload>),
}

impl News {
    /// A stop whose report is complete.
    pub(super) fn of_stop(report: StopReport, is_sandbox: bool) -> Self {
        // Names may have come too late; a container whose program is `pause` has a name in its pod.
        let looks_so =
            report.workload.init.kind == InitKind::Pause && report.workload.pod.is_none();
        // Containers that share its namespace, and cannot be told apart from it, are workloads.
        let is_alone = report.processes.len() == 1;
        let report = Box::new(report);
        if (is_sandbox || looks_so) && is_alone {
            Self::SandboxStop(report)
        } else {
            Self::Stop(report)
        }
    }
}

/// A workload, and what it is called.
#[derive(Debug)]
pub struct KnownWorkload {
    /// Its init, or the main process of a container in a shared namespace: host pid.
    pub init_pid: u32,
    /// Start of that in clock ticks since boot.
    pub start_ticks: u64,
    /// Its names, as far as they were found.
    pub names: WorkloadNames,
}
