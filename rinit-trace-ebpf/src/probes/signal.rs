//! `signal:signal_generate`: somebody signals somebody.
//!
//! kernel/signal.c `__send_signal_locked()`, at its end: `complete_signal()` has already run, so
//! for a fatal signal `signal->flags` shows the group exit and not what it was before.
//! Arguments, 5.4 to 7.3: `(int sig, kernel_siginfo *info, task_struct *t, int group, int result)`.

use aya_log_ebpf::info;
use rinit_trace_common::{SignalRecord, counter, kind, signal_bit};

use crate::{
    budget,
    emit::{Wake, Worth, now, reserve, submit},
    gate, globals,
    globals::offset,
    maps::{FoldKey, FoldState, LAST_SIGNALS, SELF_TEST, count, lose},
    place::{Place, Scratch, find, slot},
    probes::emit_task,
    reads::{Kernel, TracePoint, current, load, tracepoint},
    task::{fill_leaf, fill_state, fill_task, handler, level, signal_code},
};

const SIGKILL: u32 = 9;
const SIGCHLD: u32 = 17;
const SIGURG: u32 = 23;

/// Sent all the time and never a request to end: CHLD, URG, CONT.
const NEVER: u64 = signal_bit(SIGCHLD) | signal_bit(SIGURG) | signal_bit(18);

/// `PF_EXITING` (include/linux/sched.h)
const PF_EXITING: u32 = 4;
const RESULT_DELIVERED: u32 = 0;

/// `zap_pid_ns_processes()` waits until nothing has a number but the thread that runs it, and the
/// leader (kernel/pid_namespace.c `init_pids`).
const LAST_OF_A_NAMESPACE: u32 = 2;

/// Equal signals of one sender to a process within this time are folded into the first ones: a flood
/// costs neither room in the ring nor the records of others.
const FOLD_NS: u64 = 100_000_000;

/// The same for signals among the other members of a workload: 64 processes that signal each other make
/// hundreds of kinds of them.
const CROWD_FOLD_NS: u64 = 1_000_000_000;

/// Stands for the sender of a signal that is one of the target's own workload, but not its main process.
const CROWD: u32 = u32::MAX;

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
    let Some(scratch) = Scratch::of(slot::SIGNAL) else {
        return 0;
    };
    // SAFETY: argument 2 is a typed pointer to the target's task_struct; `scratch` is this program's.
    unsafe {
        let self_test = is_self_test(&arguments);
        let is_harmless = !self_test && signal_bit(arguments.signal) & NEVER != 0;
        let name = &raw mut (*scratch).name;
        let target = &(*scratch).target;
        if is_harmless {
            if !is_last_word(&arguments) {
                return 0;
            }
        } else {
            find(arguments.target, &raw mut (*scratch).target, name);
            let is_candidate =
                self_test || (gate::is_wanted(target) && may_be_recorded(&arguments, target));
            if !is_candidate {
                return 0;
            }
        }
        find(current(), &raw mut (*scratch).sender, name);
        if is_harmless {
            on_last_word(&arguments, &(*scratch).sender);
            return 0;
        }
        let sender = &(*scratch).sender;
        // One place that emits, for all: the verifier walks it once.
        let folded = if self_test {
            Some(0)
        } else {
            decide(&arguments, target, sender)
        };
        if let Some(folded) = folded {
            emit(&arguments, target, sender, folded);
        }
        if self_test {
            // The only message of the kernel side: events are records, never log lines.
            info!(&ctx, "self-test: signal {} was seen", arguments.signal);
        }
    }
    0
}

/// Whether a signal is recorded, as far as its target tells: most signals of a container are nobody's
/// request to end, and where their sender lives need not be found out.
#[inline(always)]
unsafe fn may_be_recorded(arguments: &Arguments, target: &Place) -> bool {
    let signal = arguments.signal;
    // SAFETY: the target is a typed pointer to a task_struct.
    unsafe {
        is_recorded_everywhere(target, signal)
            || target.is_main(arguments.target)
            || is_of_the_stop(target, signal)
    }
}

/// Whether a signal is recorded whoever of the workload it is for.
#[inline(always)]
fn is_recorded_everywhere(target: &Place, signal: u32) -> bool {
    signal == SIGKILL
        || globals::interest() & signal_bit(signal) != 0
        || gate::is_stop_signal(target, signal)
}

/// Whether a signal that may be recorded is, and then how many equal ones were left out before it.
#[inline(always)]
unsafe fn decide(arguments: &Arguments, target: &Place, sender: &Place) -> Option<u32> {
    // SAFETY: `target` and `current()` are typed pointers to task_structs.
    unsafe {
        let signal = arguments.signal;
        let is_main = target.is_main(arguments.target);
        let from_outside = target.is_outside(sender);
        let is_left_out = is_main
            && !from_outside
            && !is_recorded_everywhere(target, signal)
            && gate::lets_pass(target, signal) != Some(true);
        if is_left_out {
            return None;
        }
        let mut folded = 0;
        // A SIGKILL that the kernel accepted is never left out.
        if signal != SIGKILL || arguments.result != RESULT_DELIVERED {
            folded = fold(arguments, target, sender)?;
        }
        count(counter::SIGNALS_PASSED);
        let opens = if is_main {
            asks_to_end(arguments, target, from_outside)
        } else {
            // An init passes a stop signal on that it was not sent: dumb-init does when it leaves. Which
            // processes end by it, and how, is part of the stop that begins with the init's end.
            signal != SIGKILL && gate::is_stop_signal(target, signal) && is_by_main(target)
        };
        if opens {
            gate::open(target, signal, is_main);
        }
        Some(folded)
    }
}

/// Whether a signal to a member is part of a stop: the gate lets it pass, or the gate is open and
/// the init sends it. An init may pass another signal on than it was sent (`dumb-init -r`).
#[inline(always)]
unsafe fn is_of_the_stop(target: &Place, signal: u32) -> bool {
    let Some(lets_pass) = gate::lets_pass(target, signal) else {
        return false;
    };
    // SAFETY: as in `is_by_main`.
    lets_pass || unsafe { is_by_main(target) }
}

/// Whether the main process of the target's workload sends.
#[inline(always)]
unsafe fn is_by_main(target: &Place) -> bool {
    // SAFETY: `current()` is a typed pointer to a task_struct.
    unsafe { load::<u32>(current(), offset!(task_tgid)) == target.main_tgid() }
}

/// Whether a signal to an init opens its gate: any from outside, a stop signal from inside that was
/// queued, and a SIGKILL that the kernel did not drop.
#[inline(always)]
fn asks_to_end(arguments: &Arguments, target: &Place, from_outside: bool) -> bool {
    let is_delivered = arguments.result == RESULT_DELIVERED;
    if arguments.signal == SIGKILL {
        return is_delivered;
    }
    from_outside || (is_delivered && gate::is_stop_signal(target, arguments.signal))
}

/// Whether a process of the workload sends that is not its main one. A container can start as many of them as
/// it likes, so that all of them count as one sender.
#[inline(always)]
unsafe fn is_of_crowd(target: &Place, sender: &Place) -> bool {
    // SAFETY: as in `is_by_main`.
    !target.is_outside(sender) && !unsafe { is_by_main(target) }
}

/// Folds a flood of equal signals. `None`: leave this one out; else how many were left out before.
#[inline(always)]
unsafe fn fold(arguments: &Arguments, target: &Place, sender: &Place) -> Option<u32> {
    // SAFETY: the target and `current()` are typed pointers to task_structs.
    let key = unsafe {
        FoldKey {
            workload: target.key(),
            sender: if is_of_crowd(target, sender) {
                CROWD
            } else {
                load(current(), offset!(task_tgid))
            },
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
            let time = if key.sender == CROWD {
                CROWD_FOLD_NS
            } else {
                FOLD_NS
            };
            if at.wrapping_sub((*state).at) < time {
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

/// What a signal is worth: to a member no more than its gate says, and none that members send each other decides
/// but SIGKILL.
#[inline(always)]
unsafe fn worth(arguments: &Arguments, target: &Place, of_sender: &Place) -> Worth {
    // SAFETY: `target` and `current()` are typed pointers to task_structs.
    unsafe {
        if arguments.signal != SIGKILL && is_of_crowd(target, of_sender) {
            Worth::Colours
        } else if target.is_main(arguments.target) || target.is_outside(of_sender) {
            Worth::Decides
        } else {
            gate::worth(target).unwrap_or(Worth::Colours)
        }
    }
}

#[inline(always)]
unsafe fn emit(arguments: &Arguments, target: &Place, of_sender: &Place, folded: u32) {
    let (info, code) = signal_code(arguments.info);
    // SAFETY: typed pointers as above; the record was reserved whole.
    unsafe {
        let worth = worth(arguments, target, of_sender);
        if worth == Worth::Colours && !budget::takes(&target.key()) {
            lose(target, u32::from(kind::SIGNAL));
            return;
        }
        let Some(mut entry) = reserve::<SignalRecord>(kind::SIGNAL, target, worth) else {
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
        fill_task(arguments.target, target, &raw mut (*record).target);
        fill_state(arguments.target, target, &raw mut (*record).state);
        fill_leaf(arguments.target, &raw mut (*record).leaf);
        fill_task(current(), of_sender, &raw mut (*record).sender);
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

/// Whether the last thread of a process tells the parent of its end: of CHLD, URG and CONT only that,
/// of an init, means something to us.
#[inline(always)]
unsafe fn is_last_word(arguments: &Arguments) -> bool {
    if arguments.signal != SIGCHLD {
        return false;
    }
    // SAFETY: `current()` is a typed pointer to a task_struct.
    unsafe {
        let signal: Kernel = load(current(), offset!(task_signal));
        let flags: u32 = load(current(), offset!(task_flags));
        flags & PF_EXITING != 0 && load::<i32>(signal, offset!(signal_live)) == 0
    }
}

/// A dying init tells its parent: `exit_notify()` (kernel/exit.c) does so only after
/// `zap_pid_ns_processes()` has seen every task of the namespace gone. This is the end of a
/// namespace, unless the parent ignores SIGCHLD; then user space counts exits instead.
///
/// A thread of an init tells its tracer of its own end in the same way, and another may be the one
/// that waits for the namespace: so its tasks are counted.
#[inline(always)]
unsafe fn on_last_word(arguments: &Arguments, init: &Place) {
    // SAFETY: `target` and `current()` are typed pointers to task_structs.
    unsafe {
        let is_end = init.container() == 0
            && init.is_main(current())
            && init.tasks() <= LAST_OF_A_NAMESPACE
            && gate::is_wanted(init);
        if is_end && level(arguments.target) < init.level() {
            emit_task(kind::NAMESPACE_END, current(), init, Wake::Now);
        }
    }
}

#[inline(always)]
fn self_test_runs() -> bool {
    SELF_TEST.get(0).is_some_and(|value| *value != 0)
}
