//! Records of the ring buffer.

use crate::{COMM_LEN, LEAF_LEN};
#[cfg(feature = "user")]
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What a record is. New kinds are added at the end; the numbers are part of recordings.
pub mod kind {
    /// [`crate::SignalRecord`]
    pub const SIGNAL: u16 = 1;
    /// [`crate::ExitRecord`]
    pub const EXIT: u16 = 2;
    /// [`crate::DeliverRecord`]
    pub const DELIVER: u16 = 3;
    /// [`crate::OomRecord`]
    pub const OOM: u16 = 4;
    /// [`crate::TaskOnlyRecord`]: an init runs `zap_pid_ns_processes`
    pub const TEARDOWN: u16 = 5;
    /// [`crate::TaskOnlyRecord`]: an init, or a process entered from outside, has exec'd
    pub const EXEC: u16 = 6;
    /// [`crate::TaskOnlyRecord`]: an init is about to be reaped, its namespace is empty
    pub const NAMESPACE_END: u16 = 7;
    /// [`crate::CgroupRecord`]: a container's cgroup is removed, nobody is in it
    pub const CGROUP_END: u16 = 8;
    /// One more than the largest kind: size of tables indexed by kind.
    pub const COUNT: usize = 9;
    /// Names of the kinds, for counters and messages; index 0 is no kind.
    pub const NAMES: [&str; COUNT] = [
        "none",
        "signal",
        "exit",
        "deliver",
        "oom",
        "teardown",
        "exec",
        "namespace-end",
        "cgroup-end",
    ];
}

/// Slots of the per-CPU counter array. Slots `0..kind::COUNT` count lost records by kind.
pub mod counter {
    use crate::kind;
    /// Signals that passed the filter.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are a handful of kinds"
    )]
    pub const SIGNALS_PASSED: u32 = kind::COUNT as u32;
    /// Repeated signals to an init that were folded into the next record.
    pub const SIGNALS_FOLDED: u32 = SIGNALS_PASSED + 1;
    /// A gate could not be opened because the table was full.
    pub const GATES_REFUSED: u32 = SIGNALS_PASSED + 2;
    /// Ends of tasks that the first program on the hook was left out of, and a later one saw.
    pub const RECOVERED_EXITS: u32 = SIGNALS_PASSED + 3;
    /// The same of program starts.
    pub const RECOVERED_EXECS: u32 = SIGNALS_PASSED + 4;
    /// The same of births.
    pub const RECOVERED_FORKS: u32 = SIGNALS_PASSED + 5;
    /// A container in a shared pid namespace that is not told from others because the table was full.
    pub const CONTAINERS_REFUSED: u32 = SIGNALS_PASSED + 6;
    /// Of all losses those of workloads that are no containers of root's. Counted before the loss itself.
    pub const LOST_OF_USERS: u32 = SIGNALS_PASSED + 7;
    /// Number of slots.
    pub const COUNT: u32 = SIGNALS_PASSED + 8;
}

/// First member of every record.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(FromBytes, IntoBytes, Immutable, KnownLayout))]
pub struct RecordHeader {
    /// [`crate::ABI_VERSION`] of the writer.
    pub abi: u16,
    /// One of [`kind`].
    pub kind: u16,
    /// Bytes of the whole record, this header included.
    pub len: u32,
    /// Nanoseconds since boot, sleep included (`bpf_ktime_get_boot_ns`).
    pub at: u64,
}

/// No uid: what the kernel calls `INVALID_UID`.
pub const UID_UNKNOWN: u32 = u32::MAX;

/// Who a process is, read from its `task_struct` at the instant of the record.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(FromBytes, IntoBytes, Immutable, KnownLayout))]
pub struct TaskRecord {
    /// `group_leader->start_boottime`, nanoseconds since boot.
    pub start: u64,
    /// `pid_namespace.ns.ns_id`, never reused; 0 on kernels without it (before 6.18).
    pub ns_id: u64,
    /// Start time of the namespace's `child_reaper`, as `start`.
    pub reaper_start: u64,
    /// kernfs id of the cgroup in the v2 hierarchy.
    pub cgroup_v2: u64,
    /// kernfs id of the cgroup of the v1 pids controller; 0 when not read.
    pub cgroup_v1: u64,
    /// kernfs id of the container's cgroup, where that makes the workload and not the pid namespace;
    /// else 0.
    pub container: u64,
    /// Thread id in the host's numbering.
    pub tid: u32,
    /// Thread group id in the host's numbering.
    pub tgid: u32,
    /// Thread group id in the workload's pid namespace. A namespace within a container's, with an
    /// init in the same cgroup, is part of the container's.
    pub ns_tgid: u32,
    /// Depth of that namespace; 0 is the host's.
    pub level: u32,
    /// Thread group id in the innermost pid namespace.
    pub inner_tgid: u32,
    /// Depth of that namespace.
    pub inner_level: u32,
    /// `pid_namespace.ns.inum` of the workload's; reused at once by the next namespace.
    pub ns_inum: u32,
    /// Thread group of the namespace's `child_reaper`, host numbering.
    pub reaper_tgid: u32,
    /// Thread group of the first process that entered [`container`](Self::container), host numbering;
    /// 0 when not known.
    pub main_tgid: u32,
    /// Thread group id of `real_parent`, host numbering.
    pub ppid: u32,
    /// Depth of the parent's pid namespace.
    pub parent_level: u32,
    /// Process group in the innermost namespace. Of no meaning when `pgid_level` is below `level`:
    /// then the group comes from outside.
    pub pgid: u32,
    /// Depth of the process group's number.
    pub pgid_level: u32,
    /// Session in the innermost namespace, as `pgid`.
    pub sid: u32,
    /// Depth of the session's number.
    pub sid_level: u32,
    /// `task_struct.flags` (`PF_*`).
    pub flags: u32,
    /// `task_struct.ptrace`; 0 when not traced.
    pub ptrace: u32,
    /// 1 when it, or a process that it descends from, entered the workload from outside while that ran.
    pub entered: u32,
    /// Effective uid, host numbering (`real_cred->euid`); [`UID_UNKNOWN`] when not read.
    pub euid: u32,
    /// Whose cgroups: [`cgroups`].
    pub cgroups: u32,
    /// `comm` of the thread group's leader.
    pub comm: [u8; COMM_LEN],
    /// `comm` of the leader of `real_parent`'s thread group.
    pub parent_comm: [u8; COMM_LEN],
}

/// Bits of [`TaskRecord::cgroups`].
pub mod cgroups {
    /// The cgroup of its container is in one that is not root's: a user to whom that was delegated has named it.
    pub const DELEGATED: u32 = 1;
    /// Its workload is a container in a cgroup that only root can make.
    pub const OF_ROOT: u32 = 2;
}

/// How a process stands towards signals, read with [`TaskRecord`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(FromBytes, IntoBytes, Immutable, KnownLayout))]
pub struct TaskState {
    /// `sa_handler` of each of [`crate::DISPOSITION_SIGNALS`]: 0 default, 1 ignored, else an
    /// address of the program's. Raw, since a branch for each is what a verifier minds most.
    pub handlers: [u64; crate::DISPOSITION_SIGNALS.len()],
    /// `task_struct.blocked` of the thread.
    pub blocked: u64,
    /// `task_struct.real_blocked`: what was blocked before `sigtimedwait` unblocked it.
    pub real_blocked: u64,
    /// `signal->shared_pending`.
    pub pending_shared: u64,
    /// `task->pending` of the thread.
    pub pending_private: u64,
    /// `task_struct.self_exec_id`: grows with every exec.
    pub self_exec_id: u64,
    /// `signal->flags` (`SIGNAL_*`).
    pub signal_flags: u32,
    /// `signal->group_exit_code`.
    pub group_exit_code: u32,
    /// `group_leader->exit_code`.
    pub exit_code: u32,
    /// `task_struct.pdeath_signal`.
    pub pdeath_signal: u32,
    /// Tasks (threads and zombies too) with a number in the namespace.
    pub ns_tasks: u32,
    /// 1 when `signal->oom_mm` is set: chosen by the OOM killer.
    pub oom: u32,
    /// `signal->live`: threads that have not begun to exit.
    pub threads: u32,
    /// Explicit padding.
    pub pad: u32,
}

/// One `signal:signal_generate`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(FromBytes, IntoBytes, Immutable, KnownLayout))]
pub struct SignalRecord {
    /// kind [`kind::SIGNAL`]
    pub header: RecordHeader,
    /// The task that ran when the signal was generated.
    pub sender: TaskRecord,
    /// The task it was generated for.
    pub target: TaskRecord,
    /// State of the target, after the kernel acted on the signal.
    pub state: TaskState,
    /// Signal number.
    pub signal: u32,
    /// `si_code`, or [`CODE_UNKNOWN`].
    pub code: i32,
    /// `TRACE_SIGNAL_*`: 0 delivered, 1 ignored, 2 already pending, 3 overflow fail, 4 lose info.
    pub result: u32,
    /// 1: to the thread group; 0: to the thread.
    pub group: u32,
    /// One of [`info`].
    pub info: u32,
    /// Equal signals folded away since the last record of this kind.
    pub folded: u32,
    /// Thread group of the target's `task_struct.parent`, host numbering: its tracer while it is traced.
    pub tracer: u32,
    /// Explicit padding.
    pub pad: u32,
    /// `sa_handler` of the target for this very signal.
    pub handler: u64,
    /// Leaf name of the target's cgroup, NUL-terminated; empty when it cannot be read.
    pub leaf: [u8; LEAF_LEN],
}

/// `si_code` could not be read (lockdown=confidentiality forbids it).
pub const CODE_UNKNOWN: i32 = i32::MIN;

/// What the `info` argument of `signal_generate` was.
pub mod info {
    /// `SEND_SIG_NOINFO`
    pub const NOINFO: u32 = 0;
    /// `SEND_SIG_PRIV`: the kernel itself
    pub const PRIV: u32 = 1;
    /// `SEND_SIG_FORCED`, before 4.20
    pub const FORCED: u32 = 2;
    /// a real `kernel_siginfo`
    pub const POINTER: u32 = 3;
}

/// The last thread of a process exits (`sched:sched_process_exit`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(FromBytes, IntoBytes, Immutable, KnownLayout))]
pub struct ExitRecord {
    /// kind [`kind::EXIT`]
    pub header: RecordHeader,
    /// The process.
    pub task: TaskRecord,
    /// Its state; the codes tell how it ended.
    pub state: TaskState,
    /// Leaf name of its cgroup, as in [`SignalRecord`].
    pub leaf: [u8; LEAF_LEN],
}

/// An init takes a signal other than SIGKILL (`signal:signal_deliver`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(FromBytes, IntoBytes, Immutable, KnownLayout))]
pub struct DeliverRecord {
    /// kind [`kind::DELIVER`]
    pub header: RecordHeader,
    /// The init.
    pub task: TaskRecord,
    /// Signal number.
    pub signal: u32,
    /// Explicit padding.
    pub pad: u32,
    /// `sa_handler` of the signal.
    pub handler: u64,
}

/// The OOM killer chose a victim (`oom:mark_victim`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(FromBytes, IntoBytes, Immutable, KnownLayout))]
pub struct OomRecord {
    /// kind [`kind::OOM`]
    pub header: RecordHeader,
    /// The victim's task id in the host's numbering (a thread of the process).
    pub tid: u32,
    /// Explicit padding.
    pub pad: u32,
}

/// A container's cgroup is gone (`cgroup:cgroup_rmdir`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(FromBytes, IntoBytes, Immutable, KnownLayout))]
pub struct CgroupRecord {
    /// kind [`kind::CGROUP_END`]
    pub header: RecordHeader,
    /// Its kernfs id, as [`TaskRecord::container`].
    pub cgroup: u64,
}

/// A record that says no more than who it is about.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(FromBytes, IntoBytes, Immutable, KnownLayout))]
pub struct TaskOnlyRecord {
    /// kind [`kind::TEARDOWN`], [`kind::EXEC`] or [`kind::NAMESPACE_END`]
    pub header: RecordHeader,
    /// The process.
    pub task: TaskRecord,
    /// Leaf name of its cgroup, as in [`SignalRecord`].
    pub leaf: [u8; LEAF_LEN],
}

// The layout is the contract: a change of a size needs a new ABI_VERSION.
const _: () = {
    const TASK: usize = 160;
    assert!(size_of::<RecordHeader>() == 16);
    assert!(size_of::<TaskRecord>() == TASK);
    assert!(size_of::<TaskState>() == 144);
    assert!(size_of::<SignalRecord>() == 16 + 2 * TASK + 144 + 40 + LEAF_LEN);
    assert!(size_of::<ExitRecord>() == 16 + TASK + 144 + LEAF_LEN);
    assert!(size_of::<DeliverRecord>() == 16 + TASK + 16);
    assert!(size_of::<OomRecord>() == 24);
    assert!(size_of::<CgroupRecord>() == 24);
    assert!(size_of::<TaskOnlyRecord>() == 16 + TASK + LEAF_LEN);
    // The ring buffer hands out records aligned to 8.
    assert!(align_of::<SignalRecord>() == 8);
};
