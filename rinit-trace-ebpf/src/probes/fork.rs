//! `sched:sched_process_fork`: a process has a child.
//!
//! kernel/fork.c `kernel_clone()`. Nothing is recorded: descendants of exec sessions are kept apart.
//! Arguments: `(task_struct *parent, task_struct *child)`.

use rinit_trace_common::counter;

use crate::{
    cgroup,
    place::{Scratch, slot},
    reads::{Kernel, TracePoint, tracepoint},
    sessions,
    turns::{self, Turn},
};

/// Attached to the tracepoint of its name.
#[tracepoint]
pub fn sched_process_fork(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::First, slot::FORK);
    0
}

/// Attached to the same, behind it.
#[tracepoint]
pub fn sched_process_fork_second(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::Later(counter::RECOVERED_FORKS), slot::FORK + 1);
    0
}

/// Attached to the same, behind that.
#[tracepoint]
pub fn sched_process_fork_third(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::Later(counter::RECOVERED_FORKS), slot::FORK + 2);
    0
}

#[inline(always)]
fn see(ctx: &TracePoint, turn: Turn, slot: u32) {
    let (parent, child) = (ctx.arg::<Kernel>(0), ctx.arg::<Kernel>(1));
    // SAFETY: both arguments are task_structs.
    unsafe {
        if !turn.takes(turns::start_of(child)) {
            return;
        }
        let Some(scratch) = Scratch::of(slot) else {
            return;
        };
        sessions::inherit(parent, child, scratch);
        // CLONE_INTO_CGROUP: born where a runtime would have moved it to.
        if cgroup::id(child) != cgroup::id(parent) {
            sessions::note_moved(child, parent, scratch);
        }
    }
}
