//! What identifies things over time: pids and namespace numbers alone are reused.

use std::{fmt, time::Duration};

/// Nanoseconds since boot, sleep included: the clock of the kernel's records, and the only clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootTime(pub u64);

pub use rinit_trace_common::TICK_NS;

impl BootTime {
    /// Time passed since `earlier`; zero if that is later (records of two CPUs may invert by µs).
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This time moved forward.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

/// One process: a thread group in the host's numbering, with the start time of its leader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessKey {
    /// Thread group id, host numbering.
    pub tgid: u32,
    /// Start of the thread group leader, nanoseconds since boot.
    pub start: u64,
}

impl fmt::Display for ProcessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.tgid)
    }
}

/// One pid namespace. The inum is reused at once by the next namespace; `id` is not, where the
/// kernel has it (6.18 on), and the start time of the init tells two apart where it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PidNs {
    /// `ns_common.ns_id`; 0 before 6.18.
    pub id: u64,
    /// Inode number, as in `/proc/PID/ns/pid`.
    pub inum: u32,
    /// Start of its init, nanoseconds since boot.
    pub init_start: u64,
}

impl fmt::Display for PidNs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid:[{}]", self.inum)
    }
}

/// One workload: a pid namespace, with those in it that are part of its container; or one container
/// in a namespace that it shares with others, the host's among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadId {
    /// The namespace.
    pub ns: PidNs,
    /// kernfs id of the container's cgroup where that makes the workload; else 0.
    pub container: u64,
}

impl WorkloadId {
    /// Whether it shares its pid namespace with others.
    pub fn is_shared(self) -> bool {
        self.container != 0
    }

    /// How the kernel side names it: the `ns_id` of its namespace, or its inum on kernels without,
    /// and the start of its init; or its container's cgroup and
    /// [`CONTAINER_KEY`](rinit_trace_common::CONTAINER_KEY).
    pub fn kernel_key(self) -> (u64, u64) {
        let ns = self.ns;
        if self.is_shared() {
            (self.container, rinit_trace_common::CONTAINER_KEY)
        } else if ns.id == 0 {
            (u64::from(ns.inum), ns.init_start)
        } else {
            (ns.id, ns.init_start)
        }
    }
}

impl From<PidNs> for WorkloadId {
    fn from(ns: PidNs) -> Self {
        Self { ns, container: 0 }
    }
}

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ns)?;
        if self.is_shared() {
            write!(f, ", cgroup {}", self.container)?;
        }
        Ok(())
    }
}

/// kernfs ids of a process's cgroups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CgroupIds {
    /// In the v2 hierarchy.
    pub v2: u64,
    /// In the v1 hierarchy of the pids controller; 0 where there is none.
    pub v1: u64,
}
