//! `signal:signal_deliver`: an init takes a signal.
//!
//! kernel/signal.c `get_signal()`. Only inits, and never SIGKILL: it is emitted with 9 for every
//! fatal end, and for every thread at an exec. A blocked signal of an init without a handler shows
//! here with the default disposition when it is unblocked, and is dropped after the tracepoint.
//! Arguments: `(int sig, kernel_siginfo *info, k_sigaction *ka)`.

use rinit_trace_common::{DeliverRecord, kind};

use crate::{
    emit::{Wake, reserve, submit},
    gate,
    place::{Scratch, find, inner_tgid, slot},
    reads::{TracePoint, current, tracepoint},
    task::{fill_task, handler},
};

const SIGKILL: u32 = 9;

/// Attached to the tracepoint of its name.
#[tracepoint]
pub fn signal_deliver(ctx: TracePoint) -> i32 {
    let signal = ctx.arg::<i32>(0) as u32;
    if signal != SIGKILL {
        // SAFETY: called with the signal that the current task takes.
        unsafe { on_deliver(signal) }
    }
    0
}

#[inline(always)]
unsafe fn on_deliver(signal: u32) {
    let task = current();
    let Some(scratch) = Scratch::of(slot::DELIVER) else {
        return;
    };
    // SAFETY: `task` is a typed pointer to a task_struct, `scratch` is this program's.
    unsafe {
        find(task, &raw mut (*scratch).target, &raw mut (*scratch).name);
        let own = &(*scratch).target;
        if !gate::is_wanted(own) {
            return;
        }
        // Default actions do not apply to the init of a namespace within the container's either.
        let is_nested_init = || own.depth() > own.level() && inner_tgid(task, own.depth()) == 1;
        if !own.is_main(task) && !is_nested_init() {
            return;
        }
        if !gate::is_stop_signal(own, signal) && gate::lets_pass(own, signal) != Some(true) {
            return;
        }
        let worth = gate::worth_taken(own);
        let Some(mut entry) = reserve::<DeliverRecord>(kind::DELIVER, own, worth) else {
            return;
        };
        let record = entry.as_mut_ptr();
        fill_task(task, own, &raw mut (*record).task);
        (*record).signal = signal;
        (*record).pad = 0;
        (*record).handler = handler(task, signal);
        submit(entry, Wake::Later);
    }
}
