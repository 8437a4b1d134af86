//! `zap_pid_ns_processes()`: a dying init takes its namespace with it.
//!
//! kernel/pid_namespace.c. No tracepoint; a confirmation of what the SIGKILLs themselves show
//! (`SEND_SIG_PRIV`, to the group, by an exiting init), where the kernel allows fentry or kprobes.

use aya_ebpf::{
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};
use rinit_trace_common::kind;

use crate::{
    emit::Wake,
    gate,
    place::{Scratch, find, slot},
    probes::emit_task,
    reads::current,
};

/// Attached by fentry where the kernel allows it.
#[fentry(function = "zap_pid_ns_processes")]
pub fn teardown_fentry(_ctx: FEntryContext) -> i32 {
    on_teardown();
    0
}

/// Attached as a kprobe otherwise.
#[kprobe]
pub fn teardown_kprobe(_ctx: ProbeContext) -> u32 {
    on_teardown();
    0
}

#[inline(always)]
fn on_teardown() {
    let task = current();
    let Some(scratch) = Scratch::of(slot::TEARDOWN) else {
        return;
    };
    // SAFETY: `task` is a typed pointer to a task_struct, `scratch` is this program's.
    unsafe {
        find(task, &raw mut (*scratch).target, &raw mut (*scratch).name);
        let own = &(*scratch).target;
        // That of a namespace within a container's is no end of the container.
        if own.container() == 0 && own.is_main(task) && gate::is_wanted(own) {
            emit_task(kind::TEARDOWN, task, own, Wake::Later);
        }
    }
}
