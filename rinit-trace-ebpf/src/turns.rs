//! Hooks with several programs, so that one of them sees every event.
//!
//! The kernel leaves a program out while the same one is under way on that CPU
//! (kernel/trace/bpf_trace.c `__bpf_trace_run()`, `bpf_prog_get_recursion_context()`). Where tasks can
//! be preempted in a tracepoint (7.x, and real-time kernels) that is no recursion: a process that ends
//! while another one was preempted in the same program would end unseen. The programs run one after
//! the other in the same task; the first that is not left out does the work and leaves a trace for
//! the others. For an event to be lost, a task has to be preempted in each of them on one CPU: how
//! often the first was left out, less how often a later one found that. User space asks for the one,
//! and has the other from here.

use crate::{
    globals::offset,
    maps::{SEEN, count},
    reads::{Kernel, current, load},
};

/// Which program on a hook runs.
#[derive(Clone, Copy)]
pub(crate) enum Turn {
    First,
    /// With the counter for what it has to do for those before it.
    Later(u32),
}

impl Turn {
    /// Whether an event is this program's to handle. `event` tells it from others of the same task.
    #[inline(always)]
    pub(crate) fn takes(self, event: u64) -> bool {
        // SAFETY: `current()` is a task.
        let task: u32 = unsafe { load(current(), offset!(task_pid)) };
        if let Self::Later(counter) = self {
            // SAFETY: the value is copied at once, and written by this task alone.
            if unsafe { SEEN.get(task) }.copied() == Some(event) {
                return false;
            }
            count(counter);
        }
        // Evicted at worst: then it is recorded twice, and user space takes the first.
        let _ = SEEN.insert(task, event, 0);
        true
    }
}

/// When a task started: it tells a task from others for ever.
///
/// # Safety
/// `task` points to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn start_of(task: Kernel) -> u64 {
    // SAFETY: as the caller's.
    unsafe { load(task, offset!(task_start)) }
}
