//! `sched:sched_process_exec`: a container's program starts, or somebody enters a container.
//!
//! fs/exec.c `exec_binprm()`. Recorded for inits, and for processes whose parent lives outside
//! their namespace (`docker exec`, exec probes): user space looks names up while they live.
//! Arguments: `(task_struct *p, pid_t old_pid, linux_binprm *bprm)`.

use rinit_trace_common::{counter, kind};

use crate::{
    cgroup,
    emit::Wake,
    gate,
    globals::offset,
    maps::{Main, count},
    place::{Place, Scratch, find, slot},
    probes::emit_task,
    reads::{Kernel, TracePoint, load, tracepoint},
    sessions,
    task::level,
    turns::{self, Turn},
};

/// Attached to the tracepoint of its name.
#[tracepoint]
pub fn sched_process_exec(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::First, slot::EXEC);
    0
}

/// Attached to the same, behind it.
#[tracepoint]
pub fn sched_process_exec_second(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::Later(counter::RECOVERED_EXECS), slot::EXEC + 1);
    0
}

/// Attached to the same, behind that.
#[tracepoint]
pub fn sched_process_exec_third(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::Later(counter::RECOVERED_EXECS), slot::EXEC + 2);
    0
}

#[inline(always)]
fn see(ctx: &TracePoint, turn: Turn, slot: u32) {
    let task = ctx.arg::<Kernel>(0);
    // SAFETY: argument 0 is a task_struct. The kernel counts what a process has executed.
    unsafe {
        let executed: u64 = load(task, offset!(task_self_exec_id));
        if turn.takes(turns::start_of(task).wrapping_add(executed))
            && let Some(scratch) = Scratch::of(slot)
        {
            on_exec(task, scratch);
        }
    }
}

#[inline(always)]
unsafe fn on_exec(task: Kernel, scratch: *mut Scratch) {
    // SAFETY: `task` is a typed pointer to a task_struct, `scratch` is this program's.
    unsafe {
        let name = &raw mut (*scratch).name;
        find(task, &raw mut (*scratch).target, name);
        let own = &mut (*scratch).target;
        if !gate::is_wanted(own) {
            return;
        }
        if !own.is_main(task) && !is_entered(task, own, &raw mut (*scratch).sender, name) {
            return;
        }
        if own.container() != 0 && own.main() == 0 && has_own_files(task) {
            note_main(task, own);
        }
        if own.is_main(task) {
            // As a stage of its runtime it looked like one that enters.
            sessions::forget(task);
        } else if own.level() > 0 {
            // In the host's namespace an orphan of the container has a parent outside, too: what enters
            // is known by then.
            sessions::note(task, own);
        }
        emit_task(kind::EXEC, task, own, Wake::Now);
    }
}

/// Whether the parent of a process lives outside of its workload: a runtime, most likely.
#[inline(always)]
unsafe fn is_entered(
    task: Kernel,
    own: &Place,
    of_parent: *mut Place,
    name: *mut cgroup::Name,
) -> bool {
    // SAFETY: `task` is a typed pointer to a task_struct; the others are this program's.
    unsafe {
        let parent: Kernel = load(task, offset!(task_real_parent));
        if own.level() > 0 {
            level(parent) < own.level()
        } else {
            sessions::container(parent, of_parent, name) != own.container()
        }
    }
}

/// Whether a process sees other mounts than its parent. What a runtime runs in the container's cgroup
/// to set it up (`runc init`) does not.
#[inline(always)]
unsafe fn has_own_files(task: Kernel) -> bool {
    // SAFETY: `task` is a typed pointer to a task_struct.
    unsafe {
        let parent: Kernel = load(task, offset!(task_real_parent));
        mounts(task) != mounts(parent)
    }
}

#[inline(always)]
unsafe fn mounts(task: Kernel) -> u64 {
    // SAFETY: `task` is a typed pointer to a task_struct.
    unsafe {
        let spaces: Kernel = load(task, offset!(task_nsproxy));
        load(spaces, offset!(nsproxy_mnt_ns))
    }
}

/// The first that enters a container is its main process.
#[inline(always)]
unsafe fn note_main(task: Kernel, own: &mut Place) {
    // SAFETY: `task` is a typed pointer to a task_struct.
    let tgid: u32 = unsafe { load(task, offset!(task_tgid)) };
    own.set_main(tgid);
    let main = Main {
        tgid: u64::from(tgid),
        level: u64::from(own.level()),
    };
    if !main.note(own.container(), own.is_delegated()) {
        // No room: what ends in it is not seen.
        count(counter::CONTAINERS_REFUSED);
    }
}
