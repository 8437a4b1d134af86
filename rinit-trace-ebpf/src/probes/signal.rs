//! `signal:signal_generate`: somebody signals somebody.
//!
//! kernel/signal.c `__send_signal_locked()`, at its end: `complete_signal()` has already run, so
//! for a fatal signal `signal->flags` shows the group exit and not what it was before.
//! Arguments, 5.4 to 7.3: `(int sig, kernel_siginfo *info, task_struct *t, int group, int result)`.

use aya_log_ebpf::info;
use rinit_trace_common::{STOP_SIGNALS, SignalRecord, counter, kind, signal_bit};

use crate::{
    emit::{Wake, now, reserve, submit},
    gate, globals,
    globals::offset,
    maps::{FoldKey, FoldState, LAST_SIGNALS, SELF_TEST, count},
    place::{Place, place},
    probes::emit_task,
    reads::{Kernel, TracePoint, current, load, tracepoint},
    task::{fill_leaf, fill_state, fill_task, handler, signal_code},
};

const SIGKILL: u32 = 9;
const SIGCHLD: u32 = 17;
const SIGURG: u32 = 23;

/// Sent all the time and never a request to end: CHLD, URG, CONT.
const NEVER: u64 = signal_bit(SIGCHLD) | signal_bit(SIGURG) | signal_bit(18);

/// `PF_EXITING` (include/linux/sched.h)
const PF_EXITING: u32 = 4;
const RESULT_DELIVERED: u32 = 0;

/// Equal signals of one process to another within this time are folded into the first ones: a flood
/// costs neither room in the ring nor the records of others.
const FOLD_NS: u64 = 100_000_000;

/// So many are recorded before. A signal that is queued twice has been taken in between: that must be
/// seen (dumb-init sends its group a second SIGTERM when it leaves).
const FOLD_AFTER: u64 = 4;

struct Arguments {
    signal: u32,
    info: u64,
    target: Kernel,
    group: u32,
    result: u32,
}

/// Attached to the tracepoint of its name.
#[tracepoint]
pub fn signal_generate(ctx: TracePoint) -> i32 {
    let arguments = Arguments {
        signal: ctx.arg::<i32>(0) as u32,
        info: ctx.arg::<u64>(1),
        target: ctx.arg::<Kernel>(2),
        group: ctx.arg::<i32>(3) as u32,
        result: ctx.arg::<i32>(4) as u32,
    };
    // SAFETY: argument 2 is a typed pointer to the target's task_struct.
    unsafe {
        let self_test = is_self_test(&arguments);
        // One place that emits, for all: the verifier walks it once.
        let folded = if self_test {
            Some(0)
        } else {
            decide(&arguments)
        };
        if let Some(folded) = folded {
            emit(&arguments, folded);
        }
        if self_test {
            // The only message of the kernel side: events are records, never log lines.
            info!(&ctx, "self-test: signal {} was seen", arguments.signal);
        }
    }
    0
}

/// Whether a signal is recorded, and then how many equal ones were left out before it.
#[inline(always)]
unsafe fn decide(arguments: &Arguments) -> Option<u32> {
    let bit = signal_bit(arguments.signal);
    // SAFETY: `target` and `current()` are typed pointers to task_structs.
    unsafe {
        if bit & NEVER != 0 {
            on_harmless(arguments);
            return None;
        }
        let target = place(arguments.target);
        if !gate::is_wanted(&target) {
            return None;
        }
        let is_main = target.is_main(arguments.target);
        let usual = arguments.signal == SIGKILL || globals::interest() & bit != 0;
        // The gate is looked up last: most signals of a container are nobody's request to end.
        if !usual && !is_main && !is_of_the_stop(&target, bit) {
            return None;
        }
        let from_outside = target.is_outside(&place(current()));
        if !usual && is_main && !from_outside && !passes_gate(&target, bit) {
            return None;
        }
        let mut folded = 0;
        // A SIGKILL that the kernel accepted is never left out.
        if arguments.signal != SIGKILL || arguments.result != RESULT_DELIVERED {
            folded = fold(arguments, &target)?;
        }
        count(counter::SIGNALS_PASSED);
        let opens = if is_main {
            asks_to_end(arguments, bit, from_outside)
        } else {
            is_passed_on(&target, bit)
        };
        if opens {
            gate::open(&target, bit);
        }
        Some(folded)
    }
}

/// Whether a signal to a member is part of a stop: the gate lets it pass, or the gate is open and
/// the init sends it. An init may pass another signal on than it was sent (`dumb-init -r`).
#[inline(always)]
unsafe fn is_of_the_stop(target: &Place, bit: u64) -> bool {
    // SAFETY: `target.namespace` and `current()` are typed pointers.
    unsafe {
        let Some(signals) = gate::lets_pass(target) else {
            return false;
        };
        signals & bit != 0 || is_by_main(target)
    }
}

/// Whether an init passes a stop signal on that it was not sent: dumb-init does when it leaves. Who
/// ends by it, and how, is part of the stop that begins with the init's end.
#[inline(always)]
unsafe fn is_passed_on(target: &Place, bit: u64) -> bool {
    // SAFETY: `target.namespace` and `current()` are typed pointers.
    unsafe { bit & STOP_SIGNALS != 0 && is_by_main(target) }
}

/// Whether the main process of the target's workload sends.
#[inline(always)]
unsafe fn is_by_main(target: &Place) -> bool {
    // SAFETY: `target.namespace` and `current()` are typed pointers.
    unsafe { load::<u32>(current(), offset!(task_tgid)) == target.main_tgid() }
}

/// Whether the gate of a namespace is open for a signal.
#[inline(always)]
unsafe fn passes_gate(target: &Place, bit: u64) -> bool {
    // SAFETY: `target.namespace` is a typed pointer to a pid_namespace.
    unsafe { gate::lets_pass(target) }.unwrap_or(0) & bit != 0
}

/// Whether a signal to an init opens its gate: any from outside, a usual stop signal from inside
/// that was queued, and a SIGKILL that the kernel did not drop.
#[inline(always)]
fn asks_to_end(arguments: &Arguments, bit: u64, from_outside: bool) -> bool {
    if arguments.signal == SIGKILL {
        return arguments.result == RESULT_DELIVERED;
    }
    from_outside || (bit & STOP_SIGNALS != 0 && arguments.result == RESULT_DELIVERED)
}

/// Folds a flood of equal signals. `None`: leave this one out; else how many were left out before.
#[inline(always)]
unsafe fn fold(arguments: &Arguments, target: &Place) -> Option<u32> {
    // SAFETY: `target.namespace` and `current()` are typed pointers.
    let key = unsafe {
        FoldKey {
            workload: target.key(),
            sender: load(current(), offset!(task_tgid)),
            target: load(arguments.target, offset!(task_tgid)),
            signal: arguments.signal,
            result: arguments.result,
        }
    };
    let at = now();
    let mut folded = 0;
    if let Some(state) = LAST_SIGNALS.get_ptr_mut(key) {
        // SAFETY: the map hands out a live value; a lost race only miscounts folded signals.
        unsafe {
            if at.wrapping_sub((*state).at) < FOLD_NS {
                (*state).count += 1;
                if (*state).count <= FOLD_AFTER {
                    return Some(0);
                }
                count(counter::SIGNALS_FOLDED);
                return None;
            }
            folded = (*state).count.saturating_sub(FOLD_AFTER) as u32;
        }
    }
    // A full LRU table evicts; then a signal is recorded that could have been folded.
    let _ = LAST_SIGNALS.insert(key, FoldState { at, count: 1 }, 0);
    Some(folded)
}

#[inline(always)]
unsafe fn emit(arguments: &Arguments, folded: u32) {
    let (info, code) = signal_code(arguments.info);
    // SAFETY: typed pointers as above; the record was reserved whole.
    unsafe {
        // Read again: places kept from the decision would multiply the verifier's paths.
        let target = place(arguments.target);
        let Some(mut entry) = reserve::<SignalRecord>(kind::SIGNAL, &target) else {
            return;
        };
        let record = entry.as_mut_ptr();
        (*record).signal = arguments.signal;
        (*record).code = code;
        (*record).result = arguments.result;
        (*record).group = u32::from(arguments.group != 0);
        (*record).info = info;
        (*record).folded = folded;
        let parent: Kernel = load(arguments.target, offset!(task_parent));
        (*record).tracer = load(parent, offset!(task_tgid));
        (*record).pad = 0;
        fill_task(arguments.target, &target, &raw mut (*record).target);
        fill_state(arguments.target, &target, &raw mut (*record).state);
        fill_leaf(arguments.target, &raw mut (*record).leaf);
        let sender = current();
        fill_task(sender, &place(sender), &raw mut (*record).sender);
        // Last: it forks the verifier's walk into one path per signal, short ones here.
        (*record).handler = handler(arguments.target, arguments.signal);
        let kills = arguments.signal == SIGKILL && arguments.result == RESULT_DELIVERED;
        let wake = if kills && target.is_main(arguments.target) {
            Wake::Now
        } else {
            Wake::Later
        };
        submit(entry, wake);
    }
}

/// CHLD, URG and CONT: of these only the SIGCHLD of a dying init means something to us.
#[inline(always)]
unsafe fn on_harmless(arguments: &Arguments) {
    // SAFETY: `target` and `current()` are typed pointers to task_structs.
    unsafe {
        if arguments.signal == SIGCHLD {
            let flags: u32 = load(current(), offset!(task_flags));
            if flags & PF_EXITING != 0 {
                on_child_end(arguments);
            }
        }
    }
}

/// While the self-test runs: SIGURG of a process to itself.
#[inline(always)]
unsafe fn is_self_test(arguments: &Arguments) -> bool {
    if arguments.signal != SIGURG || arguments.group == 0 || !self_test_runs() {
        return false;
    }
    // SAFETY: `target` and `current()` are typed pointers to task_structs.
    unsafe {
        let sender: u32 = load(current(), offset!(task_tgid));
        let target: u32 = load(arguments.target, offset!(task_tgid));
        sender == target
    }
}

/// A dying init tells its parent: `exit_notify()` (kernel/exit.c) does so only after
/// `zap_pid_ns_processes()` has seen every task of the namespace gone. This is the end of a
/// namespace, unless the parent ignores SIGCHLD; then user space counts exits instead.
#[inline(always)]
unsafe fn on_child_end(arguments: &Arguments) {
    // SAFETY: `target` and `current()` are typed pointers to task_structs.
    unsafe {
        let init = place(current());
        if init.container != 0 || !init.is_main(current()) || !gate::is_wanted(&init) {
            return;
        }
        let parent = place(arguments.target);
        if parent.level < init.level {
            emit_task(kind::NAMESPACE_END, current(), &init, Wake::Now);
        }
    }
}

#[inline(always)]
fn self_test_runs() -> bool {
    SELF_TEST.get(0).is_some_and(|value| *value != 0)
}
