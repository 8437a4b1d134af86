//! `sched:sched_process_exec`: a container's program starts, or somebody enters a container.
//!
//! fs/exec.c `exec_binprm()`. Recorded for inits, and for processes whose parent lives outside
//! their namespace (`docker exec`, exec probes): user space looks names up while they live.
//! Arguments: `(task_struct *p, pid_t old_pid, linux_binprm *bprm)`.

use rinit_trace_common::{counter, kind};

use crate::{
    emit::Wake,
    gate,
    globals::offset,
    maps::{CONTAINERS, Container},
    place::{Place, place},
    probes::emit_task,
    reads::{Kernel, TracePoint, load, tracepoint},
    sessions,
    turns::{self, Turn},
};

/// `BPF_EXIST`: update, never create.
const EXIST: u64 = 2;

/// Attached to the tracepoint of its name.
#[tracepoint]
pub fn sched_process_exec(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::First);
    0
}

/// Attached to the same, behind it.
#[tracepoint]
pub fn sched_process_exec_second(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::Later(counter::RECOVERED_EXECS));
    0
}

/// Attached to the same, behind that.
#[tracepoint]
pub fn sched_process_exec_third(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::Later(counter::RECOVERED_EXECS));
    0
}

#[inline(always)]
fn see(ctx: &TracePoint, turn: Turn) {
    let task = ctx.arg::<Kernel>(0);
    // SAFETY: argument 0 is a task_struct. The kernel counts what a process has executed.
    unsafe {
        let executed: u64 = load(task, offset!(task_self_exec_id));
        if turn.takes(turns::start_of(task).wrapping_add(executed)) {
            on_exec(task);
        }
    }
}

#[inline(always)]
unsafe fn on_exec(task: Kernel) {
    // SAFETY: `task` is a typed pointer to a task_struct.
    unsafe {
        let mut own = place(task);
        if !gate::is_wanted(&own) || !(own.is_main(task) || own.is_entered(task)) {
            return;
        }
        if own.container != 0 && own.main == 0 && has_own_files(task) {
            note_main(task, &mut own);
        }
        if own.is_main(task) {
            // As a stage of its runtime it looked like one that enters.
            sessions::forget(task);
        } else if own.level > 0 {
            // In the host's namespace an orphan of the container has a parent outside, too: who enters
            // is known by then.
            sessions::note(task, &own);
        }
        emit_task(kind::EXEC, task, &own, Wake::Now);
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
    own.main = unsafe { load(task, offset!(task_tgid)) };
    // Refused when it was removed just now: then nobody is in it.
    let container = Container {
        id: own.container,
        main: u64::from(own.main),
    };
    let _ = CONTAINERS.insert(own.container, container, EXIST);
}
