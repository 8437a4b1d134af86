//! Which workloads are of interest, and the gate for exits.

use aya_ebpf::maps::HashMap;
use rinit_trace_common::{STOP_SIGNALS, counter, kind, signal_bit};

use crate::{
    budget,
    emit::Worth,
    globals,
    maps::{GATES, GATES_OF_USERS, Gate, GateKey, NOEXIST, STOP_SIGNALS_OF, lose},
    place::Place,
};

/// Records about members of one stop that decide; user space keeps as many facts of one (`Config::max_facts`).
const MOST_OF_MEMBERS: u64 = 50_000;

/// The same of signals that its main process takes: user space keeps the times of few.
const MOST_TAKEN: u64 = 4096;

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

/// Opens the gate of a workload, for a signal or, with 0, for none; `stops`: the main process is asked to end by it, or
/// ends.
#[inline(always)]
pub(crate) fn open(place: &Place, signal: u32, stops: bool) {
    let key = place.key();
    let gates = table(place);
    if let Some(gate) = gates.get_ptr_mut(key) {
        // SAFETY: the map hands out a live value.
        unsafe { set(gate, signal, stops) };
        return;
    }
    if budget::was_used_up(&key) {
        // Ends of a moment ago were left out, and belong to the stop that begins now.
        lose(place, u32::from(kind::EXIT));
    }
    let mut gate = Gate {
        signals: [0; 64],
        stops: 0,
        told: 0,
        taken: 0,
    };
    // SAFETY: the value is ours.
    unsafe { set(&raw mut gate, signal, stops) };
    if gates.insert(key, gate, NOEXIST).is_ok() {
        return;
    }
    // Opened by another CPU in the meantime, or the table is full.
    if let Some(gate) = gates.get_ptr_mut(key) {
        // SAFETY: as above.
        unsafe { set(gate, signal, stops) };
    } else {
        lose(place, counter::GATES_REFUSED);
    }
}

/// Closes the gate of a container that is gone, if it is open: whose it was is not known any more.
#[inline(always)]
pub(crate) fn close(key: &GateKey) {
    // Not there: it was closed already, or never open.
    let _ = GATES.remove(key);
    let _ = GATES_OF_USERS.remove(key);
}

/// The table that a workload's gate is in.
#[inline(always)]
fn table(place: &Place) -> &'static HashMap<GateKey, Gate> {
    if place.is_of_root() {
        &GATES
    } else {
        &GATES_OF_USERS
    }
}

/// What a record about a member is worth; `None` while the gate is closed.
#[inline(always)]
pub(crate) fn worth(place: &Place) -> Option<Worth> {
    let gate = table(place).get_ptr_mut(place.key())?;
    // SAFETY: the map hands out a live value; a lost race only miscounts.
    unsafe {
        (*gate).told += (*gate).stops;
        Some(first((*gate).stops != 0 && (*gate).told <= MOST_OF_MEMBERS))
    }
}

/// The same of a signal that the main process takes.
#[inline(always)]
pub(crate) fn worth_taken(place: &Place) -> Worth {
    let Some(gate) = table(place).get_ptr_mut(place.key()) else {
        return Worth::Colours;
    };
    // SAFETY: as above.
    unsafe {
        (*gate).taken += 1;
        first((*gate).taken <= MOST_TAKEN)
    }
}

#[inline(always)]
fn first(is_among_them: bool) -> Worth {
    if is_among_them {
        Worth::Decides
    } else {
        Worth::Colours
    }
}

/// # Safety
/// `gate` points to a value that may be written.
#[inline(always)]
unsafe fn set(gate: *mut Gate, signal: u32, stops: bool) {
    if stops {
        // SAFETY: as the caller's.
        unsafe { (*gate).stops = 1 }
    }
    if signal != 0 {
        // SAFETY: as the caller's; 64 bytes are there.
        unsafe { *(&raw mut (*gate).signals).cast::<u8>().add(index(signal)) = 1 }
    }
}

#[inline(always)]
fn index(signal: u32) -> usize {
    (signal.wrapping_sub(1) & 63) as usize
}

/// Whether it is open, and lets a signal pass; `None` when it is closed.
#[inline(always)]
pub(crate) fn lets_pass(place: &Place, signal: u32) -> Option<bool> {
    let gate = table(place).get_ptr(place.key())?;
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
