//! One file per hook. Each has the same shape: the attached function only unpacks the context, an
//! inner function filters, reserves, fills and submits.

mod cgroup;
mod deliver;
mod empty;
mod exec;
mod exit;
mod fork;
mod oom;
mod signal;
mod teardown;

use rinit_trace_common::{
    CgroupRecord, DeliverRecord, ExitRecord, OomRecord, SignalRecord, TaskOnlyRecord,
};

use crate::{
    emit::{Record, Wake, Worth, reserve, submit},
    place::Place,
    reads::Kernel,
    task::{fill_leaf, fill_task},
};

// SAFETY: all are repr(C), start with the header, and hold only integers.
unsafe impl Record for SignalRecord {}
// SAFETY: as above.
unsafe impl Record for ExitRecord {}
// SAFETY: as above.
unsafe impl Record for DeliverRecord {}
// SAFETY: as above.
unsafe impl Record for OomRecord {}
// SAFETY: as above.
unsafe impl Record for CgroupRecord {}
// SAFETY: as above.
unsafe impl Record for TaskOnlyRecord {}

/// Emits a record that says no more than who it is about.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`.
#[inline(always)]
unsafe fn emit_task(kind: u16, task: Kernel, place: &Place, wake: Wake) {
    // SAFETY: as the caller's; the record was reserved whole.
    unsafe {
        let Some(mut entry) = reserve::<TaskOnlyRecord>(kind, place, Worth::Decides) else {
            return;
        };
        let record = entry.as_mut_ptr();
        fill_task(task, place, &raw mut (*record).task);
        fill_leaf(task, &raw mut (*record).leaf);
        submit(entry, wake);
    }
}
