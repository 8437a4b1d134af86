//! Hooks with two programs, so that one of them sees every event.
//!
//! The kernel leaves a program out while the same one is under way on that CPU
//! (kernel/trace/bpf_trace.c `__bpf_trace_run()`, `bpf_prog_get_recursion_context()`). Where tasks can
//! be preempted in a tracepoint (7.x, and real-time kernels) that is no recursion: a process that ends
//! while another one was preempted in the same program would end unseen. The second program runs
//! after the first in the same task, and does the work where the first has left no trace. It is left
//! out itself where a task was preempted within its few instructions: how often the first was left out,
//! less how often the second found that, is what is lost. User space asks for that and counts it.

use crate::{
    globals::offset,
    maps::{SEEN, count},
    reads::{Kernel, current, load},
};

/// Which program on a hook runs.
#[derive(Clone, Copy)]
pub(crate) enum Turn {
    First,
    /// With the counter for what it had to do for the first.
    Second(u32),
}

impl Turn {
    /// Whether an event is this program's to handle. `event` tells it from others of the same task.
    #[inline(always)]
    pub(crate) fn takes(self, event: u64) -> bool {
        // SAFETY: `current()` is a task.
        let task: u32 = unsafe { load(current(), offset!(task_pid)) };
        match self {
            Self::First => {
                // Evicted at worst: then it is recorded twice, and user space takes the first.
                let _ = SEEN.insert(task, event, 0);
                true
            }
            Self::Second(counter) => {
                // SAFETY: the value is copied at once, and written by this task alone.
                let is_seen = unsafe { SEEN.get(task) }.copied() == Some(event);
                if !is_seen {
                    count(counter);
                }
                !is_seen
            }
        }
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
