//! `cgroup:cgroup_mkdir` and `cgroup_rmdir`: containers come and go; `cgroup_attach_task`: somebody is
//! put into one.
//!
//! kernel/cgroup/cgroup.c `cgroup_mkdir()`, `cgroup_rmdir()`, `cgroup_attach_task()`, which is done
//! when its tracepoint comes. A cgroup whose name is long enough to
//! hold a container's id is taken for one of a container, and so is one right below; user space looks
//! closer. Arguments: `(struct cgroup *cgrp, const char *path)`, of the last one also `(…, task_struct
//! *task, bool threadgroup)`, once for a whole thread group.

use rinit_trace_common::{CONTAINER_KEY, CgroupRecord, LEAF_LEN, kind};

use crate::{
    cgroup,
    emit::{Wake, reserve_global, submit},
    maps::{CONTAINERS, Container, GATES, GateKey},
    reads::{Kernel, TracePoint, current, tracepoint},
    sessions,
};

/// Attached to the tracepoint of its name.
#[tracepoint]
pub fn cgroup_mkdir(ctx: TracePoint) -> i32 {
    let cgroup = ctx.arg::<Kernel>(0);
    // SAFETY: argument 0 is a typed pointer to a cgroup.
    unsafe {
        if !cgroup::is_of_containers(cgroup, current()) {
            return 0;
        }
        let id = container_of(cgroup);
        if id != 0 {
            // A full table: this one is not told from its neighbours.
            let _ = CONTAINERS.insert(cgroup::id_of(cgroup), Container { id, main: 0 }, 0);
        }
    }
    0
}

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
        if cgroup::is_of_containers(cgroup, task) {
            sessions::note_moved(task, current());
        }
    }
    0
}

/// The container that a new cgroup is of, as far as its name and the cgroup above tell; 0 for none.
#[inline(always)]
unsafe fn container_of(cgroup: Kernel) -> u64 {
    let mut leaf = [0_u8; LEAF_LEN];
    // SAFETY: `cgroup` is a typed pointer, as the one above is; `leaf` is ours.
    unsafe {
        if cgroup::name(cgroup, &raw mut leaf) {
            return if is_monitor(&leaf) {
                0
            } else {
                cgroup::id_of(cgroup)
            };
        }
        let above = cgroup::id_of(cgroup::above(cgroup));
        // Only right below a container's own.
        match CONTAINERS.get(above) {
            Some(found) if found.id == above => above,
            _ => 0,
        }
    }
}

/// `crio-conmon-ID.scope` and `libpod-conmon-ID.scope` hold who looks after a container.
#[inline(always)]
fn is_monitor(leaf: &[u8; LEAF_LEN]) -> bool {
    is_conmon_at(leaf, 5) || is_conmon_at(leaf, 7)
}

#[inline(always)]
fn is_conmon_at(leaf: &[u8; LEAF_LEN], at: usize) -> bool {
    let name = b"conmon-";
    let mut index = 0;
    while index < name.len() {
        if leaf[at + index] != name[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[inline(always)]
fn on_rmdir(id: u64) {
    // SAFETY: values are written whole, and each word of one is valid by itself.
    let container = unsafe { CONTAINERS.get(id) }.map_or(0, |found| found.id);
    if CONTAINERS.remove(id).is_err() || container != id {
        return;
    }
    // Closed already, if it ever was open.
    let _ = GATES.remove(GateKey {
        id,
        reaper_start: CONTAINER_KEY,
    });
    let Some(mut entry) = reserve_global::<CgroupRecord>(kind::CGROUP_END) else {
        return;
    };
    // SAFETY: the record was reserved whole.
    unsafe { (*entry.as_mut_ptr()).cgroup = id };
    submit(entry, Wake::Now);
}
