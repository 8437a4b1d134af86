//! `cgroup:cgroup_mkdir` and `cgroup_rmdir`: containers come and go.
//!
//! kernel/cgroup/cgroup.c `cgroup_mkdir()`, `cgroup_rmdir()`. A cgroup whose name is long enough to
//! hold a container's id is taken for one of a container; user space looks closer. Arguments:
//! `(struct cgroup *cgrp, const char *path)`.

use aya_ebpf::{
    helpers::generated::bpf_probe_read_kernel_str, macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use rinit_trace_common::{CONTAINER_KEY, CgroupRecord, LEAF_LEN, feature, kind};

use crate::{
    cgroup::is_of_containers,
    emit::{Wake, reserve_global, submit},
    globals::{has, offset},
    maps::{CONTAINERS, GATES, GateKey},
    task::{Kernel, current, load},
};

/// 64 hex digits and the NUL.
const ID_AND_NUL: i64 = 65;

/// Attached as a BTF tracepoint.
#[btf_tracepoint(function = "cgroup_mkdir")]
pub fn cgroup_mkdir(ctx: BtfTracePointContext) -> i32 {
    let cgroup = ctx.arg::<Kernel>(0);
    // SAFETY: argument 0 is a typed pointer to a cgroup.
    unsafe {
        if is_of_containers(cgroup, current()) && may_be_container(cgroup) {
            let node: Kernel = load(cgroup, offset!(cgroup_kn));
            // A full table: this one is not told from its neighbours.
            let _ = CONTAINERS.insert(load::<u64>(node, offset!(kernfs_id)), 0, 0);
        }
    }
    0
}

/// Attached as a BTF tracepoint.
#[btf_tracepoint(function = "cgroup_rmdir")]
pub fn cgroup_rmdir(ctx: BtfTracePointContext) -> i32 {
    let cgroup = ctx.arg::<Kernel>(0);
    // SAFETY: argument 0 is a typed pointer to a cgroup.
    unsafe {
        if is_of_containers(cgroup, current()) {
            on_rmdir(load(cgroup, offset!(cgroup_kn)));
        }
    }
    0
}

/// Whether the name is as long as one with a container's id in it.
#[inline(always)]
unsafe fn may_be_container(cgroup: Kernel) -> bool {
    if !has(feature::PROBE_READ) {
        return false;
    }
    let mut leaf = [0_u8; LEAF_LEN];
    // SAFETY: `cgroup` is a typed pointer; the helper writes at most LEAF_LEN bytes.
    unsafe {
        let node: Kernel = load(cgroup, offset!(cgroup_kn));
        let name: Kernel = load(node, offset!(kernfs_name));
        bpf_probe_read_kernel_str(leaf.as_mut_ptr().cast(), LEAF_LEN as u32, name.cast())
            >= ID_AND_NUL
            && !is_monitor(&leaf)
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
unsafe fn on_rmdir(node: Kernel) {
    // SAFETY: `node` is a typed pointer to a kernfs_node.
    let id: u64 = unsafe { load(node, offset!(kernfs_id)) };
    if CONTAINERS.remove(id).is_err() {
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
