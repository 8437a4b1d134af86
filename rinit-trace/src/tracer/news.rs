//! What a tracer has to tell.

use rinit_trace_core::{
    arguments,
    diagnose::diagnose,
    model::{
        Arguments, ClosedStop, DroppedSignal, InitKind, KillsOutsideStop, StopReport, WorkloadNames,
    },
};

/// One thing.
#[derive(Debug)]
pub enum News {
    /// A stop has closed.
    Stop(Box<StopReport>),
    /// The sandbox of a pod has ended: the pause program, which runtimes SIGKILL as a matter of course.
    /// No stop of a workload.
    SandboxStop(Box<StopReport>),
    /// A runtime has given up a container before its program was started. No stop of a workload.
    NeverRan(Box<StopReport>),
    /// An init has dropped a stop signal from outside; its stop goes on.
    SignalDropped(Box<DroppedSignal>),
    /// Members of a workload that lives on were SIGKILLed.
    KilledOutsideStop(Box<KillsOutsideStop>),
    /// The names of a workload have come. It lives, or did a moment ago; told again when its stop asks
    /// for them again.
    Known(Box<KnownWorkload>),
}

impl News {
    /// A stop that has closed, with what there is to say of it. The diagnosis has all arguments; nobody after it has
    /// more than are to be shown.
    pub(super) fn of_stop(stop: ClosedStop, shown: Arguments) -> Self {
        let (is_sandbox, never_ran) = (stop.facts.is_sandbox, stop.facts.never_ran);
        let mut report = Box::new(diagnose(stop));
        arguments::limit(&mut report, shown);
        // Names may have come too late; a container whose program is `pause` has a name in its pod.
        let looks_so =
            report.workload.init.kind == InitKind::Pause && report.workload.pod.is_none();
        // Containers that share its namespace, and cannot be told apart from it, are workloads.
        let is_alone = report.processes.len() == 1;
        if never_ran && is_alone {
            Self::NeverRan(report)
        } else if (is_sandbox || looks_so) && is_alone {
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
