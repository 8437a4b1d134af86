//! `sched:sched_process_exit`: the last thread of a process ends.
//!
//! kernel/exit.c `do_exit()`. Arguments: `(task_struct *)`, from 6.16 on `(task_struct *, bool
//! group_dead)` and earlier in `do_exit()`, before `exit_mm()`.

use rinit_trace_common::{ExitRecord, counter, feature, kind};

use crate::{
    budget,
    emit::{Wake, Worth, reserve, submit},
    gate,
    globals::{has, offset},
    place::{Place, Scratch, find, slot},
    reads::{Kernel, TracePoint, load, tracepoint},
    sessions,
    task::{fill_leaf, fill_state, fill_task},
    turns::{self, Turn},
};

/// The part of a wait status that is the signal.
const STATUS_SIGNAL: i32 = 0x7f;

/// Attached to the tracepoint of its name.
#[tracepoint]
pub fn sched_process_exit(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::First, slot::EXIT);
    0
}

/// Attached to the same, behind it.
#[tracepoint]
pub fn sched_process_exit_second(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::Later(counter::RECOVERED_EXITS), slot::EXIT + 1);
    0
}

/// Attached to the same, behind that.
#[tracepoint]
pub fn sched_process_exit_third(ctx: TracePoint) -> i32 {
    see(&ctx, Turn::Later(counter::RECOVERED_EXITS), slot::EXIT + 2);
    0
}

#[inline(always)]
fn see(ctx: &TracePoint, turn: Turn, slot: u32) {
    let task = ctx.arg::<Kernel>(0);
    // SAFETY: argument 0 is a task_struct. An end is told from births and starts of the same task by its
    // inverted bits.
    if !turn.takes(unsafe { !turns::start_of(task) }) {
        return;
    }
    let group_dead = if has(feature::GROUP_DEAD_ARG) {
        // The argument is a bool in a 64-bit slot: the upper bytes are not defined.
        ctx.arg::<u64>(1) as u8 != 0
    } else {
        // SAFETY: argument 0 is a task_struct. Two racing last threads may both see 0; user space takes
        // the first record of a process.
        unsafe {
            let signal: Kernel = load(task, offset!(task_signal));
            load::<i32>(signal, offset!(signal_live)) == 0
        }
    };
    if group_dead {
        // SAFETY: as above.
        unsafe {
            if let Some(scratch) = Scratch::of(slot) {
                on_exit(task, scratch);
            }
            sessions::forget(task);
        }
    }
}

#[inline(always)]
unsafe fn on_exit(task: Kernel, scratch: *mut Scratch) {
    // SAFETY: `task` is a typed pointer to a task_struct, `scratch` is this program's.
    unsafe {
        find(task, &raw mut (*scratch).target, &raw mut (*scratch).name);
        let own = &(*scratch).target;
        if !gate::is_wanted(own) {
            return;
        }
        let is_main = own.is_main(task);
        let worth = if is_main {
            gate::open(own, 0, true);
            Worth::Decides
        } else if let Some(worth) = gate::worth(own) {
            worth
        } else if is_of_interest(task, own) && budget::takes(&own.key()) {
            Worth::Colours
        } else {
            return;
        };
        emit(task, own, worth, is_main);
    }
}

/// While the gate is closed a member's exit is reported when its parent is the init, or when a signal ended it: what
/// ended just before an init leaves explains why it left, and is part of a stop that began with the end of a child. So is
/// whom dumb-init ends by its parting SIGTERM. What has no room any more is a loss only when a stop begins in that second.
#[inline(always)]
unsafe fn is_of_interest(task: Kernel, own: &Place) -> bool {
    // SAFETY: `task` is a typed pointer to a task_struct.
    unsafe {
        let signal: Kernel = load(task, offset!(task_signal));
        if load::<i32>(signal, offset!(signal_group_exit_code)) & STATUS_SIGNAL != 0 {
            return true;
        }
        let parent: Kernel = load(task, offset!(task_real_parent));
        load::<u32>(parent, offset!(task_tgid)) == own.main_tgid()
    }
}

#[inline(always)]
unsafe fn emit(task: Kernel, own: &Place, worth: Worth, is_main: bool) {
    // SAFETY: `task` is a typed pointer to a task_struct; the record was reserved whole.
    unsafe {
        let Some(mut entry) = reserve::<ExitRecord>(kind::EXIT, own, worth) else {
            return;
        };
        let record = entry.as_mut_ptr();
        fill_task(task, own, &raw mut (*record).task);
        fill_state(task, own, &raw mut (*record).state);
        fill_leaf(task, &raw mut (*record).leaf);
        submit(entry, if is_main { Wake::Now } else { Wake::Later });
    }
}
