//! Who a workload is: container identity from `/proc`, cgroup paths, bundles, CRI, Docker and podman.
//!
//! Callers are the driver, which performs the correlator's lookups ([`Lookups::names`],
//! [`members_of`]) and needs the namespaces that exist at the start ([`all_namespaces`]), and the
//! command line, which turns what the user typed into a pid namespace ([`resolve`]).
//!
//! Nothing here knows the kernel side, the correlator or the commands. Nothing here is needed for a
//! verdict either: every answer may be missing, and none may be late, large or a panic. Text from
//! containers is passed on raw, and escaped in the texts of errors and labels only.

mod bundle;
pub mod cgroup;
mod cri;
mod details;
pub mod docker;
mod lookups;
mod proc;
mod reader;
mod reads;
mod shared;
mod sockets;
mod target;
#[cfg(test)]
mod testing;
mod text;

pub use cgroup::CgroupIdentity;
pub use lookups::{LookupConfig, LookupOutcome, LookupSource, LookupStats, Lookups};
pub use proc::{Entered, NamespaceError, NamespaceInit, Proc, Residence};
pub use reader::{ProcessId, ReadStats};
pub use reads::{look, look_in_time, read_process, read_stats};
pub use shared::SharedContainer;
pub use sockets::{Socket, SocketState, sockets};
pub use target::{ContainerName, Found, Matches, Owner, Syntax, Target, TargetError, resolve};

use rinit_trace_core::model::ProcessNames;

/// The processes of each that have not ended. Blocking: one scan of `/proc`.
pub fn members_of(wanted: &[Residence]) -> Vec<Vec<ProcessNames>> {
    Proc::default().members_of(wanted)
}

/// Every container that shares a pid namespace with another, or with the host. Blocking: scans of
/// `/proc`.
pub fn shared_containers() -> Vec<SharedContainer> {
    Proc::default().shared_containers()
}

/// Every living process outside our own pid namespace. Blocking: one scan of `/proc`.
pub fn contained() -> Vec<ProcessNames> {
    Proc::default().contained()
}

/// Every process that entered a pid namespace from outside, and what descends from them; `mains` are
/// main processes of containers that share one. Blocking: one scan of `/proc`.
pub fn entered(mains: &[u32]) -> Vec<Entered> {
    Proc::default().entered(mains)
}

/// When the process with this pid started, in clock ticks since boot; `None` when there is none. Blocking,
/// and quick.
pub fn start_of(pid: u32) -> Option<u64> {
    Proc::default().start_of(pid)
}

/// The init of the pid namespace that a process lives in. Blocking: one scan of `/proc`.
pub fn init_of(pid: u32) -> Result<NamespaceInit, NamespaceError> {
    Proc::default().init_of(pid)
}

/// Every pid namespace below our own that has a living init. Blocking: one scan of `/proc`.
pub fn all_namespaces() -> Vec<NamespaceInit> {
    Proc::default().all_namespaces()
}
