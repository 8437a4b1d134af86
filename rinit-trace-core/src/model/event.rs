//! What the kernel side saw, decoded and typed.

use super::{BootTime, CgroupIds, Origin, PidNs, ProcessKey, Signal};

/// One record, decoded.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Somebody signalled somebody.
    Signal(Box<SignalEvent>),
    /// A process ended (its last thread).
    Exit(Box<ExitEvent>),
    /// An init took a signal.
    Deliver(Box<DeliverEvent>),
    /// The OOM killer chose the task with this host tid.
    Oom {
        /// When.
        at: BootTime,
        /// Thread id of the victim, host numbering.
        tid: u32,
    },
    /// An init runs `zap_pid_ns_processes`.
    Teardown {
        /// When.
        at: BootTime,
        /// The init.
        task: Box<Task>,
    },
    /// An init, or a process that entered a namespace from outside, has exec'd.
    Exec {
        /// When.
        at: BootTime,
        /// The process, with its new `comm`.
        task: Box<Task>,
        /// Leaf name of its cgroup.
        leaf: String,
    },
    /// Every task of a namespace is gone, its init is about to be reaped.
    NamespaceEnd {
        /// When.
        at: BootTime,
        /// The init.
        task: Box<Task>,
    },
    /// A container's cgroup is removed: nobody is in it.
    CgroupEnd {
        /// When.
        at: BootTime,
        /// Its kernfs id, as [`Task::container`].
        cgroup: u64,
    },
}

impl Event {
    /// When it happened.
    pub fn at(&self) -> BootTime {
        match self {
            Self::Signal(event) => event.at,
            Self::Exit(event) => event.at,
            Self::Deliver(event) => event.at,
            Self::Oom { at, .. }
            | Self::Teardown { at, .. }
            | Self::Exec { at, .. }
            | Self::NamespaceEnd { at, .. }
            | Self::CgroupEnd { at, .. } => *at,
        }
    }
}

/// Who a process is at the instant of an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// The process.
    pub key: ProcessKey,
    /// The thread, host numbering.
    pub tid: u32,
    /// The pid namespace of its workload: the innermost one, or one around it that is of the same
    /// container.
    pub ns: PidNs,
    /// Depth of that namespace; 0 is the host's.
    pub level: u32,
    /// Its thread group id in that namespace.
    pub ns_tgid: u32,
    /// The namespace's init, host numbering.
    pub ns_init: ProcessKey,
    /// kernfs id of its container's cgroup, where its container seems to share the namespace with
    /// others; else 0.
    pub container: u64,
    /// The first process that entered that container, host numbering; 0 when not known.
    pub main: u32,
    /// Depth of its innermost pid namespace.
    pub inner_level: u32,
    /// Its thread group id there.
    pub inner_tgid: u32,
    /// Its parent, host numbering.
    pub ppid: u32,
    /// Depth of the parent's namespace.
    pub parent_level: u32,
    /// Process group in the namespace; `None` when it comes from outside.
    pub pgid: Option<u32>,
    /// Session in the namespace; `None` when it comes from outside.
    pub sid: Option<u32>,
    /// It, or a process that it descends from, entered the workload from outside while that ran.
    pub has_entered: bool,
    /// Its effective uid, host numbering.
    pub euid: Option<u32>,
    /// The cgroup that names its container is in one that is not root's: a user to whom that was delegated
    /// has given it its name.
    pub is_delegated: bool,
    /// Its workload is a container in a cgroup that only root can make: what others may use up is not its room.
    pub is_of_root: bool,
    /// `task_struct.flags`
    pub flags: u32,
    /// `task_struct.ptrace`; 0 when not traced.
    pub ptrace: u32,
    /// Command name of the thread, as the process set it: hostile.
    pub comm: String,
    /// Command name of the parent.
    pub parent_comm: String,
    /// Its cgroups.
    pub cgroups: CgroupIds,
}

impl Task {
    const PF_EXITING: u32 = 4;
    const PF_KTHREAD: u32 = 0x20_0000;

    /// Whether it is in `do_exit()`.
    pub fn is_exiting(&self) -> bool {
        self.flags & Self::PF_EXITING != 0
    }

    /// Whether it is the kernel's own: an idle CPU, or a kernel thread.
    pub fn is_kernel(&self) -> bool {
        self.key.tgid == 0 || self.flags & Self::PF_KTHREAD != 0
    }

    /// Whether it is the init of a pid namespace below the host's, also of one within a container's.
    pub fn is_init(&self) -> bool {
        self.inner_level > 0 && self.inner_tgid == 1
    }
}

/// How a process stands towards signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskState {
    /// Signals with a handler, of `rinit_trace_common::DISPOSITION_SIGNALS`.
    pub handled: u64,
    /// Signals set to `SIG_IGN`, of the same.
    pub ignored: u64,
    /// Blocked by the thread.
    pub blocked: u64,
    /// What it blocks outside of `sigtimedwait`.
    pub real_blocked: u64,
    /// Pending for the group or for the thread.
    pub pending: u64,
    /// Grows with every exec.
    pub exec_id: u64,
    /// `signal->flags`
    pub signal_flags: u32,
    /// `signal->group_exit_code`
    pub group_exit_code: u32,
    /// Parent-death signal; 0 for none.
    pub pdeath_signal: u32,
    /// Tasks with a number in the namespace, zombies and threads too.
    pub ns_tasks: u32,
    /// Chosen by the OOM killer.
    pub oom: bool,
    /// Threads that have not begun to exit.
    pub threads: u32,
}

impl TaskState {
    const GROUP_EXIT: u32 = 0x4;
    const UNKILLABLE: u32 = 0x40;

    /// The thread group is dying.
    pub fn is_group_exit(&self) -> bool {
        self.signal_flags & Self::GROUP_EXIT != 0
    }

    /// No thread is left. On kernels before 5.16 the end of a process of one thread leaves no other mark,
    /// and a signal to what is left of it is delivered (kernel/exit.c `do_group_exit()`).
    pub fn is_dead(&self) -> bool {
        self.threads == 0
    }

    /// `SIGNAL_UNKILLABLE`: an init, default actions are dropped.
    pub fn is_unkillable(&self) -> bool {
        self.signal_flags & Self::UNKILLABLE != 0
    }

    /// Disposition for a signal of `DISPOSITION_SIGNALS`; default for any other.
    pub fn disposition(&self, signal: Signal) -> Disposition {
        if self.handled & signal.bit() != 0 {
            Disposition::Handled
        } else if self.ignored & signal.bit() != 0 {
            Disposition::Ignored
        } else {
            Disposition::Default
        }
    }

    /// Blocked now, or blocked but for a running `sigtimedwait`.
    pub fn is_blocked(&self, signal: Signal) -> bool {
        (self.blocked | self.real_blocked) & signal.bit() != 0
    }

    /// Whether it blocks all signals, as the C library does for the moment in which it starts a thread or a process
    /// (glibc `__libc_signal_block_all()`, musl `__block_all_sigs()`). A program cannot block signal 32 by the
    /// library, which keeps it for itself.
    pub fn blocks_for_a_moment(&self) -> bool {
        self.blocked & rinit_trace_common::signal_bit(32) != 0
    }
}

/// `sa_handler` of a signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// `SIG_DFL`
    #[default]
    Default,
    /// `SIG_IGN`
    Ignored,
    /// A handler.
    Handled,
}

/// What the kernel said of a signal that was sent (`TRACE_SIGNAL_*`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, Hash,
)]
#[serde(rename_all = "kebab-case")]
pub enum SendResult {
    /// Queued, or its fatal action has begun. Not that anybody took it.
    #[default]
    Delivered,
    /// Dropped: ignored, an init without a handler, or already dying.
    Ignored,
    /// The same signal is already in the queue.
    AlreadyPending,
    /// A real-time signal over the limit; the sender got `EAGAIN`.
    Overflow,
    /// Sent, without its `siginfo`.
    LoseInfo,
}

/// The `info` argument and code of a signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignalInfo {
    /// `SEND_SIG_NOINFO`
    #[default]
    NoInfo,
    /// `SEND_SIG_PRIV`: the kernel.
    Kernel,
    /// A `siginfo` with this code; `None` where it could not be read.
    Code(Option<i32>),
}

/// One `signal:signal_generate`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SignalEvent {
    /// When.
    pub at: BootTime,
    /// Number; `Signal(0)` is never decoded.
    pub signal: Option<Signal>,
    /// Code and kind of information.
    pub info: SignalInfo,
    /// To the thread group, not to one thread.
    pub group: bool,
    /// The kernel's word.
    pub result: SendResult,
    /// Disposition of the target for this signal.
    pub disposition: Disposition,
    /// Equal ones that the kernel side folded away before this one.
    pub folded: u32,
    /// Process that traces the target, host numbering.
    pub tracer: Option<u32>,
    /// Who made it, where other facts say more than its own fingerprint.
    pub settled: Option<Origin>,
    /// The task that ran.
    pub sender: Task,
    /// The task it was for.
    pub target: Task,
    /// State of the target after the kernel acted.
    pub state: TaskState,
    /// Leaf name of the target's cgroup; empty when it cannot be read.
    pub leaf: String,
}

impl SignalEvent {
    /// Who or what in the kernel made the signal.
    pub fn origin(&self) -> Origin {
        self.settled.unwrap_or_else(|| Origin::classify(self))
    }
}

/// How a process ended, as `waitpid` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// By `exit()` with this code.
    Code(u8),
    /// By the default action of this signal.
    Signal(Signal),
}

impl ExitStatus {
    /// From the kernel's `exit_code`.
    pub fn from_wait(status: u32) -> Self {
        match Signal::new(status & 0x7f) {
            Some(signal) => Self::Signal(signal),
            None => Self::Code(u8::try_from((status >> 8) & 0xff).unwrap_or(0)),
        }
    }
}

/// The last thread of a process ended.
#[derive(Clone, Debug, PartialEq)]
pub struct ExitEvent {
    /// When.
    pub at: BootTime,
    /// The process.
    pub task: Task,
    /// Its state.
    pub state: TaskState,
    /// How it ended.
    pub status: ExitStatus,
    /// Leaf name of its cgroup.
    pub leaf: String,
}

/// An init took a signal.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliverEvent {
    /// When.
    pub at: BootTime,
    /// The init.
    pub task: Task,
    /// The signal.
    pub signal: Signal,
    /// What it did with it.
    pub disposition: Disposition,
}
