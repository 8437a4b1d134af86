//! `cgroup:cgroup_rmdir`: a container is gone; `cgroup_attach_task`: a process is put into one.
//!
//! kernel/cgroup/cgroup.c `cgroup_rmdir()`, and `cgroup_attach_task()`, which is done when its
//! tracepoint comes. Arguments: `(struct cgroup *cgrp, const char *path)`, of the last one also
//! `(…, task_struct *task, bool threadgroup)`, once for a whole thread group.

use rinit_trace_common::{CONTAINER_KEY, CgroupRecord, kind};

use crate::{
    cgroup,
    emit::{Wake, reserve_global, submit},
    gate,
    maps::{GateKey, Main, STOP_SIGNALS_OF},
    place::{Scratch, slot},
    reads::{Kernel, TracePoint, current, tracepoint},
    sessions,
};

/// Attached to the tracepoint of its name.
#[tracepoint]
pub fn cgroup_rmdir(ctx: TracePoint) -> i32 {
    let cgroup = ctx.arg::<Kernel>(0);
    // SAFETY: argument 0 is a typed pointer to a cgroup.
    unsafe {
        if cgroup::is_of_containers(cgroup, current()) {
            on_rmdir(cgroup::id_of(cgroup));
        }
    }
    0
}

/// Attached to the tracepoint of its name.
#[tracepoint]
pub fn cgroup_attach_task(ctx: TracePoint) -> i32 {
    let (cgroup, task) = (ctx.arg::<Kernel>(0), ctx.arg::<Kernel>(2));
    // SAFETY: argument 0 is a typed pointer to a cgroup, argument 2 to a task_struct.
    unsafe {
        if cgroup::is_of_containers(cgroup, task)
            && let Some(scratch) = Scratch::of(slot::ATTACH)
        {
            sessions::note_moved(task, current(), scratch);
        }
    }
    0
}

#[inline(always)]
fn on_rmdir(id: u64) {
    // Of a container that has a pid namespace to itself the end of that tells.
    if !Main::forget(id) {
        return;
    }
    let key = GateKey {
        id,
        reaper_start: CONTAINER_KEY,
    };
    gate::close(&key);
    let _ = STOP_SIGNALS_OF.remove(key);
    let Some(mut entry) = reserve_global::<CgroupRecord>(kind::CGROUP_END) else {
        return;
    };
    // SAFETY: the record was reserved whole.
    unsafe { (*entry.as_mut_ptr()).cgroup = id };
    submit(entry, Wake::Now);
}
