//! Tables shared with user space.

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap, LruHashMap, LruPerCpuHashMap, PerCpuArray, RingBuf},
};
use rinit_trace_common::counter;

use crate::{
    cgroup::Container,
    place::{Place, Scratch, slot},
};

/// `BPF_NOEXIST`: create, never update.
pub(crate) const NOEXIST: u64 = 1;

/// Records for user space. Its size is set at load.
#[map]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(1 << 20, 0);

/// One element with the slots of [`counter`], so that user space reads all with one system call.
#[map]
pub(crate) static COUNTERS: PerCpuArray<[u64; counter::COUNT as usize]> =
    PerCpuArray::with_max_entries(1, 0);

/// Workloads whose members' exits are recorded, with the signals that opened the gate. The kernel
/// side opens, user space closes.
#[map]
pub(crate) static GATES: HashMap<GateKey, Gate> = HashMap::with_max_entries(16384, 0);

/// The same of workloads that are no containers of root's: a user who makes namespaces without end fills this
/// table alone.
#[map]
pub(crate) static GATES_OF_USERS: HashMap<GateKey, Gate> = HashMap::with_max_entries(4096, 0);

/// What a workload has used of its room for records that do not decide.
#[map]
pub(crate) static BUDGETS: LruHashMap<GateKey, Budget> = LruHashMap::with_max_entries(4096, 0);

/// The configured stop signal of a workload as a mask, where it is none of those that are recorded
/// everywhere. User space writes it when it learns it.
#[map]
pub(crate) static STOP_SIGNALS_OF: HashMap<GateKey, u64> = HashMap::with_max_entries(16384, 0);

/// Records lost by namespace: a stop of another one is not in doubt. By CPU, so that no two of them lose a
/// count in a race: a loss without a mark puts every workload in doubt.
#[map]
pub(crate) static LOST: LruPerCpuHashMap<GateKey, u64> =
    LruPerCpuHashMap::with_max_entries(4096, 0);

/// The same of workloads that are no containers of root's: a user who makes namespaces without end takes no marks of
/// others away.
#[map]
pub(crate) static LOST_OF_USERS: LruPerCpuHashMap<GateKey, u64> =
    LruPerCpuHashMap::with_max_entries(4096, 0);

/// The last signal of each kind, to fold floods of equal ones.
#[map]
pub(crate) static LAST_SIGNALS: LruHashMap<FoldKey, FoldState> =
    LruHashMap::with_max_entries(16384, 0);

/// The container of a cgroup, by its kernfs id. Only a memory of what the names say: ids are
/// not used again, and an evicted entry is found again. A cgroup that is renamed, which v1 allows, keeps
/// the container that it had.
#[map]
pub(crate) static CGROUPS: LruHashMap<u64, Container> = LruHashMap::with_max_entries(16384, 0);

/// Main processes of containers that share a pid namespace with others, the host among them, by the
/// kernfs id of the container's cgroup.
#[map]
pub(crate) static MAINS: HashMap<u64, Main> = HashMap::with_max_entries(16384, 0);

/// The same of containers in a cgroup that is not root's: a user who makes cgroups without end fills this table alone.
#[map]
pub(crate) static MAINS_OF_USERS: HashMap<u64, Main> = HashMap::with_max_entries(1024, 0);

/// Room in which a program keeps what it finds out, one element for each program of [`slot`]: a
/// program is never entered again on a CPU before it is done.
#[map]
pub(crate) static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(slot::COUNT, 0);

/// Thread groups that entered a workload from outside while it ran, and their descendants.
#[map]
pub(crate) static ENTERED: LruHashMap<u32, Entered> = LruHashMap::with_max_entries(16384, 0);

/// What a program on a hook has begun to see, by the task that ran: for the next one on it.
#[map]
pub(crate) static SEEN: LruHashMap<u32, u64> = LruHashMap::with_max_entries(16384, 0);

/// Slot 0: not 0 while the self-test runs, and SIGURG of a process to itself is recorded.
#[map]
pub(crate) static SELF_TEST: Array<u32> = Array::with_max_entries(1, 0);

/// The main process of a container in a shared pid namespace.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Main {
    /// Its thread group.
    pub(crate) tgid: u64,
    /// Depth of its pid namespace.
    pub(crate) level: u64,
}

impl Main {
    /// That of a container.
    #[inline(always)]
    pub(crate) fn of(container: u64, is_delegated: bool) -> Option<&'static Self> {
        let table = if is_delegated {
            &MAINS_OF_USERS
        } else {
            &MAINS
        };
        // SAFETY: values are written whole, once.
        unsafe { table.get(container) }
    }

    /// Notes that of a container, unless there is one or no room.
    #[inline(always)]
    pub(crate) fn note(&self, container: u64, is_delegated: bool) -> bool {
        let table = if is_delegated {
            &MAINS_OF_USERS
        } else {
            &MAINS
        };
        table.insert(container, self, NOEXIST).is_ok()
    }

    /// Forgets that of a container. Whether there was one.
    #[inline(always)]
    pub(crate) fn forget(container: u64) -> bool {
        MAINS.remove(container).is_ok() || MAINS_OF_USERS.remove(container).is_ok()
    }
}

/// An open gate: a byte for each signal that it lets pass, so that two that open it at the same time
/// do not lose one another.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Gate {
    pub(crate) signals: [u8; 64],
    /// 1 once the main process was asked to end, or has ended: until then it may be a supervisor that ends its workers.
    pub(crate) stops: u64,
    /// Records of members since then,
    pub(crate) told: u64,
    /// and of signals that the main process took.
    pub(crate) taken: u64,
}

/// Records of a workload that do not decide. Times are nanoseconds since boot.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    /// When the second began that they are counted in.
    pub(crate) since: u64,
    pub(crate) count: u64,
    /// When there was last no room for one; 0 for never.
    pub(crate) refused_at: u64,
}

/// Where a process has entered.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Entered {
    /// [`GateKey::id`] of the workload; 0 for the one that it is of, when user space has found it.
    pub(crate) workload: u64,
    /// Start of the thread group, since its number is used again: nanoseconds since boot, or
    /// [`STARTED_IN_TICKS`](rinit_trace_common::STARTED_IN_TICKS) and clock ticks, which is what `/proc`
    /// shows.
    pub(crate) start: u64,
}

/// A workload. A pid namespace: `ns_id`, or the inum, with its reaper's start time. A container in a
/// shared one: its cgroup, with [`rinit_trace_common::CONTAINER_KEY`].
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct GateKey {
    pub(crate) id: u64,
    pub(crate) reaper_start: u64,
}

/// What makes two signals equal.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct FoldKey {
    pub(crate) workload: GateKey,
    pub(crate) sender: u32,
    pub(crate) target: u32,
    pub(crate) signal: u32,
    pub(crate) result: u32,
}

/// When the first of them was recorded, and how many have come since then, with it.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct FoldState {
    pub(crate) at: u64,
    pub(crate) count: u64,
}

/// Adds one to a slot of [`COUNTERS`]; `slot` is a constant of [`counter`] or a record kind.
#[inline(always)]
pub(crate) fn count(slot: u32) {
    if let Some(slots) = COUNTERS.get_ptr_mut(0) {
        // SAFETY: the map hands out this CPU's own element, and the callers' constants are in
        // range. A program that interrupts another on the same CPU can at worst lose one count; this
        // target has no atomic addition.
        unsafe { *slots.cast::<u64>().add(slot as usize) += 1 }
    }
}

/// Notes that a record of a workload is missing, and counts it in `slot`.
#[inline(always)]
pub(crate) fn lose(place: &Place, slot: u32) {
    let key = place.key();
    let marks = if place.is_of_root() {
        &LOST
    } else {
        &LOST_OF_USERS
    };
    // The mark first: a loss that is counted and has no mark puts others in doubt.
    if let Some(lost) = marks.get_ptr_mut(key) {
        // SAFETY: the map hands out this CPU's own live value.
        unsafe { *lost += 1 }
    } else {
        // A full LRU table evicts the oldest mark; the counter still has it.
        let _ = marks.insert(key, 1, 0);
    }
    if !place.is_of_root() {
        count(counter::LOST_OF_USERS);
    }
    count(slot);
}
