//! Globals that the user side freezes before it loads the programs.
//!
//! The verifier folds loads from a frozen read-only map to constants. That turns
//! `*(task + offset)` into an ordinary typed field access, and prunes every branch behind a
//! constant that is false: one object carries the code for all kernels.

#[cfg(feature = "user")]
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bits of [`Config::features`].
pub mod feature {
    /// `bpf_probe_read_kernel` is allowed: `si_code` and cgroup leaf names can be read.
    pub const PROBE_READ: u32 = 1;
    /// `sched_process_exit` has the argument `group_dead` (6.16 on).
    pub const GROUP_DEAD_ARG: u32 = 1 << 1;
    /// `mark_victim` has a `task_struct *` and not a number as its first argument.
    pub const VICTIM_IS_TASK: u32 = 1 << 2;
    /// `ns_common.ns_id` exists (6.18 on).
    pub const NS_ID: u32 = 1 << 3;
    /// The pids controller has a v1 hierarchy of its own: on such a host the cgroups of containers are
    /// there and not in v2.
    pub const CGROUP_V1: u32 = 1 << 4;
    /// The uid of a process can be read.
    pub const CREDS: u32 = 1 << 5;
    /// Whose a cgroup is can be read.
    pub const CGROUP_OWNERS: u32 = 1 << 6;
}

/// What to record.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(FromBytes, IntoBytes, Immutable, KnownLayout))]
pub struct Config {
    /// Mask of signals that are recorded for every member ([`crate::signal_bit`]).
    pub interest: u64,
    /// Only the container with this cgroup, in a pid namespace that is not its own; 0 for none.
    pub target_container: u64,
    /// [`feature`] bits.
    pub features: u32,
    /// Only this pid namespace (its inum), and 0 for all.
    pub target_inum: u32,
    /// The thread group of that namespace's init: inums are reused.
    pub target_reaper: u32,
    /// For tests of what lost records do to a report: so many records, at random, are counted as lost
    /// that one in this many is. 0: none.
    pub drop_one_in: u32,
    /// Records of a workload in a second that do not decide.
    pub budget: u32,
    /// Explicit padding.
    pub pad: u32,
}

macro_rules! offsets {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Byte offsets of kernel structure members, from the running kernel's BTF.
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[cfg_attr(
            feature = "user",
            derive(FromBytes, IntoBytes, Immutable, KnownLayout)
        )]
        pub struct Offsets { $($(#[$doc])* pub $name: u32),+ }

        impl Offsets {
            /// All zero: what the object carries until the user side overrides it.
            pub const ZERO: Self = Self { $($name: 0),+ };
        }
    };
}

offsets! {
    /// `task_struct.pid`
    task_pid,
    /// `task_struct.tgid`
    task_tgid,
    /// `task_struct.flags`
    task_flags,
    /// `task_struct.ptrace`
    task_ptrace,
    /// `task_struct.real_cred`, or 0 when there is none
    task_real_cred,
    /// `cred.euid`
    cred_euid,
    /// `task_struct.signal`
    task_signal,
    /// `task_struct.sighand`
    task_sighand,
    /// `task_struct.blocked`
    task_blocked,
    /// `task_struct.real_blocked`
    task_real_blocked,
    /// `task_struct.pending.signal`
    task_pending,
    /// `task_struct.real_parent`
    task_real_parent,
    /// `task_struct.parent`
    task_parent,
    /// `task_struct.group_leader`
    task_group_leader,
    /// `task_struct.start_boottime`
    task_start,
    /// `task_struct.exit_code`
    task_exit_code,
    /// `task_struct.comm`
    task_comm,
    /// `task_struct.cgroups`
    task_cgroups,
    /// `task_struct.nsproxy`
    task_nsproxy,
    /// `nsproxy.mnt_ns`
    nsproxy_mnt_ns,
    /// `task_struct.pdeath_signal`
    task_pdeath_signal,
    /// `task_struct.self_exec_id`
    task_self_exec_id,
    /// `signal_struct.flags`
    signal_flags,
    /// `signal_struct.live`
    signal_live,
    /// `signal_struct.group_exit_code`
    signal_group_exit_code,
    /// `signal_struct.shared_pending.signal`
    signal_shared_pending,
    /// `signal_struct.oom_mm`
    signal_oom_mm,
    /// `signal_struct.pids[PIDTYPE_TGID]`
    signal_pid_tgid,
    /// `signal_struct.pids[PIDTYPE_PGID]`
    signal_pid_pgid,
    /// `signal_struct.pids[PIDTYPE_SID]`
    signal_pid_sid,
    /// `pid.level`
    pid_level,
    /// `pid.numbers`
    pid_numbers,
    /// size of `struct upid`
    upid_size,
    /// `upid.ns`
    upid_ns,
    /// `pid_namespace.ns.inum`
    ns_inum,
    /// `pid_namespace.ns.ns_id`; 0 when absent
    ns_id,
    /// `pid_namespace.child_reaper`
    ns_child_reaper,
    /// `pid_namespace.pid_allocated`
    ns_pid_allocated,
    /// `sighand_struct.action`
    sighand_action,
    /// size of `struct k_sigaction`
    sigaction_size,
    /// `k_sigaction.sa.sa_handler`
    sigaction_handler,
    /// `kernel_siginfo.si_code`
    siginfo_code,
    /// `css_set.dfl_cgrp`
    css_set_dfl_cgrp,
    /// `css_set.subsys[pids_cgrp_id]`
    css_set_pids,
    /// `cgroup_subsys_state.cgroup`
    css_cgroup,
    /// `cgroup.self.parent`
    cgroup_parent,
    /// `cgroup.kn`
    cgroup_kn,
    /// `cgroup.root`
    cgroup_root,
    /// `kernfs_node.id`
    kernfs_id,
    /// `kernfs_node.name`
    kernfs_name,
    /// `kernfs_node.iattr`, or 0 when there is none
    kernfs_iattr,
    /// `kernfs_iattrs.ia_uid`
    iattr_uid,
}
