//! Who entered a workload from outside while it ran (`docker exec`, exec probes), and who descends from
//! them.
//!
//! A process that has left its session, and whose parent has ended, looks like any other of the
//! workload: only its descent tells.

use crate::{
    cgroup,
    globals::offset,
    maps::{CONTAINERS, ENTERED, Entered},
    place::{Place, container},
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
    unsafe {
        let entered = Entered {
            workload: place.id(),
            start: start(task),
        };
        // An LRU table gives up who was not asked for for longest.
        let _ = ENTERED.insert(load::<u32>(task, offset!(task_tgid)), entered, ANY);
    }
}

/// A process is in another cgroup than before, or than its parent, by whoever did it: a runtime, that
/// puts an exec session into its container.
///
/// Where containers share the host's pid namespace nothing else tells: `runc exec` may have ended
/// before what it started becomes another program, and that has the shim for its parent then, as an
/// orphan of the container has.
///
/// # Safety
/// `task` and `by` are typed pointers to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn note_moved(task: Kernel, by: Kernel) {
    // SAFETY: as the caller's; values are written whole.
    unsafe {
        let into = container(cgroup::id(task));
        if into == 0 {
            return;
        }
        // Who moves itself there was sent by its parent (youki).
        let moves_itself =
            load::<u32>(by, offset!(task_tgid)) == load::<u32>(task, offset!(task_tgid));
        let from = if moves_itself {
            load(task, offset!(task_real_parent))
        } else {
            by
        };
        if into == container(cgroup::id(from)) {
            return;
        }
        let Some(found) = CONTAINERS.get(into) else {
            return;
        };
        // Before its main process is known the runtime sets the container up.
        let tgid: u32 = load(task, offset!(task_tgid));
        if found.main == 0 || found.main == u64::from(tgid) {
            return;
        }
        let entered = Entered {
            workload: into,
            start: start(task),
        };
        let _ = ENTERED.insert(tgid, entered, ANY);
    }
}

/// A process has a child.
///
/// # Safety
/// Both are typed pointers to a `task_struct`.
#[inline(always)]
pub(crate) unsafe fn inherit(parent: Kernel, child: Kernel) {
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
        if tgid == parent_tgid || found.start != start(parent) {
            return;
        }
        let entered = Entered {
            workload: found.workload,
            start: start(child),
        };
        let _ = ENTERED.insert(tgid, entered, ANY);
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
            Some(found) => found.start == start(task) && found.workload == place.id(),
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

/// Start of a task's thread group.
#[inline(always)]
unsafe fn start(task: Kernel) -> u64 {
    // SAFETY: `task` is a typed pointer to a `task_struct`.
    unsafe {
        let leader: Kernel = load(task, offset!(task_group_leader));
        load(leader, offset!(task_start))
    }
}
