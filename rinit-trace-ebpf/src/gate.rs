//! Which workloads are of interest, and the gate for exits.

use rinit_trace_common::{STOP_SIGNALS, counter, signal_bit};

use crate::{
    globals,
    maps::{GATES, Gate, STOP_SIGNALS_OF, count, note_lost},
    place::Place,
};

/// `BPF_NOEXIST`: create, never update.
const NOEXIST: u64 = 1;

/// Whether records of this place are wanted at all. The host's own processes are not, but for
/// containers that share its pid namespace.
#[inline(always)]
pub(crate) fn is_wanted(place: &Place) -> bool {
    if place.level() == 0 && place.container() == 0 {
        return false;
    }
    let container = globals::target_container();
    if container != 0 {
        return place.container() == container;
    }
    let (inum, reaper) = globals::target();
    inum == 0 || (place.inum() == inum && (reaper == 0 || place.reaper() == reaper))
}

/// Opens the gate of a workload, for a signal or, with 0, for none.
#[inline(always)]
pub(crate) fn open(place: &Place, signal: u32) {
    let key = place.key();
    if let Some(gate) = GATES.get_ptr_mut(key) {
        // SAFETY: the map hands out a live value.
        unsafe { set(gate, signal) };
        return;
    }
    let mut gate = Gate { signals: [0; 64] };
    // SAFETY: the value is ours.
    unsafe { set(&raw mut gate, signal) };
    if GATES.insert(key, gate, NOEXIST).is_ok() {
        return;
    }
    // Opened by another CPU in the meantime, or the table is full.
    if let Some(gate) = GATES.get_ptr_mut(key) {
        // SAFETY: as above.
        unsafe { set(gate, signal) };
    } else {
        note_lost(&key);
        count(counter::GATES_REFUSED);
    }
}

/// # Safety
/// `gate` points to a value that may be written.
#[inline(always)]
unsafe fn set(gate: *mut Gate, signal: u32) {
    if signal != 0 {
        // SAFETY: as the caller's; 64 bytes are there.
        unsafe { *(&raw mut (*gate).signals).cast::<u8>().add(index(signal)) = 1 }
    }
}

#[inline(always)]
fn index(signal: u32) -> usize {
    (signal.wrapping_sub(1) & 63) as usize
}

/// Whether the gate of a workload is open.
#[inline(always)]
pub(crate) fn is_open(place: &Place) -> bool {
    GATES.get_ptr(place.key()).is_some()
}

/// Whether it is open, and lets a signal pass; `None` when it is closed.
#[inline(always)]
pub(crate) fn lets_pass(place: &Place, signal: u32) -> Option<bool> {
    let gate = GATES.get_ptr(place.key())?;
    // SAFETY: the map hands out a live value of 64 bytes.
    Some(unsafe { *(&raw const (*gate).signals).cast::<u8>().add(index(signal)) } != 0)
}

/// Whether a signal asks a program of this workload to end: one that always does, or the stop signal
/// that the workload is configured to have.
#[inline(always)]
pub(crate) fn is_stop_signal(place: &Place, signal: u32) -> bool {
    let bit = signal_bit(signal);
    if STOP_SIGNALS & bit != 0 {
        return true;
    }
    // SAFETY: the value is one word, copied at once.
    let own = unsafe { STOP_SIGNALS_OF.get(place.key()) };
    own.is_some_and(|own| *own & bit != 0)
}
