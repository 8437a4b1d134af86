//! Which workloads are of interest, and the gate for exits.

use rinit_trace_common::counter;

use crate::{
    globals,
    maps::{GATES, GateKey, count, note_lost},
    place::Place,
};

/// `BPF_ANY`: create or update.
const ANY: u64 = 0;

/// Whether records of this place are wanted at all. The host's own processes are not, but for
/// containers that share its pid namespace.
///
/// # Safety
/// `place.namespace` is a typed pointer to a `pid_namespace`.
#[inline(always)]
pub(crate) unsafe fn is_wanted(place: &Place) -> bool {
    if place.level == 0 && place.container == 0 {
        return false;
    }
    let container = globals::target_container();
    if container != 0 {
        return place.container == container;
    }
    let (inum, reaper) = globals::target();
    // SAFETY: as the caller's.
    inum == 0
        || (place.inum == inum && (reaper == 0 || unsafe { place.namespace_init() } == reaper))
}

/// Opens the gate of a workload, or adds a signal to what it lets pass.
///
/// # Safety
/// `place.namespace` is a typed pointer to a `pid_namespace`.
#[inline(always)]
pub(crate) unsafe fn open(place: &Place, signals: u64) {
    // SAFETY: as the caller's.
    let key = unsafe { place.key() };
    let mask = signals | signals_of(&key).unwrap_or(0);
    if GATES.insert(key, mask, ANY).is_err() {
        count(counter::GATES_REFUSED);
        note_lost(&key);
    }
}

/// The signals that an open gate lets pass; `None` when it is closed.
///
/// # Safety
/// `place.namespace` is a typed pointer to a `pid_namespace`.
#[inline(always)]
pub(crate) unsafe fn lets_pass(place: &Place) -> Option<u64> {
    // SAFETY: as the caller's.
    let open = signals_of(&unsafe { place.key() });
    if open.is_none() && place.container != 0 && place.level > 0 {
        // What looks like a container of its own may be an exec session, of one whose init has moved
        // to a cgroup below (systemd): user space tells.
        // SAFETY: as the caller's.
        return signals_of(&unsafe { place.namespace_key() });
    }
    open
}

#[inline(always)]
fn signals_of(key: &GateKey) -> Option<u64> {
    // SAFETY: the value is copied at once; a concurrent update replaces the whole element.
    unsafe { GATES.get(key) }.copied()
}
