//! Reserves, fills and submits records; counts what is lost.

use aya_ebpf::{
    helpers::{bpf_get_prandom_u32, bpf_ktime_get_boot_ns},
    maps::ring_buf::RingBufEntry,
};
use rinit_trace_common::{ABI_VERSION, RecordHeader};

use crate::{
    globals,
    maps::{EVENTS, count, lose},
    place::Place,
};

/// `BPF_RB_NO_WAKEUP`: user space drains by timer; a wake-up per record costs the sender of a
/// signal ten times the record itself.
const NO_WAKEUP: u64 = 1;
/// `BPF_RB_FORCE_WAKEUP`: for what ends a stop.
const FORCE_WAKEUP: u64 = 2;

/// Bytes that user space has not read yet, and those that there are (include/uapi/linux/bpf.h).
const BPF_RB_AVAIL_DATA: u64 = 0;
const BPF_RB_RING_SIZE: u64 = 1;

/// A record that starts with a [`RecordHeader`].
///
/// # Safety
/// `Self` is `repr(C)`, its first member is the header, and every bit pattern is valid.
pub(crate) unsafe trait Record: Sized {}

/// Whether user space is woken for a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Drained by the timer.
    Later,
    /// At once.
    Now,
}

/// What a record is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worth {
    /// A stop cannot be told without it.
    Decides,
    /// A container can have as many of it made as it likes, and who was killed does not depend on it: all together may use
    /// half of the ring, so that there is room for what decides about others.
    Colours,
}

/// Reserves a record of `kind` about a workload with its header filled, or counts a loss. A quarter of the ring is for
/// root's containers alone: a user may make namespaces without end.
#[inline(always)]
pub(crate) fn reserve<T: Record + 'static>(
    kind: u16,
    place: &Place,
    worth: Worth,
) -> Option<RingBufEntry<T>> {
    let is_refused =
        worth == Worth::Colours && is_full_to(2) || !place.is_of_root() && is_full_to(3);
    let entry = if is_refused { None } else { try_reserve(kind) };
    if entry.is_none() {
        lose(place, u32::from(kind));
    }
    entry
}

/// Whether so many quarters of the ring are full.
#[inline(always)]
fn is_full_to(quarters: u64) -> bool {
    EVENTS.query(BPF_RB_AVAIL_DATA) > EVENTS.query(BPF_RB_RING_SIZE) / 4 * quarters
}

/// The same for a record that is about no namespace.
#[inline(always)]
pub(crate) fn reserve_global<T: Record + 'static>(kind: u16) -> Option<RingBufEntry<T>> {
    let entry = try_reserve(kind);
    if entry.is_none() {
        count(u32::from(kind));
    }
    entry
}

#[inline(always)]
fn try_reserve<T: Record + 'static>(kind: u16) -> Option<RingBufEntry<T>> {
    if is_dropped_on_purpose() {
        return None;
    }
    let mut entry = EVENTS.reserve::<T>(0)?;
    let header = entry.as_mut_ptr().cast::<RecordHeader>();
    // SAFETY: the entry is as large as T, and T starts with the header (contract of `Record`).
    unsafe {
        (*header).abi = ABI_VERSION;
        (*header).kind = kind;
        (*header).len = size_of::<T>() as u32;
        (*header).at = now();
    }
    Some(entry)
}

/// The fault switch of the tests: looks to user space as a full ring does.
#[inline(always)]
fn is_dropped_on_purpose() -> bool {
    let one_in = globals::drop_one_in();
    // SAFETY: the helper has no arguments and no preconditions.
    one_in != 0 && unsafe { bpf_get_prandom_u32() } % one_in == 0
}

/// Hands a filled record to user space.
#[inline(always)]
pub(crate) fn submit<T: 'static>(entry: RingBufEntry<T>, wake: Wake) {
    entry.submit(match wake {
        Wake::Later => NO_WAKEUP,
        Wake::Now => FORCE_WAKEUP,
    });
}

/// Nanoseconds since boot, sleep included: the clock of `task_struct.start_boottime`.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: the helper has no arguments and no preconditions (5.8 on).
    unsafe { bpf_ktime_get_boot_ns() }
}
