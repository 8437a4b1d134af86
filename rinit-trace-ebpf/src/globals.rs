//! What user space froze before loading: member offsets and the configuration.

use rinit_trace_common::{Config, Offsets};

/// Overridden by user space with the running kernel's offsets.
#[unsafe(no_mangle)]
static OFFSETS: Offsets = Offsets::ZERO;

/// Overridden by user space.
#[unsafe(no_mangle)]
static CONFIG: Config = Config {
    interest: 0,
    target_container: 0,
    features: 0,
    target_inum: 0,
    target_reaper: 0,
    drop_one_in: 0,
    budget: 0,
    pad: 0,
};

/// An offset, for `offset!(task_tgid)`.
///
/// A volatile read: otherwise LLVM folds the zero that the object carries. The verifier does the
/// folding instead, when the map is frozen.
macro_rules! offset {
    ($name:ident) => {
        {
            #[allow(unused_unsafe, reason = "the macro is used inside and outside unsafe blocks")]
            let value =
                // SAFETY: the pointer is to a live static of the object.
                unsafe { ::core::ptr::read_volatile(&raw const (*$crate::globals::offsets()).$name) };
            value as usize
        }
    };
}
pub(crate) use offset;

#[inline(always)]
pub(crate) fn offsets() -> *const Offsets {
    &raw const OFFSETS
}

/// Whether a bit of `rinit_trace_common::feature` is set; constant for the verifier.
#[inline(always)]
pub(crate) fn has(feature: u32) -> bool {
    // SAFETY: the pointer is to a live static of the object.
    unsafe { core::ptr::read_volatile(&raw const CONFIG.features) & feature != 0 }
}

/// Mask of signals recorded for every member.
#[inline(always)]
pub(crate) fn interest() -> u64 {
    // SAFETY: as in `has`.
    unsafe { core::ptr::read_volatile(&raw const CONFIG.interest) }
}

/// The one namespace to trace, as (inum, thread group of its init); (0, 0) for all.
#[inline(always)]
pub(crate) fn target() -> (u32, u32) {
    // SAFETY: as in `has`.
    unsafe {
        (
            core::ptr::read_volatile(&raw const CONFIG.target_inum),
            core::ptr::read_volatile(&raw const CONFIG.target_reaper),
        )
    }
}

/// The one container to trace, by its cgroup; 0 for all.
#[inline(always)]
pub(crate) fn target_container() -> u64 {
    // SAFETY: as in `has`.
    unsafe { core::ptr::read_volatile(&raw const CONFIG.target_container) }
}

/// One in how many records is dropped on purpose; 0 for none, and then the verifier prunes the code.
#[inline(always)]
pub(crate) fn drop_one_in() -> u32 {
    // SAFETY: as in `has`.
    unsafe { core::ptr::read_volatile(&raw const CONFIG.drop_one_in) }
}

/// Records of a workload in a second that do not decide.
#[inline(always)]
pub(crate) fn budget() -> u64 {
    // SAFETY: as in `has`.
    u64::from(unsafe { core::ptr::read_volatile(&raw const CONFIG.budget) })
}
