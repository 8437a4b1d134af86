//! A stop signal that an init dropped: known at once, long before the stop has ended.

use super::{BootTime, Disposition, Sender, Signal, WorkloadNames};

/// The kernel dropped a signal from outside that asked an init to end.
#[derive(Clone, Debug, PartialEq)]
pub struct DroppedSignal {
    /// When it was sent, or when the init unblocked it.
    pub at: BootTime,
    /// Which.
    pub signal: Signal,
    /// Why: no handler, or `SIG_IGN`.
    pub disposition: Disposition,
    /// Host pid of the init.
    pub init_pid: u32,
    /// Pid inside: 1, but for the main process of a container in a shared pid namespace.
    pub init_ns_pid: u32,
    /// Command name of the init.
    pub init_comm: String,
    /// Who sent it.
    pub sender: Sender,
    /// inum of the pid namespace.
    pub pid_namespace: u32,
    /// Whose namespace it is; `None` when the lookup has not answered in time.
    pub names: Option<WorkloadNames>,
}
