//! The processes of a report.

use serde::{Deserialize, Serialize};

use super::{SendResult, Signal};

/// One process of the stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Host pid.
    pub pid: u32,
    /// Pid inside.
    pub ns_pid: u32,
    /// Parent, host pid.
    pub ppid: u32,
    /// Process group inside; `None` when it comes from outside.
    pub pgid: Option<u32>,
    /// Session inside; `None` when it comes from outside.
    pub sid: Option<u32>,
    /// Command name.
    pub comm: String,
    /// Arguments.
    pub cmdline: Option<Vec<String>>,
    /// Its part.
    pub role: Role,
    /// How it met the stop signal.
    pub stop_signal: StopSignal,
    /// Who or what killed it, when SIGKILL ended it.
    pub killed_by: Option<KilledBy>,
    /// How it ended.
    pub outcome: Outcome,
    /// Its exit; `None` while alive.
    pub exit: Option<Exit>,
}

/// The part of a process in a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// PID 1.
    Init,
    /// A process of the workload.
    Member,
    /// Entered from outside (`docker exec`), or a descendant of such.
    Exec,
}

/// How a process met the stop signal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StopSignal {
    /// At its first stop signal.
    pub disposition: Option<DispositionAtStop>,
    /// At its SIGKILL or exit.
    pub disposition_at_end: Option<DispositionAtStop>,
    /// How many it was sent.
    pub received: u32,
    /// Whether it dequeued one.
    pub taken: Option<bool>,
    /// Since the stop's begin.
    pub first_at_ms: Option<f64>,
    /// What the kernel said of the first.
    pub result: Option<SendResult>,
    /// Host pid of who sent the first.
    pub from: Option<u32>,
    /// Its command name when the first came: it may have become another program since. `None` also in
    /// reports from before this field.
    pub comm: Option<String>,
}

/// Disposition for the stop signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DispositionAtStop {
    /// `SIG_DFL`
    Default,
    /// `SIG_IGN`
    Ignored,
    /// A handler.
    Handled,
    /// Blocked, and not dequeued.
    Blocked,
    /// Blocked, or default on an init, and yet dequeued: sigwait, signalfd.
    Waited,
}

/// Who or what killed a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KilledBy {
    /// The kernel, because the init ended.
    PidnsTeardown,
    /// The container's runtime.
    Runtime,
    /// `cgroup.kill`
    CgroupKill,
    /// The OOM killer.
    Oom,
    /// Another process of the workload.
    Peer,
    /// Itself.
    #[serde(rename = "self")]
    Itself,
    /// The death of its parent.
    ParentDeath,
    /// A tracer.
    Tracer,
    /// A host process that is not the runtime.
    External,
    /// The kernel, for another reason.
    Kernel,
    /// Its SIGKILL was not seen.
    Unknown,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// By itself.
    Exited,
    /// By the default action of a signal other than SIGKILL.
    Terminated,
    /// SIGKILLed, and no stop signal had ever been sent to it.
    KilledUnsignalled,
    /// SIGKILLed after the stop signal was dropped for it.
    KilledIgnoring,
    /// SIGKILLed with the stop signal queued and not taken.
    KilledPending,
    /// SIGKILLed after it had taken the stop signal.
    KilledHandling,
    /// Victim of the OOM killer.
    OomKilled,
    /// Still there when the report closed.
    Alive,
}

impl Outcome {
    /// Whether SIGKILL ended it.
    pub fn is_killed(self) -> bool {
        matches!(
            self,
            Self::KilledUnsignalled
                | Self::KilledIgnoring
                | Self::KilledPending
                | Self::KilledHandling
                | Self::OomKilled
        )
    }
}

/// The end of a process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exit {
    /// Since the stop's begin.
    pub at_ms: f64,
    /// Exit code; `None` when a signal ended it.
    pub code: Option<u8>,
    /// The signal that ended it.
    pub signal: Option<Signal>,
}
