//! SIGKILLs that ended processes of a workload that lives on: no part of any stop.

use super::{BootTime, KilledBy, Role, Sender, WorkloadNames};

/// Kills of one workload within about a second.
#[derive(Clone, Debug, PartialEq)]
pub struct KillsOutsideStop {
    /// When the first was.
    pub at: BootTime,
    /// Host pid of the init, which lives.
    pub init_pid: u32,
    /// inum of the pid namespace.
    pub pid_namespace: u32,
    /// Whose namespace it is; `None` when the lookup has not answered in time.
    pub names: Option<WorkloadNames>,
    /// Who was killed, in the order of time: the first of them.
    pub victims: Vec<KilledOutsideStop>,
    /// How many more there were.
    pub more: u64,
}

/// One process of them.
#[derive(Clone, Debug, PartialEq)]
pub struct KilledOutsideStop {
    /// Host pid.
    pub pid: u32,
    /// Pid inside.
    pub ns_pid: u32,
    /// Command name.
    pub comm: String,
    /// A member, or one of an exec session.
    pub role: Role,
    /// Who or what killed it.
    pub killed_by: KilledBy,
    /// The process that ran when the signal was made; for kills by the kernel it need not be to blame.
    pub sender: Sender,
}
