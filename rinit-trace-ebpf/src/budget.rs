//! How many records about its members a workload may have made that do not decide: what exceeds it costs that workload
//! its own certainty.

use crate::{
    emit::now,
    globals,
    maps::{BUDGETS, Budget, GateKey},
};

const SECOND: u64 = 1_000_000_000;

/// As far back as user space looks for what made an init leave (`BEFORE_EXIT`), and what stamps of two CPUs may differ.
const LATELY: u64 = SECOND + 10_000_000;

/// Takes the room of one record, and whether there was any.
#[inline(always)]
pub(crate) fn takes(key: &GateKey) -> bool {
    let at = now();
    let Some(budget) = BUDGETS.get_ptr_mut(key) else {
        let first = Budget {
            since: at,
            count: 1,
            refused_at: 0,
        };
        // A full LRU table evicts, and a workload begins anew.
        let _ = BUDGETS.insert(key, first, 0);
        return true;
    };
    // SAFETY: the map hands out a live value; a lost race only miscounts.
    unsafe {
        if at.wrapping_sub((*budget).since) >= SECOND {
            (*budget).since = at;
            (*budget).count = 0;
        }
        (*budget).count += 1;
        let has_room = (*budget).count <= globals::budget();
        if !has_room {
            (*budget).refused_at = at;
        }
        has_room
    }
}

/// Whether there was no room for one lately.
#[inline(always)]
pub(crate) fn was_used_up(key: &GateKey) -> bool {
    BUDGETS.get_ptr(key).is_some_and(|budget| {
        // SAFETY: as above.
        let refused_at = unsafe { (*budget).refused_at };
        refused_at != 0 && now().wrapping_sub(refused_at) < LATELY
    })
}
