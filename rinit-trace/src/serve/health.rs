//! How the daemon itself is doing: plain numbers that its loop puts down, for the metrics.

use std::time::Duration;

use rinit_trace_common::kind;

/// A snapshot. Counters count from the daemon's start, and never go back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Records by kind, in the order of [`kind::NAMES`].
    pub records: [RecordCounts; kind::COUNT],
    /// Gates that the kernel side could not open: exits that were not recorded.
    pub gates_refused: u64,
    /// Repeated signals that the kernel side folded into one record.
    pub folded: u64,
    /// Every hook, with the mechanism that it is attached by; `None` when it is not.
    pub probes: Vec<(&'static str, Option<&'static str>)>,
    /// Stops under way.
    pub open_stops: u64,
    /// Workloads that the correlator follows.
    pub workloads: u64,
    /// Containers that are known to run.
    pub known_containers: u64,
    /// Entries that a full table had to give up, by table.
    pub evictions: Vec<(&'static str, u64)>,
    /// Lookups of names: who was asked, how it went, how often.
    pub lookups: Vec<(&'static str, &'static str, u64)>,
    /// Reads of processes that hang now.
    pub reads_hanging: u64,
    /// Those that gave nothing, by why.
    pub reads_left_out: Vec<(&'static str, u64)>,
    /// What each program in the kernel cost: runs and time. Empty while the kernel does not count
    /// (`kernel.bpf_stats_enabled`).
    pub programs: Vec<(&'static str, u64, Duration)>,
    /// Outputs by sink: writes that failed, and what was dropped because of that.
    pub outputs: Vec<(&'static str, u64, u64)>,
    /// Kubernetes Events by result.
    pub kube_events: Vec<(&'static str, u64)>,
}

/// Records of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// Read from the ring buffer.
    pub received: u64,
    /// Had no room in it.
    pub lost: u64,
    /// Read, and not understood.
    pub undecodable: u64,
}
