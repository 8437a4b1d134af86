//! `sched:sched_process_exec`: a container's program starts, or somebody enters a container.
//!
//! fs/exec.c `exec_binprm()`. Recorded for inits, and for processes whose parent lives outside
//! their namespace (`docker exec`, exec probes): user space looks names up while they live.
//! Arguments: `(task_struct *p, pid_t old_pid, linux_binprm *bprm)`.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use rinit_trace_common::kind;

use crate::{
    emit::Wake,
    gate,
    globals::offset,
    probes::{emit_task, signal::reaper_tgid},
    task::{Kernel, level, load, place},
};

/// Attached as a BTF tracepoint.
#[btf_tracepoint(function = "sched_process_exec")]
pub fn sched_process_exec(ctx: BtfTracePointContext) -> i32 {
    let task = ctx.arg::<Kernel>(0);
    // SAFETY: argument 0 is a typed pointer to a task_struct.
    unsafe {
        if level(task) == 0 {
            return 0;
        }
        let own = place(task);
        let parent: Kernel = load(task, offset!(task_real_parent));
        if own.ns_tgid != 1 && level(parent) >= own.level {
            return 0;
        }
        if gate::is_wanted(&own, || reaper_tgid(&own)) {
            emit_task(kind::EXEC, task, &own, Wake::Now);
        }
    }
    0
}
