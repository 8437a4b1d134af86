//! How many records of its members that do not decide a workload may make: what exceeds it costs that workload its own certainty.

use crate::{
    emit::now,
    maps::{BUDGETS, Budget, GateKey},
};

/// So many in a second.
const MOST: u64 = 4096;
const SECOND: u64 = 1_000_000_000;

/// Takes the room of one record, and whether there was any.
#[inline(always)]
pub(crate) fn takes(key: &GateKey) -> bool {
    let at = now();
    if let Some(budget) = BUDGETS.get_ptr_mut(key) {
        // SAFETY: the map hands out a live value; a lost race only miscounts.
        unsafe {
            if at.wrapping_sub((*budget).since) < SECOND {
                (*budget).count += 1;
                return (*budget).count <= MOST;
            }
        }
    }
    // A full LRU table evicts, and a workload begins anew.
    let _ = BUDGETS.insert(
        key,
        Budget {
            since: at,
            count: 1,
        },
        0,
    );
    true
}

/// Whether none is left in this second.
#[inline(always)]
pub(crate) fn is_used_up(key: &GateKey) -> bool {
    BUDGETS.get_ptr(key).is_some_and(|budget| {
        // SAFETY: as above.
        unsafe { (*budget).count >= MOST && now().wrapping_sub((*budget).since) < SECOND }
    })
}
