//! Reads cgroups: which one a task is in, by the hierarchy that runtimes put containers into.
//!
//! On a hybrid host that is the v1 hierarchy of the pids controller, else v2.

use core::ptr::{read_volatile, write_volatile};

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_kernel_str};
use rinit_trace_common::{LEAF_LEN, feature};

use crate::{
    globals::{has, offset},
    maps::CGROUPS,
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
        bpf_probe_read_kernel_str(out.cast(), LEAF_LEN as u32, name_of(cgroup).cast()) >= ID_AND_NUL
    }
}

#[inline(always)]
unsafe fn name_of(cgroup: Kernel) -> Kernel {
    // SAFETY: `cgroup` is a typed pointer to a `cgroup`.
    unsafe {
        let node: Kernel = load(cgroup, offset!(cgroup_kn));
        load(node, offset!(kernfs_name))
    }
}

/// Room for the name of a cgroup while it is looked at.
#[repr(C)]
pub(crate) struct Name {
    /// All of it (`NAME_MAX` in include/uapi/linux/limits.h, and the NUL).
    whole: [u8; 256],
    /// The 64 bytes that may be an id.
    id: [u64; 8],
    /// What is before or behind them.
    around: u64,
    /// A result on its way.
    kept: u64,
}

/// The cgroup of a container.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Container {
    /// Its kernfs id; 0 for none.
    id: u64,
    /// The uid that owns the cgroup above it, and so may make cgroups there.
    maker: u64,
}

impl Container {
    pub(crate) const NONE: Self = Self { id: 0, maker: 0 };

    /// One of which only that is known.
    #[inline(always)]
    pub(crate) fn of(id: u64) -> Self {
        Self { id, maker: 0 }
    }

    /// Its kernfs id, of which neither the verifier nor the compiler is to know anything.
    #[inline(always)]
    pub(crate) fn id(&self) -> u64 {
        // SAFETY: a member of a live value.
        unsafe { read_volatile(&raw const self.id) }
    }

    /// 1 for one whose cgroup only root can make, 0 for others and for none. Without a branch, of which the verifier
    /// would follow both sides.
    #[inline(always)]
    pub(crate) fn of_root(&self) -> u32 {
        let is_zero = |value: u64| 1 ^ ((value | value.wrapping_neg()) >> 63);
        ((1 ^ is_zero(self.id())) & is_zero(self.maker())) as u32
    }

    /// As [`id`](Self::id).
    #[inline(always)]
    pub(crate) fn maker(&self) -> u64 {
        // SAFETY: a member of a live value.
        unsafe { read_volatile(&raw const self.maker) }
    }
}

/// The container that a cgroup is of: the nearest whose name holds a container's id, this one or one
/// above. `found` becomes it.
///
/// # Safety
/// `cgroup` is a typed pointer to a `cgroup`; `found` and `name` point to live values that nobody else
/// uses.
#[inline(always)]
pub(crate) unsafe fn container(cgroup: Kernel, found: *mut Container, name: *mut Name) {
    // SAFETY: as the caller's; values of the map are whole words.
    unsafe {
        let id = id_of(cgroup);
        if let Some(known) = CGROUPS.get(id) {
            write_volatile(found, *known);
            return;
        }
        walk(cgroup, found, name);
        // An LRU table gives up what was not asked for for longest.
        let _ = CGROUPS.insert(id, read_volatile(found), 0);
    }
}

/// The uid that a cgroup is of: root's, unless it was made by another or given to one
/// (kernel/cgroup/cgroup.c `cgroup_kn_set_ugid()`; a node without attributes is root's).
#[inline(always)]
unsafe fn owner(cgroup: Kernel) -> u64 {
    if !has(feature::CGROUP_OWNERS) {
        return 0;
    }
    // SAFETY: `cgroup` is a typed pointer to a `cgroup`; of no attributes 0 is read.
    unsafe {
        let node: Kernel = load(cgroup, offset!(cgroup_kn));
        let attributes: Kernel = load(node, offset!(kernfs_iattr));
        u64::from(load::<u32>(attributes, offset!(iattr_uid)))
    }
}

/// Looks at a cgroup and at fifteen above; a process that is further below its container is in none.
///
/// Not a loop: of the states that the verifier has seen at one instruction it forgets some when there are
/// many, and walks the same ways again.
#[inline(always)]
unsafe fn walk(cgroup: Kernel, found: *mut Container, name: *mut Name) {
    // SAFETY: as the caller's.
    unsafe {
        write_volatile(found, Container::NONE);
        let mut at = cgroup;
        macro_rules! steps {
            ($($step:literal)*) => {
                $(
                    if $step > 0 {
                        at = above(at);
                    }
                    let id = id_of(at);
                    // Above the root.
                    if id == 0 {
                        return;
                    }
                    if is_container(at, name) {
                        let maker = owner(above(at));
                        write_volatile(found, Container { id, maker });
                        return;
                    }
                )*
            };
        }
        steps!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    }
}

/// Whether the name of a cgroup ends in a container's id, `.scope` behind it left out:
/// `docker-ID.scope`, `libpod-ID`, `x.slice:cri-containerd:ID`, `ID`; but not that of a monitor,
/// `libpod-conmon-ID.scope`. User space says the same of it (`split_container_id`).
///
/// Not inlined, since it stands in every step. Written without branches, of which the verifier would follow
/// both sides at every step: 1 is yes, 0 is no, and what is computed goes through a map, so that the compiler
/// makes no branches of it.
#[inline(never)]
unsafe fn is_container(cgroup: Kernel, name: *mut Name) -> bool {
    const ID: u64 = 64;
    const SCOPE: u64 = 6;
    // SAFETY: as the caller's; the helpers write at most what they are told, and the source may be
    // anything: what cannot be read is zeroed.
    unsafe {
        let text = name_of(cgroup) as u64;
        let whole = (&raw mut (*name).whole).cast();
        let length = bpf_probe_read_kernel_str(whole, 256, text as *const _);
        if length < ID_AND_NUL {
            return false;
        }
        let slot = &raw mut (*name).kept;
        let kept = move |value: u64| {
            write_volatile(slot, value);
            read_volatile(slot)
        };
        let differs = |one: u64, other: u64| {
            let bits = one ^ other;
            kept((bits | bits.wrapping_neg()) >> 63)
        };
        let at = |address: u64| address as *const core::ffi::c_void;
        let around = (&raw mut (*name).around).cast();
        let end = text + length as u64 - 1;
        (*name).around = 0;
        bpf_probe_read_kernel(around, SCOPE as u32, at(end - SCOPE));
        let is_scope = 1 ^ differs((*name).around, u64::from_le_bytes(*b".scope\0\0"));
        let start = end - SCOPE * is_scope - ID;
        bpf_probe_read_kernel((&raw mut (*name).id).cast(), ID as u32, at(start));
        bpf_probe_read_kernel(around, 8, at(start - 8));
        let mut wrong = 0;
        let mut index = 0;
        while index < 8 {
            wrong |= not_hex((*name).id[index]);
            index += 1;
        }
        let before = (*name).around;
        let last = before >> 56;
        let no_separator = differs(last, u64::from(b'-')) & differs(last, u64::from(b':'));
        let is_monitor = 1 ^ differs(before >> 8, u64::from_le_bytes(*b"conmon-\0"));
        let has_prefix = differs(start, text);
        kept(wrong | (has_prefix & (no_separator | is_monitor))) == 0
    }
}

/// Not 0 when one of eight bytes is no lower-case hex digit.
#[inline(always)]
fn not_hex(bytes: u64) -> u64 {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let each = |byte: u8| u64::from_ne_bytes([byte; 8]);
    // Of a byte below 128 the sum with 128 - limit has the high bit where the byte is not below the limit.
    let from = |limit: u8| (bytes & !HIGH) + each(128 - limit);
    let digit = from(b'0') & !from(b'9' + 1);
    let letter = from(b'a') & !from(b'f' + 1);
    (bytes | !(digit | letter)) & HIGH
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
