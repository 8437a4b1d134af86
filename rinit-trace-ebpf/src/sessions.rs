//! Which processes entered a workload from outside while it ran (`docker exec`, exec probes), and which
//! descend from them.
//!
//! A process that has left its session, and whose parent has ended, looks like any other of the
//! workload: only its descent tells. Of sessions that are older than the trace user space finds the
//! processes, by one look at `/proc`.

use rinit_trace_common::{STARTED_IN_TICKS, TICK_NS};

use crate::{
    cgroup,
    globals::offset,
    maps::{ENTERED, Entered, Main},
    place::{Place, Scratch, find},
    reads::{Kernel, load},
};

/// `BPF_ANY`: create or update.
const ANY: u64 = 0;

/// A process has entered, and become another program.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`, `place` is its place.
#[inline(always)]
pub(crate) unsafe fn note(task: Kernel, place: &Place) {
    // SAFETY: as the caller's.
    unsafe { enter(task, place.id()) }
}

#[inline(always)]
unsafe fn enter(task: Kernel, workload: u64) {
    // SAFETY: `task` is a typed pointer to a `task_struct`.
    unsafe {
        let entered = Entered {
            workload,
            start: start(task),
        };
        // An LRU table gives up what was not asked for for longest.
        let _ = ENTERED.insert(load::<u32>(task, offset!(task_tgid)), entered, ANY);
    }
}

/// A process is in another cgroup than before, or than its parent, by whatever did it: a runtime, that
/// puts an exec session into its container.
///
/// Where containers share the host's pid namespace nothing else tells: `runc exec` may have ended
/// before what it started becomes another program, and that has the shim for its parent then, as an
/// orphan of the container has.
///
/// # Safety
/// `task` and `by` are typed pointers to a `task_struct`, `scratch` is the program's own.
#[inline(always)]
pub(crate) unsafe fn note_moved(task: Kernel, by: Kernel, scratch: *mut Scratch) {
    // SAFETY: as the caller's; values are written whole.
    unsafe {
        let name = &raw mut (*scratch).name;
        let into = container(task, &raw mut (*scratch).target, name);
        if into == 0 {
            return;
        }
        // One that moves itself there was sent by its parent (youki).
        let moves_itself =
            load::<u32>(by, offset!(task_tgid)) == load::<u32>(task, offset!(task_tgid));
        let from = if moves_itself {
            load(task, offset!(task_real_parent))
        } else {
            by
        };
        if into == container(from, &raw mut (*scratch).sender, name) {
            return;
        }
        let Some(found) = Main::of(into, (*scratch).target.is_delegated()) else {
            return;
        };
        // Before its main process is known the runtime sets the container up.
        if found.tgid != u64::from(load::<u32>(task, offset!(task_tgid))) {
            enter(task, into);
        }
    }
}

/// The container that a task's cgroup is of, or 0; kept in `place`.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`; `place` and `name` are the program's own.
#[inline(always)]
pub(crate) unsafe fn container(task: Kernel, place: *mut Place, name: *mut cgroup::Name) -> u64 {
    // SAFETY: as the caller's.
    unsafe {
        cgroup::container(cgroup::own(task), Place::own_mut(place), name);
        (*place).own()
    }
}

/// A process has a child.
///
/// # Safety
/// Both are typed pointers to a `task_struct`, `scratch` is the program's own.
#[inline(always)]
pub(crate) unsafe fn inherit(parent: Kernel, child: Kernel, scratch: *mut Scratch) {
    // SAFETY: as the caller's; values are written whole, and a torn one is of no process.
    unsafe {
        let (parent_tgid, tgid): (u32, u32) = (
            load(parent, offset!(task_tgid)),
            load(child, offset!(task_tgid)),
        );
        let Some(found) = ENTERED.get(parent_tgid) else {
            return;
        };
        // A thread is of its group.
        if tgid == parent_tgid || !is_start(found.start, start(parent)) {
            return;
        }
        let mut workload = found.workload;
        if workload == 0 {
            let place = &raw mut (*scratch).target;
            find(parent, place, &raw mut (*scratch).name);
            workload = (*place).id();
        }
        enter(child, workload);
    }
}

/// Whether a process is one of them, in the workload that it is of now: a container that is started
/// within a session is a workload of its own.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`, `place` is its place.
#[inline(always)]
pub(crate) unsafe fn is_of(task: Kernel, place: &Place) -> bool {
    // SAFETY: as in `inherit`.
    unsafe {
        match ENTERED.get(load::<u32>(task, offset!(task_tgid))) {
            Some(found) => {
                let is_there = found.workload == 0 || found.workload == place.id();
                is_there && is_start(found.start, start(task))
            }
            None => false,
        }
    }
}

/// A process has turned out to be its workload's main one, or has ended.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn forget(task: Kernel) {
    // SAFETY: as the caller's. Not there: it was none of them.
    let _ = ENTERED.remove(unsafe { load::<u32>(task, offset!(task_tgid)) });
}

/// Whether a start that was noted is this one.
#[inline(always)]
fn is_start(noted: u64, start: u64) -> bool {
    noted == start || noted == (start / TICK_NS) | STARTED_IN_TICKS
}

/// Start of a task's thread group.
#[inline(always)]
unsafe fn start(task: Kernel) -> u64 {
    // SAFETY: `task` is a typed pointer to a `task_struct`.
    unsafe {
        let leader: Kernel = load(task, offset!(task_group_leader));
        load(leader, offset!(task_start))
    }
}
