//! Reads cgroups: which one a task is in, by the hierarchy that runtimes put containers into.
//!
//! On a hybrid host that is the v1 hierarchy of the pids controller, else v2.

use rinit_trace_common::feature;

use crate::{
    globals::{has, offset},
    task::{Kernel, load},
};

/// The kernfs node of a task's cgroup in the v2 hierarchy.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn kernfs_v2(task: Kernel) -> Kernel {
    // SAFETY: as the caller's.
    unsafe {
        let set: Kernel = load(task, offset!(task_cgroups));
        let cgroup: Kernel = load(set, offset!(css_set_dfl_cgrp));
        load(cgroup, offset!(cgroup_kn))
    }
}

/// The kernfs node of a task's cgroup in the hierarchy of the pids controller.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn kernfs_v1(task: Kernel) -> Kernel {
    // SAFETY: as the caller's.
    unsafe { load(pids_cgroup(task), offset!(cgroup_kn)) }
}

#[inline(always)]
unsafe fn pids_cgroup(task: Kernel) -> Kernel {
    // SAFETY: `task` is a typed pointer to a `task_struct`.
    unsafe {
        let set: Kernel = load(task, offset!(task_cgroups));
        let css: Kernel = load(set, offset!(css_set_pids));
        load(css, offset!(css_cgroup))
    }
}

/// The kernfs node of a task's cgroup in the hierarchy that containers are told apart by.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn node(task: Kernel) -> Kernel {
    // SAFETY: as the caller's.
    unsafe {
        if has(feature::CGROUP_V1) {
            kernfs_v1(task)
        } else {
            kernfs_v2(task)
        }
    }
}

/// The kernfs id of that cgroup; unique in its hierarchy.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn id(task: Kernel) -> u64 {
    // SAFETY: as the caller's.
    unsafe { load(node(task), offset!(kernfs_id)) }
}

/// Whether a cgroup is of the hierarchy that containers are told apart by; `task` is any.
///
/// # Safety
/// `cgroup` is a typed pointer to a `cgroup`, `task` to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn is_of_containers(cgroup: Kernel, task: Kernel) -> bool {
    // SAFETY: as the caller's.
    unsafe {
        let own = if has(feature::CGROUP_V1) {
            pids_cgroup(task)
        } else {
            let set: Kernel = load(task, offset!(task_cgroups));
            load(set, offset!(css_set_dfl_cgrp))
        };
        load::<u64>(cgroup, offset!(cgroup_root)) == load::<u64>(own, offset!(cgroup_root))
    }
}
