//! A stop that has closed: the report as far as it was observed, and the facts beside it that the
//! rules of the diagnosis look at.

use std::time::Duration;

use super::{
    DispositionAtStop, InitSettings, NameDoubt, ProcessKey, SendResult, Signal, StopReport,
};

/// What the correlator hands to the diagnosis. `report` has neither cause nor findings yet, and
/// its init no kind.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedStop {
    /// The observed part.
    pub report: StopReport,
    /// What the rules need beside it.
    pub facts: StopFacts,
}

/// Observations that have no field of their own in the report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StopFacts {
    /// The init.
    pub init: ProcessKey,
    /// Those of the report's processes, in its order: its pids alone may be other processes' by now.
    pub processes: Vec<ProcessKey>,
    /// Effective uids of the same, host numbering; `None` where not read.
    pub euids: Vec<Option<u32>>,
    /// How old the init was when the stop began; `None` when its start was not read.
    pub init_age: Option<Duration>,
    /// Signals that the init had a handler for at its end, of
    /// `rinit_trace_common::DISPOSITION_SIGNALS`; `None` when its end was not seen.
    pub init_handles: Option<u64>,
    /// What the init's file and environment say.
    pub init_settings: InitSettings,
    /// Host pid of the child whose end made an unsignalled init leave.
    pub main_child: Option<u32>,
    /// Host pids of processes that somebody traced (`ptrace`) when they were signalled or ended.
    pub traced: Vec<u32>,
    /// Processes that were SIGKILLed, also through `cgroup.kill`, by a process outside of the container
    /// that is not its runtime.
    pub killed_from_outside: Vec<KilledFromOutside>,
    /// Processes that the kernel killed because an init ended which is not this workload's.
    pub torn_down_by_others: Vec<TornDown>,
    /// The workload is one container in a pid namespace that it shares with others.
    pub shares_namespace: bool,
    /// It is the sandbox of a pod, by what its runtime says.
    pub is_sandbox: bool,
    /// The container could not be set up, and its program was not started: its init was the OCI
    /// runtime's own process until the end.
    pub never_ran: bool,
    /// It runs under a kernel of its own, by what its runtime is.
    pub is_opaque: bool,
    /// Why what says how it is called is not believed.
    pub name_doubt: Option<NameDoubt>,
    /// Children of the init that had ended before the stop began and were not reaped in it: host
    /// pids and command names.
    pub unreaped: Vec<(u32, String)>,
    /// The signal that decided the stop; `None` when there was no stop signal.
    pub asked: Option<Asked>,
    /// Host pids of children of the init that began after that signal: it lived on.
    pub begun_since: Vec<u32>,
    /// The first SIGKILL to the init came from the container's runtime, also through `cgroup.kill`.
    pub killed_by_runtime: bool,
    /// A stop signal may have been sent before the tracer looked: the workload is older than the
    /// trace, and the trace younger than a grace period.
    pub may_have_missed_begin: bool,
    /// The stop signal is what the runtime sent: which one is configured nobody knows. Without one, that
    /// there was none is not known for sure.
    pub stop_signal_unknown: bool,
    /// A signal to the init that is not counted to this stop and may have begun it all the same.
    pub unlinked: Option<Unlinked>,
    /// A `preStop` hook is configured: what it takes is missing between stop signal and SIGKILL.
    pub has_pre_stop: bool,
    /// Facts of this stop that were not kept because a table was full.
    pub dropped_facts: u64,
}

/// A process that a stranger killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KilledFromOutside {
    /// Host pid.
    pub pid: u32,
    /// Command name of who did it.
    pub by_comm: String,
    /// Who did it lives in another container; else on the host.
    pub by_container: bool,
}

/// A process that the kernel killed with the pid namespace of an init that is not its workload's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornDown {
    /// Host pid.
    pub pid: u32,
    /// Host pid of that init.
    pub by: u32,
    /// Its command name.
    pub by_comm: String,
    /// Its namespace is one within this workload's; else it is around it, or shared with it.
    pub is_inside: bool,
}

/// How the init met the signal that decided the stop: its stop signal, or, when it was sent several
/// kinds, the one that the runtime means to stop it by.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Which.
    pub signal: Signal,
    /// Since the stop's begin.
    pub at_ms: f64,
    /// What the kernel said of it.
    pub result: SendResult,
    /// Whether the init dequeued one of its kind.
    pub taken: Option<bool>,
    /// Of the init, when it came.
    pub disposition: DispositionAtStop,
    /// Of the init, at its end; `None` when that is not known.
    pub disposition_at_end: Option<DispositionAtStop>,
    /// At its end the init blocked all signals for a moment: whether it blocks this one for longer is not known.
    pub blocks_for_a_moment: bool,
    /// `SIGNAL_UNKILLABLE` was set on the init.
    pub unkillable: bool,
    /// The init had blocked it for a moment, and it was dropped when that unblocked it without a
    /// handler, or ignores it.
    pub dropped_at_delivery: bool,
    /// Command name of the init when the last signal of its kind came.
    pub comm: String,
    /// The init has exec'd between that one and its end; `None` when that was not seen.
    pub exec_since: Option<bool>,
}

/// A signal that the init was sent before a stop which it may have begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlinked {
    /// Which.
    pub signal: Signal,
    /// How long before the SIGKILL to the init, or before its end.
    pub age: Duration,
}

impl ClosedStop {
    /// Whether something about this stop was not seen: then no finding is certain.
    pub fn is_incomplete(&self) -> bool {
        self.report.observation.lost_records > 0 || self.facts.dropped_facts > 0
    }
}
