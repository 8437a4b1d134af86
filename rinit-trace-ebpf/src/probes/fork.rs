//! `sched:sched_process_fork`: a process has a child.
//!
//! kernel/fork.c `kernel_clone()`. Nothing is recorded: descendants of exec sessions are kept apart.
//! Arguments: `(task_struct *parent, task_struct *child)`.

use crate::{
    cgroup,
    reads::{Kernel, TracePoint, tracepoint},
    sessions,
};

/// Attached to the tracepoint of its name.
#[tracepoint]
pub fn sched_process_fork(ctx: TracePoint) -> i32 {
    let (parent, child) = (ctx.arg::<Kernel>(0), ctx.arg::<Kernel>(1));
    // SAFETY: both arguments are typed pointers to task_structs.
    unsafe {
        sessions::inherit(parent, child);
        // CLONE_INTO_CGROUP: born where a runtime would have moved it to.
        if cgroup::id(child) != cgroup::id(parent) {
            sessions::note_moved(child, parent);
        }
    }
    0
}
