//! Answers of lookups: what user space knows of a workload beside what the kernel shows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Signal;

/// The container runtime of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// Docker Engine
    Docker,
    /// containerd through CRI
    Containerd,
    /// CRI-O
    CriO,
    /// podman
    Podman,
}

/// Where a configured grace period was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GraceSource {
    /// The container's `StopTimeout`, or Docker's default.
    Docker,
    /// The pod's `terminationGracePeriodSeconds`.
    Pod,
    /// Given by who started the stop: a demo, `check`.
    Caller,
}

/// A configured grace period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// How long.
    pub period: Duration,
    /// Who says so.
    pub source: GraceSource,
}

/// The pod of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// Kubernetes namespace.
    pub namespace: String,
    /// Pod name.
    pub name: String,
    /// Pod UID.
    pub uid: String,
    /// Container name in the pod.
    pub container: String,
}

/// Answer to a lookup of a workload. Everything is optional: a lookup may fail, or come too late.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkloadNames {
    /// Runtime, by cgroup path or by who answered.
    pub runtime: Option<Runtime>,
    /// Full container id.
    pub container_id: Option<String>,
    /// Container name, without a leading slash.
    pub name: Option<String>,
    /// Image as the user named it.
    pub image: Option<String>,
    /// Pod, on Kubernetes.
    pub pod: Option<Pod>,
    /// Arguments of the init.
    pub init_cmdline: Option<Vec<String>>,
    /// cgroup path of the init.
    pub cgroup: Option<String>,
    /// Configured grace period.
    pub grace: Option<Grace>,
    /// Configured stop signal.
    pub stop_signal: Option<Signal>,
}

/// Answer to a lookup of a namespace's processes: one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessNames {
    /// Thread group id, host numbering.
    pub pid: u32,
    /// Start time in clock ticks of 10 ms since boot (`/proc/PID/stat`, field 22).
    pub start_ticks: u64,
    /// Parent, host numbering.
    pub ppid: u32,
    /// Whether the parent lives in the same pid namespace.
    pub parent_inside: bool,
    /// Session in the numbering of the namespace (`NSsid`); `None` when not known.
    pub sid: Option<u32>,
    /// Command name.
    pub comm: String,
    /// Arguments, bounded; empty when they could not be read.
    pub cmdline: Vec<String>,
}
