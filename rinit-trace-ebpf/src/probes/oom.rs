//! `oom:mark_victim`: the OOM killer chose.
//!
//! mm/oom_kill.c `mark_oom_victim()`, after the SIGKILL was generated, on the same CPU. The
//! argument is `int pid`, or `task_struct *` where 6.8's change arrived (stable kernels too).

use rinit_trace_common::{OomRecord, feature, kind};

use crate::{
    emit::{Wake, reserve_global, submit},
    globals::{has, offset},
    reads::{Kernel, TracePoint, load, tracepoint},
};

/// Attached to the tracepoint of its name.
#[tracepoint]
pub fn mark_victim(ctx: TracePoint) -> i32 {
    let tid = if has(feature::VICTIM_IS_TASK) {
        // SAFETY: argument 0 is a typed pointer to a task_struct on these kernels.
        unsafe { load(ctx.arg::<Kernel>(0), offset!(task_pid)) }
    } else {
        ctx.arg::<i32>(0) as u32
    };
    let Some(mut entry) = reserve_global::<OomRecord>(kind::OOM) else {
        return 0;
    };
    let record = entry.as_mut_ptr();
    // SAFETY: the record was reserved whole.
    unsafe {
        (*record).tid = tid;
        (*record).pad = 0;
    }
    submit(entry, Wake::Later);
    0
}
