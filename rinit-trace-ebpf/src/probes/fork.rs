//! `sched:sched_process_fork`: a process has a child.
//!
//! kernel/fork.c `kernel_clone()`. Nothing is recorded: descendants of exec sessions are kept apart.
//! Arguments: `(task_struct *parent, task_struct *child)`.

use rinit_trace_common::counter;

use crate::{
    cgroup,
    reads::{Kernel, TracePoint, tracepoint},
    sessions,
    turns::{self, Turn},
};

/// Attached to the tracepoint of its name.
#[tracepoint]
pub fn sched_process_fork(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::First);
    0
}

/// Attached to the same, behind it.
#[tracepoint]
pub fn sched_process_fork_second(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::Later(counter::RECOVERED_FORKS));
    0
}

/// Attached to the same, behind that.
#[tracepoint]
pub fn sched_process_fork_third(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::Later(counter::RECOVERED_FORKS));
    0
}

#[inline(always)]
fn see(ctx: &TracePoint, turn: Turn) {
    let (parent, child) = (ctx.arg::<Kernel>(0), ctx.arg::<Kernel>(1));
    // SAFETY: both arguments are task_structs.
    unsafe {
        if !turn.takes(turns::start_of(child)) {
            return;
        }
        sessions::inherit(parent, child);
        // CLONE_INTO_CGROUP: born where a runtime would have moved it to.
        if cgroup::id(child) != cgroup::id(parent) {
            sessions::note_moved(child, parent);
        }
    }
}
