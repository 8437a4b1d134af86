//! Where a process lives: which workload it is part of, and what number it has there.
//!
//! A workload is a pid namespace, with the namespaces in it whose init is in the same cgroup
//! (browser sandboxes); or, where containers share a pid namespace, the host's too, the cgroup of
//! one container.

use rinit_trace_common::{CONTAINER_KEY, feature};

use crate::{
    cgroup,
    globals::{has, offset},
    maps::{CONTAINERS, GateKey},
    reads::{Kernel, load},
    task::{at_level, level},
};

/// A process's workload and its number there.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Depth of the workload's pid namespace; 0 is the host's.
    pub(crate) level: u32,
    /// Thread group id in that namespace.
    pub(crate) ns_tgid: u32,
    /// Depth of the innermost pid namespace.
    pub(crate) inner_level: u32,
    /// Thread group id there.
    pub(crate) inner_tgid: u32,
    /// The workload's pid namespace.
    pub(crate) namespace: Kernel,
    /// Its number.
    pub(crate) inum: u32,
    /// The container's cgroup, when that makes the workload; else 0.
    pub(crate) container: u64,
    /// The first process that entered it; 0 when not known.
    pub(crate) main: u32,
}

/// Where a task lives.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn place(task: Kernel) -> Place {
    // SAFETY: as the caller's.
    unsafe {
        let signal: Kernel = load(task, offset!(task_signal));
        let pid: Kernel = load(signal, offset!(signal_pid_tgid));
        let depth: u32 = load(pid, offset!(pid_level));
        // The pointer must be typed on every path, so it starts as the host's.
        let mut place = Place {
            level: depth,
            ns_tgid: 0,
            inner_level: depth,
            inner_tgid: 0,
            namespace: load(pid, offset!(pid_numbers) + offset!(upid_ns)),
            inum: 0,
            container: 0,
            main: 0,
        };
        macro_rules! read {
            ($index:literal) => {{
                place.ns_tgid = number(pid, $index);
                place.namespace = namespace(pid, $index);
                place.inum = load(place.namespace, offset!(ns_inum));
            }};
        }
        at_level!(depth, read);
        place.inner_tgid = place.ns_tgid;
        if place.level == 3 && is_part(place.namespace, namespace(pid, 2)) {
            read!(2);
            place.level = 2;
        }
        if place.level == 2 && is_part(place.namespace, namespace(pid, 1)) {
            read!(1);
            place.level = 1;
        }
        find_container(task, &mut place);
        place
    }
}

#[inline(always)]
unsafe fn number(pid: Kernel, index: usize) -> u32 {
    // SAFETY: `pid` is a typed pointer to a `struct pid`, and `index` a constant.
    unsafe { load(pid, offset!(pid_numbers) + index * offset!(upid_size)) }
}

#[inline(always)]
unsafe fn namespace(pid: Kernel, index: usize) -> Kernel {
    let upid = offset!(pid_numbers) + index * offset!(upid_size);
    // SAFETY: as in `number`.
    unsafe { load(pid, upid + offset!(upid_ns)) }
}

/// Whether a namespace is part of the container that the one around it is of: their inits are in the
/// same cgroup.
#[inline(always)]
unsafe fn is_part(inner: Kernel, outer: Kernel) -> bool {
    // SAFETY: both are typed pointers to a `pid_namespace`.
    unsafe {
        let inner: Kernel = load(inner, offset!(ns_child_reaper));
        let outer: Kernel = load(outer, offset!(ns_child_reaper));
        cgroup::id(inner) == cgroup::id(outer)
    }
}

/// A container that shares the namespace of another one, or the host's.
#[inline(always)]
unsafe fn find_container(task: Kernel, place: &mut Place) {
    // SAFETY: `task` and `place.namespace` are typed pointers.
    unsafe {
        let own = cgroup::id(task);
        if place.level > 0 {
            let init: Kernel = load(place.namespace, offset!(ns_child_reaper));
            if cgroup::id(init) == own {
                return;
            }
        }
        place.container = container(own);
        if place.container != 0 {
            let found = CONTAINERS.get(place.container);
            place.main = found.map_or(0, |found| found.main as u32);
        }
    }
}

/// The container that a cgroup is of; 0 when it is of none that is known.
#[inline(always)]
pub(crate) fn container(cgroup: u64) -> u64 {
    // SAFETY: values are written whole, and each word of one is valid by itself.
    unsafe { CONTAINERS.get(cgroup) }.map_or(0, |found| found.id)
}

impl Place {
    /// Whether a process there is the main one of its workload: the init of the pid namespace, or the
    /// first that entered the container.
    ///
    /// # Safety
    /// `task` is a typed pointer to the `task_struct` that the place is of.
    #[inline(always)]
    pub(crate) unsafe fn is_main(&self, task: Kernel) -> bool {
        if self.container == 0 {
            return self.level > 0 && self.ns_tgid == 1;
        }
        // Before it is known nothing but the runtime is there, setting it up.
        // SAFETY: as the caller's.
        self.main != 0 && self.main == unsafe { load::<u32>(task, offset!(task_tgid)) }
    }

    /// Whether the parent of a process there lives outside: a runtime, most likely.
    ///
    /// # Safety
    /// `task` is a typed pointer to the `task_struct` that the place is of.
    #[inline(always)]
    pub(crate) unsafe fn is_entered(&self, task: Kernel) -> bool {
        // SAFETY: as the caller's.
        unsafe {
            let parent: Kernel = load(task, offset!(task_real_parent));
            if self.level > 0 {
                level(parent) < self.level
            } else {
                container(cgroup::id(parent)) != self.container
            }
        }
    }

    /// Thread group of the main process, host numbering; 0 when not known.
    ///
    /// # Safety
    /// `self.namespace` is a typed pointer to a `pid_namespace`.
    #[inline(always)]
    pub(crate) unsafe fn main_tgid(&self) -> u32 {
        if self.container != 0 {
            return self.main;
        }
        // SAFETY: as the caller's.
        unsafe { self.namespace_init() }
    }

    /// Thread group of the pid namespace's init, host numbering.
    ///
    /// # Safety
    /// `self.namespace` is a typed pointer to a `pid_namespace`.
    #[inline(always)]
    pub(crate) unsafe fn namespace_init(&self) -> u32 {
        // SAFETY: as the caller's.
        unsafe {
            let reaper: Kernel = load(self.namespace, offset!(ns_child_reaper));
            load(reaper, offset!(task_tgid))
        }
    }

    /// Whether a process that lives elsewhere is outside of this workload.
    #[inline(always)]
    pub(crate) fn is_outside(&self, other: &Self) -> bool {
        other.inum != self.inum || (self.container != 0 && other.container != self.container)
    }

    /// What names the workload for the gate and for user space.
    ///
    /// # Safety
    /// `self.namespace` is a typed pointer to a `pid_namespace`.
    #[inline(always)]
    pub(crate) unsafe fn key(&self) -> GateKey {
        if self.container != 0 {
            return GateKey {
                id: self.container,
                reaper_start: CONTAINER_KEY,
            };
        }
        // SAFETY: as the caller's.
        unsafe { self.namespace_key() }
    }

    /// [`GateKey::id`] of the workload.
    ///
    /// # Safety
    /// `self.namespace` is a typed pointer to a `pid_namespace`.
    #[inline(always)]
    pub(crate) unsafe fn id(&self) -> u64 {
        if self.container != 0 {
            return self.container;
        }
        // SAFETY: as the caller's.
        unsafe { self.namespace_id() }
    }

    #[inline(always)]
    unsafe fn namespace_id(&self) -> u64 {
        if has(feature::NS_ID) {
            // SAFETY: `self.namespace` is a typed pointer to a `pid_namespace`.
            unsafe { load(self.namespace, offset!(ns_id)) }
        } else {
            u64::from(self.inum)
        }
    }

    /// The same of its pid namespace.
    ///
    /// # Safety
    /// `self.namespace` is a typed pointer to a `pid_namespace`.
    #[inline(always)]
    pub(crate) unsafe fn namespace_key(&self) -> GateKey {
        // SAFETY: as the caller's.
        unsafe {
            let reaper: Kernel = load(self.namespace, offset!(ns_child_reaper));
            let leader: Kernel = load(reaper, offset!(task_group_leader));
            GateKey {
                id: self.namespace_id(),
                reaper_start: load(leader, offset!(task_start)),
            }
        }
    }
}
