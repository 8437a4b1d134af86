//! What the correlator is told once, what it asks for, and what it counts.

use crate::model::{
    BootTime, ClosedStop, DroppedSignal, KillsOutsideStop, PidnsTeardown, ProcessKey, Signal,
    WorkloadId,
};

/// What the correlator is told once.
#[derive(Clone, Debug)]
pub struct Config {
    /// Host or node name, for reports.
    pub node: Option<String>,
    /// How teardowns are confirmed.
    pub teardown: PidnsTeardown,
    /// Whether an init's taking of a signal is recorded (`signal_deliver`).
    pub sees_deliveries: bool,
    /// Whether it is recorded when an init becomes another program (`sched_process_exec`).
    pub sees_starts: bool,
    /// Whether the kernel side knows the cgroups of containers: who is in another cgroup than an init, and
    /// is not told to be another container's, has entered from a login session, say.
    pub knows_containers: bool,
    /// When the probes were attached: what came before was not seen.
    pub started: BootTime,
    /// Wall time minus boot time, in nanoseconds. [`super::Correlator::set_wall_offset`] follows
    /// clock changes.
    pub wall_offset: i64,
    /// Most workloads that are kept.
    pub max_workloads: usize,
    /// Most facts (signals, exits) that are kept of one stop; all together keep four times as many.
    pub max_facts: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            node: None,
            teardown: PidnsTeardown::Inferred,
            sees_deliveries: true,
            sees_starts: true,
            knows_containers: true,
            started: BootTime(0),
            wall_offset: 0,
            max_workloads: 16_384,
            max_facts: 50_000,
        }
    }
}

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Find out whose workload this is, and answer by [`super::Correlator::handle_names`].
    LookupWorkload {
        /// The workload.
        id: WorkloadId,
        /// Its init, or the main process of a container in a shared namespace; pid 0 when not known.
        init: ProcessKey,
        /// Leaf name of the init's cgroup; may be empty.
        leaf: String,
    },
    /// Find out the command lines of its processes, and answer by
    /// [`super::Correlator::handle_members`].
    LookupMembers {
        /// The workload.
        id: WorkloadId,
        /// The container's id, where that makes the workload and not the namespace.
        container: Option<String>,
    },
    /// The kernel side need not record this workload's exits any more.
    CloseGate {
        /// The workload.
        id: WorkloadId,
    },
    /// What opened the gate came just before it was closed: it is to be open again.
    OpenGate {
        /// The workload.
        id: WorkloadId,
        /// A signal that it lets pass; `None` when the init has ended.
        signal: Option<Signal>,
    },
    /// The workload is configured to be stopped by this signal, which is none of the usual ones: from now on the
    /// kernel side is to record it among its processes, too.
    RecordSignal {
        /// The workload.
        id: WorkloadId,
        /// The signal.
        signal: Signal,
    },
    /// The workload has ended, or is not known any more: what the kernel side was told of it can go.
    Forgotten {
        /// The workload.
        id: WorkloadId,
    },
    /// A stop has begun: its stop signal or its kill was seen. It closes, or the gate does without
    /// it when nothing came of the signal.
    StopBegan {
        /// The workload.
        id: WorkloadId,
    },
    /// An init has dropped a stop signal from outside: to be told before its grace period ends.
    SignalDropped(Box<DroppedSignal>),
    /// Members were SIGKILLed, and the workload lives on, or its stop has nothing to do with them.
    KilledOutsideStop(Box<KillsOutsideStop>),
    /// A stop has closed.
    Closed(Box<ClosedStop>),
}

/// Counters and gauges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Workloads that are known.
    pub workloads: usize,
    /// Stops that have begun and not closed.
    pub open_stops: usize,
    /// Workloads dropped because the table was full.
    pub evicted: u64,
}
