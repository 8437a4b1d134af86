//! Reads processes.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use rinit_trace_common::{
    CODE_UNKNOWN, DISPOSITION_SIGNALS, LEAF_LEN, TaskRecord, TaskState, UID_UNKNOWN, cgroups,
    feature, info,
};

use crate::{
    cgroup,
    globals::{has, offset},
    place::{Place, at_level, inner_tgid},
    reads::{Kernel, load},
    sessions,
};

/// Depth of a task's pid namespace, the cheapest filter.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn level(task: Kernel) -> u32 {
    // SAFETY: as the caller's.
    unsafe {
        let signal: Kernel = load(task, offset!(task_signal));
        let pid: Kernel = load(signal, offset!(signal_pid_tgid));
        load(pid, offset!(pid_level))
    }
}

/// Fills who a task is.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`, `out` points to a whole record in the ring.
#[inline(always)]
pub(crate) unsafe fn fill_task(task: Kernel, place: &Place, out: *mut TaskRecord) {
    // SAFETY: as the caller's.
    unsafe {
        let leader: Kernel = load(task, offset!(task_group_leader));
        (*out).start = load(leader, offset!(task_start));
        (*out).tid = load(task, offset!(task_pid));
        (*out).tgid = load(task, offset!(task_tgid));
        (*out).flags = load(task, offset!(task_flags));
        (*out).ptrace = load(task, offset!(task_ptrace));
        (*out).level = place.level();
        (*out).ns_tgid = place.ns_tgid();
        (*out).inner_level = place.depth();
        (*out).inner_tgid = inner_tgid(task, place.depth());
        (*out).container = place.container();
        (*out).main_tgid = place.main();
        (*out).entered = u32::from(sessions::is_of(task, place));
        (*out).euid = euid(task);
        (*out).cgroups = u32::from(place.is_delegated()) * cgroups::DELEGATED
            + u32::from(place.is_of_root()) * cgroups::OF_ROOT;
        (*out).ns_inum = place.inum();
        (*out).ns_id = place.ns_id();
        (*out).reaper_tgid = place.reaper();
        (*out).reaper_start = place.reaper_start();

        fill_groups(task, place.level(), out);

        let parent: Kernel = load(task, offset!(task_real_parent));
        (*out).ppid = load(parent, offset!(task_tgid));
        (*out).parent_level = level(parent);
        // The leader's names: threads often have names of their own.
        fill_comm(leader, &raw mut (*out).comm);
        let parent_leader: Kernel = load(parent, offset!(task_group_leader));
        fill_comm(parent_leader, &raw mut (*out).parent_comm);
        fill_cgroups(task, out);
    }
}

/// Its effective uid, as kill(2) looks at it.
#[inline(always)]
unsafe fn euid(task: Kernel) -> u32 {
    if !has(feature::CREDS) {
        return UID_UNKNOWN;
    }
    // SAFETY: `task` is a typed pointer to a `task_struct`.
    unsafe {
        let cred: Kernel = load(task, offset!(task_real_cred));
        load(cred, offset!(cred_euid))
    }
}

/// Process group and session. User space tells by the depths whether they are from outside: without
/// a branch here.
#[inline(always)]
unsafe fn fill_groups(task: Kernel, level: u32, out: *mut TaskRecord) {
    // SAFETY: `task` is a typed pointer to a `task_struct`; a number beyond the depth of a `struct
    // pid` is read from whatever follows it and has no meaning.
    unsafe {
        let signal: Kernel = load(task, offset!(task_signal));
        let group: Kernel = load(signal, offset!(signal_pid_pgid));
        let session: Kernel = load(signal, offset!(signal_pid_sid));
        (*out).pgid_level = load(group, offset!(pid_level));
        (*out).sid_level = load(session, offset!(pid_level));
        (*out).pgid = 0;
        (*out).sid = 0;
        macro_rules! read {
            ($index:literal) => {{
                let upid = offset!(pid_numbers) + $index * offset!(upid_size);
                (*out).pgid = load(group, upid);
                (*out).sid = load(session, upid);
            }};
        }
        at_level!(level, read);
    }
}

#[inline(always)]
unsafe fn fill_comm(task: Kernel, out: *mut [u8; 16]) {
    // SAFETY: `comm` has 16 bytes in every kernel, and the record's member is 8-aligned.
    unsafe {
        let low: u64 = load(task, offset!(task_comm));
        let high: u64 = load(task, offset!(task_comm) + 8);
        let out = out.cast::<u64>();
        core::ptr::write_unaligned(out, low);
        core::ptr::write_unaligned(out.add(1), high);
    }
}

#[inline(always)]
unsafe fn fill_cgroups(task: Kernel, out: *mut TaskRecord) {
    // SAFETY: `task` is a typed pointer to a `task_struct`.
    unsafe {
        let (v2, v1) = cgroup::ids(task);
        (*out).cgroup_v2 = v2;
        (*out).cgroup_v1 = v1;
    }
}

/// The leaf name of a task's cgroup: the id of its container; that of the cgroup above, where only
/// that one may hold an id. From the v1 hierarchy where there is one, else from v2.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`, `out` points into a record in the ring.
#[inline(always)]
pub(crate) unsafe fn fill_leaf(task: Kernel, out: *mut [u8; LEAF_LEN]) {
    // SAFETY: as the caller's; the helper writes at most LEAF_LEN bytes.
    unsafe {
        // The ring hands out used memory: the whole name is cleared, not only its first byte.
        core::ptr::write_bytes(out, 0, 1);
        let own = cgroup::own(task);
        if !cgroup::name(own, out) && !cgroup::name(cgroup::above(own), out) {
            core::ptr::write_bytes(out, 0, 1);
            cgroup::name(own, out);
        }
    }
}

/// Fills how a task stands towards signals.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`, `out` points to a whole record in the ring.
#[inline(always)]
pub(crate) unsafe fn fill_state(task: Kernel, place: &Place, out: *mut TaskState) {
    // SAFETY: as the caller's.
    unsafe {
        let signal: Kernel = load(task, offset!(task_signal));
        let leader: Kernel = load(task, offset!(task_group_leader));
        let sighand: Kernel = load(task, offset!(task_sighand));
        let mut index = 0;
        while index < DISPOSITION_SIGNALS.len() {
            (*out).handlers[index] = handler_at(sighand, DISPOSITION_SIGNALS[index]);
            index += 1;
        }
        (*out).blocked = load(task, offset!(task_blocked));
        (*out).real_blocked = load(task, offset!(task_real_blocked));
        (*out).pending_shared = load(signal, offset!(signal_shared_pending));
        (*out).pending_private = load(task, offset!(task_pending));
        (*out).self_exec_id = load(task, offset!(task_self_exec_id));
        (*out).signal_flags = load(signal, offset!(signal_flags));
        (*out).group_exit_code = load(signal, offset!(signal_group_exit_code));
        (*out).exit_code = load(leader, offset!(task_exit_code));
        (*out).pdeath_signal = load(task, offset!(task_pdeath_signal));
        (*out).ns_tasks = place.tasks();
        let oom_mm: u64 = load(signal, offset!(signal_oom_mm));
        // A kernel address stays in the kernel.
        (*out).oom = u32::from(oom_mm != 0);
        (*out).threads = load(signal, offset!(signal_live));
        (*out).pad = 0;
    }
}

/// `sa_handler` of a signal that is a constant after inlining.
#[inline(always)]
unsafe fn handler_at(sighand: Kernel, signal: u32) -> u64 {
    // SAFETY: `sighand` is a typed pointer to a `sighand_struct`.
    unsafe {
        let action = offset!(sighand_action) + (signal as usize - 1) * offset!(sigaction_size);
        load(sighand, action + offset!(sigaction_handler))
    }
}

/// `sa_handler` of a signal only known at run time.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`.
#[inline(always)]
#[cfg(not(feature = "probe-reads"))]
pub(crate) unsafe fn handler(task: Kernel, signal: u32) -> u64 {
    // SAFETY: as the caller's.
    let sighand: Kernel = unsafe { load(task, offset!(task_sighand)) };
    // One constant offset per signal, found by comparing: a typed pointer takes no variable index.
    macro_rules! pick {
        ($($number:literal)*) => {
            match signal {
                // SAFETY: `sighand` is a typed pointer to a `sighand_struct`.
                $($number => unsafe { handler_at(sighand, $number) },)*
                _ => 0,
            }
        };
    }
    pick!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33
        34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64)
}

/// `sa_handler` of a signal only known at run time.
///
/// # Safety
/// `task` points to a `task_struct`.
#[cfg(feature = "probe-reads")]
#[inline(always)]
pub(crate) unsafe fn handler(task: Kernel, signal: u32) -> u64 {
    if signal == 0 || signal > 64 {
        return 0;
    }
    // SAFETY: as the caller's; 64 actions are there.
    unsafe { handler_at(load(task, offset!(task_sighand)), signal) }
}

/// `si_code` of a signal, from the raw `info` argument. It is a scalar for the verifier (6.13 on),
/// so that only a probe read can follow it.
#[inline(always)]
pub(crate) fn signal_code(raw: u64) -> (u32, i32) {
    /// `SI_KERNEL`, what the kernel shows for `SEND_SIG_PRIV`.
    const SI_KERNEL: i32 = 0x80;
    match raw {
        0 => (info::NOINFO, 0),
        1 => (info::PRIV, SI_KERNEL),
        2 => (info::FORCED, 0),
        _ if has(feature::PROBE_READ) => {
            let mut code = 0_i32;
            // SAFETY: writes four bytes to the stack; the source may be anything.
            let failed = unsafe {
                bpf_probe_read_kernel(
                    (&raw mut code).cast(),
                    4,
                    (raw as usize + offset!(siginfo_code)) as *const _,
                )
            };
            (info::POINTER, if failed == 0 { code } else { CODE_UNKNOWN })
        }
        _ => (info::POINTER, CODE_UNKNOWN),
    }
}
