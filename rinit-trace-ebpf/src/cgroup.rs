//! Reads cgroups: which one a task is in, by the hierarchy that runtimes put containers into.
//!
//! On a hybrid host that is the v1 hierarchy of the pids controller, else v2.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel_str;
use rinit_trace_common::{LEAF_LEN, feature};

use crate::{
    globals::{has, offset},
    reads::{Kernel, load},
};

/// 64 hex digits and the NUL.
const ID_AND_NUL: i64 = 65;

/// A task's cgroup in the v2 hierarchy.
#[inline(always)]
unsafe fn cgroup_v2(task: Kernel) -> Kernel {
    // SAFETY: `task` is a typed pointer to a `task_struct`.
    unsafe {
        let set: Kernel = load(task, offset!(task_cgroups));
        load(set, offset!(css_set_dfl_cgrp))
    }
}

/// A task's cgroup in the hierarchy of the pids controller.
#[inline(always)]
unsafe fn cgroup_v1(task: Kernel) -> Kernel {
    // SAFETY: `task` is a typed pointer to a `task_struct`.
    unsafe {
        let set: Kernel = load(task, offset!(task_cgroups));
        let css: Kernel = load(set, offset!(css_set_pids));
        load(css, offset!(css_cgroup))
    }
}

/// A task's cgroup in the hierarchy that containers are told apart by.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn own(task: Kernel) -> Kernel {
    // SAFETY: as the caller's.
    unsafe {
        if has(feature::CGROUP_V1) {
            cgroup_v1(task)
        } else {
            cgroup_v2(task)
        }
    }
}

/// The cgroup above one.
///
/// # Safety
/// `cgroup` is a typed pointer to a `cgroup`. That of the root is null: what is read of it is 0.
#[inline(always)]
pub(crate) unsafe fn above(cgroup: Kernel) -> Kernel {
    // SAFETY: as the caller's.
    unsafe {
        let css: Kernel = load(cgroup, offset!(cgroup_parent));
        load(css, offset!(css_cgroup))
    }
}

/// The kernfs id of a cgroup; unique in its hierarchy.
///
/// # Safety
/// `cgroup` is a typed pointer to a `cgroup`.
#[inline(always)]
pub(crate) unsafe fn id_of(cgroup: Kernel) -> u64 {
    // SAFETY: as the caller's.
    unsafe {
        load(
            load::<Kernel>(cgroup, offset!(cgroup_kn)),
            offset!(kernfs_id),
        )
    }
}

/// The same of a task's cgroup in the hierarchy that containers are told apart by.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn id(task: Kernel) -> u64 {
    // SAFETY: as the caller's.
    unsafe { id_of(own(task)) }
}

/// The ids of a task's cgroups: v2, and v1 of the pids controller or 0.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn ids(task: Kernel) -> (u64, u64) {
    // SAFETY: as the caller's.
    unsafe {
        let v1 = if has(feature::CGROUP_V1) {
            id_of(cgroup_v1(task))
        } else {
            0
        };
        (id_of(cgroup_v2(task)), v1)
    }
}

/// Reads the name of a cgroup. Whether it is as long as one with a container's id in it.
///
/// # Safety
/// `cgroup` is a typed pointer to a `cgroup`, `out` points to LEAF_LEN bytes that may be written.
#[inline(always)]
pub(crate) unsafe fn name(cgroup: Kernel, out: *mut [u8; LEAF_LEN]) -> bool {
    if !has(feature::PROBE_READ) {
        return false;
    }
    // SAFETY: as the caller's; the helper writes at most LEAF_LEN bytes.
    unsafe {
        let node: Kernel = load(cgroup, offset!(cgroup_kn));
        let name: Kernel = load(node, offset!(kernfs_name));
        bpf_probe_read_kernel_str(out.cast(), LEAF_LEN as u32, name.cast()) >= ID_AND_NUL
    }
}

/// Whether a cgroup is of the hierarchy that containers are told apart by; `task` is any.
///
/// # Safety
/// `cgroup` is a typed pointer to a `cgroup`, `task` to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn is_of_containers(cgroup: Kernel, task: Kernel) -> bool {
    // SAFETY: as the caller's.
    unsafe {
        load::<u64>(cgroup, offset!(cgroup_root)) == load::<u64>(own(task), offset!(cgroup_root))
    }
}
