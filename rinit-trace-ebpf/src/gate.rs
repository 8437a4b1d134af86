//! Which namespaces are of interest, and the gate for exits.

use rinit_trace_common::{counter, feature};

use crate::{
    globals,
    maps::{GATES, GateKey, count, note_lost},
    task::{Place, gate_key},
};

/// `BPF_ANY`: create or update.
const ANY: u64 = 0;

/// Whether records of this place are wanted at all.
#[inline(always)]
pub(crate) fn is_wanted(place: &Place, reaper_tgid: impl FnOnce() -> u32) -> bool {
    if place.level == 0 && !globals::has(feature::HOST) {
        return false;
    }
    let (inum, reaper) = globals::target();
    inum == 0 || (place.inum == inum && (reaper == 0 || reaper_tgid() == reaper))
}

/// Opens the gate of a namespace, or adds a signal to what it lets pass.
///
/// # Safety
/// `place.namespace` is a typed pointer to a `pid_namespace`.
#[inline(always)]
pub(crate) unsafe fn open(place: &Place, signals: u64) {
    // SAFETY: as the caller's.
    let key = unsafe { gate_key(place) };
    let mask = signals | lets_pass(&key).unwrap_or(0);
    if GATES.insert(key, mask, ANY).is_err() {
        count(counter::GATES_REFUSED);
        note_lost(&key);
    }
}

/// The signals that an open gate lets pass; `None` when it is closed.
#[inline(always)]
pub(crate) fn lets_pass(key: &GateKey) -> Option<u64> {
    // SAFETY: the value is copied at once; a concurrent update replaces the whole element.
    unsafe { GATES.get(key) }.copied()
}
