//! Where a process lives: which workload it is part of, and what number it has there.
//!
//! A workload is a pid namespace, with the namespaces in it whose inits are in the same container
//! (browser sandboxes, at any depth); or, where containers share a pid namespace, the host's too, the
//! cgroup of one container. It is looked for from the outside in, so that a process of any depth has
//! one: the numbers of the outer namespaces are at the same offsets in every `struct pid`.
//!
//! What is found is kept in a map and read back from there. The verifier follows every combination
//! of values that registers and the stack may hold; of a map's value it knows nothing, so that the
//! ways to the same answer become one.

use core::ptr::{read_volatile, write_volatile};

use rinit_trace_common::{CONTAINER_KEY, feature};

use crate::{
    cgroup::{self, Container},
    globals::{has, offset},
    maps::{GateKey, Main, SCRATCH},
    reads::{Kernel, load},
};

/// Deepest pid namespace that a workload is looked for in: host, container, and two containers nested
/// in one. A container that is nested deeper is told by its cgroup.
const DEEPEST: u32 = 3;

/// Elements of [`SCRATCH`], one for each program that needs a place.
pub(crate) mod slot {
    /// `signal_generate`
    pub(crate) const SIGNAL: u32 = 0;
    /// `signal_deliver`
    pub(crate) const DELIVER: u32 = 1;
    /// `sched_process_exec` and the two behind it
    pub(crate) const EXEC: u32 = 2;
    /// `sched_process_exit` and the two behind it
    pub(crate) const EXIT: u32 = 5;
    /// `sched_process_fork` and the two behind it
    pub(crate) const FORK: u32 = 8;
    /// `cgroup_attach_task`
    pub(crate) const ATTACH: u32 = 11;
    /// The probes on `zap_pid_ns_processes`, of which one is attached
    pub(crate) const TEARDOWN: u32 = 12;
    /// Number of elements
    pub(crate) const COUNT: u32 = 13;
}

/// What a program works with beside its registers and its stack.
#[repr(C)]
pub(crate) struct Scratch {
    /// The task that an event is about.
    pub(crate) target: Place,
    /// The task that made it.
    pub(crate) sender: Place,
    pub(crate) name: cgroup::Name,
}

impl Scratch {
    /// This program's own; `None` never happens, but the verifier asks for it.
    #[inline(always)]
    pub(crate) fn of(slot: u32) -> Option<*mut Self> {
        SCRATCH.get_ptr_mut(slot)
    }
}

/// A process's workload and its number there.
#[repr(C)]
pub(crate) struct Place {
    /// The container that its cgroup is of, or 0.
    own: Container,
    /// The same of the inits of the namespaces around it, the outermost first; of one that is in no
    /// container that of the namespace around.
    inits: [Container; DEEPEST as usize],
    /// The container's cgroup, when that makes the workload; else 0.
    container: u64,
    /// What names the workload, as [`GateKey`].
    id: u64,
    key_start: u64,
    /// `ns_id` of the workload's pid namespace; 0 on kernels without.
    ns_id: u64,
    /// Start of that namespace's init.
    reaper_start: u64,
    /// Depth of the workload's pid namespace; 0 is the host's.
    level: u32,
    /// Thread group id in that namespace.
    ns_tgid: u32,
    /// Depth of the innermost pid namespace.
    depth: u32,
    /// Number of the workload's pid namespace.
    inum: u32,
    /// Thread group of that namespace's init, host numbering.
    reaper: u32,
    /// Tasks with a number in that namespace; the top bit (`PIDNS_ADDING`) only says that new numbers
    /// may be given out.
    allocated: u32,
    /// The first process that entered the container; 0 when not known.
    main: u32,
    /// 1 when the workload is a container in a cgroup that only root can make.
    of_root: u32,
}

/// Readers of what [`find`] wrote. The verifier must not know it, so the compiler must not either.
macro_rules! readers {
    ($($name:ident: $type:ty),+ $(,)?) => {
        impl Place {
            $(#[inline(always)]
            pub(crate) fn $name(&self) -> $type {
                // SAFETY: a member of a live value.
                unsafe { read_volatile(&raw const self.$name) }
            })+
        }
    };
}
readers!(
    container: u64, id: u64, key_start: u64, ns_id: u64, reaper_start: u64, level: u32, ns_tgid: u32, depth: u32,
    inum: u32, reaper: u32, allocated: u32, main: u32, of_root: u32,
);

/// Runs `$then` with a depth as a literal, for the depths that workloads are looked for in. One
/// constant index per depth: a variable one on a typed pointer is refused up to 6.1.
macro_rules! at_level {
    ($level:expr, $then:ident) => {
        if $level == 0 {
            $then!(0)
        } else if $level == 1 {
            $then!(1)
        } else if $level == 2 {
            $then!(2)
        } else {
            $then!(3)
        }
    };
}
pub(crate) use at_level;

macro_rules! set {
    ($place:ident.$member:ident = $value:expr) => {
        write_volatile(&raw mut (*$place).$member, $value)
    };
}

/// Finds out where a task lives.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`; `place` and `name` point to live values that nobody
/// else uses.
#[inline(always)]
pub(crate) unsafe fn find(task: Kernel, place: *mut Place, name: *mut cgroup::Name) {
    // SAFETY: as the caller's.
    unsafe {
        let signal: Kernel = load(task, offset!(task_signal));
        let pid: Kernel = load(signal, offset!(signal_pid_tgid));
        set!(place.depth = load(pid, offset!(pid_level)));
        set!(place.own = Container::NONE);
        if has(feature::PROBE_READ) {
            cgroup::container(cgroup::own(task), &raw mut (*place).own, name);
        }
        macro_rules! around {
            ($index:literal) => {
                if (*place).depth() >= $index {
                    let around = if $index == 1 {
                        Container::NONE
                    } else {
                        read_volatile(&raw const (*place).inits[$index - 2])
                    };
                    let init = &raw mut (*place).inits[$index - 1];
                    let reaper: Kernel = load(namespace(pid, $index), offset!(ns_child_reaper));
                    if has(feature::PROBE_READ) {
                        cgroup::container(cgroup::own(reaper), init, name);
                        if (*init).id() == 0 {
                            write_volatile(init, around);
                        }
                    } else {
                        // Without names each cgroup may be a container's.
                        write_volatile(init, Container::of(cgroup::id(reaper)));
                    }
                }
            };
        }
        around!(1);
        around!(2);
        around!(3);
        choose(place);
        find_main(place);
        macro_rules! read {
            ($index:literal) => {{
                set!(place.ns_tgid = number(pid, $index));
                read_namespace(namespace(pid, $index), place);
            }};
        }
        at_level!((*place).level(), read);
        set_key(place);
    }
}

#[inline(always)]
unsafe fn set_key(place: *mut Place) {
    // SAFETY: as the caller's of `find`.
    unsafe {
        let container = (*place).container();
        if container != 0 {
            set!(place.id = container);
            set!(place.key_start = CONTAINER_KEY);
        } else {
            let ns_id = if has(feature::NS_ID) {
                (*place).ns_id()
            } else {
                u64::from((*place).inum())
            };
            set!(place.id = ns_id);
            set!(place.key_start = (*place).reaper_start());
        }
    }
}

/// The outermost namespace whose init is in the process's container. Where there is none the process
/// is of a container that shares a namespace with others; or in no container, as after `nsenter` from a
/// login session, and then of the workload of its own namespace.
#[inline(always)]
unsafe fn choose(place: *mut Place) {
    // SAFETY: as the caller's of `find`.
    unsafe {
        let deepest = (*place).depth().min(DEEPEST);
        set!(place.level = deepest);
        set!(place.container = (*place).own());
        set!(place.main = 0);
        // Where names cannot be read nobody can be told apart.
        let of_root = if has(feature::PROBE_READ) {
            (*place).own.of_root()
        } else {
            1
        };
        set!(place.of_root = of_root);
        if deepest == 0 {
            return;
        }
        let mut wanted = (*place).own();
        if wanted == 0 {
            let last = (deepest as usize - 1) & 3;
            wanted = if last < DEEPEST as usize {
                (*(&raw const (*place).inits).cast::<Container>().add(last)).id()
            } else {
                0
            };
        }
        macro_rules! consider {
            ($index:literal) => {
                if deepest >= $index && (*place).inits[$index - 1].id() == wanted {
                    set!(place.level = $index);
                    set!(place.container = 0);
                    if has(feature::PROBE_READ) {
                        set!(place.of_root = (*place).inits[$index - 1].of_root());
                    }
                }
            };
        }
        // The outermost comes last and stays.
        consider!(3);
        consider!(2);
        consider!(1);
    }
}

/// A container whose main process is known to be no init shares its namespace, and so do the processes
/// in namespaces within it (a browser in a pod with `shareProcessNamespace`).
#[inline(always)]
unsafe fn find_main(place: *mut Place) {
    // SAFETY: as the caller's of `find`; values of the map are written whole.
    unsafe {
        let own = (*place).own();
        if own == 0 {
            return;
        }
        if let Some(main) = Main::of(own, (*place).is_delegated()) {
            let level = main.level as u32;
            if level <= DEEPEST && level <= (*place).depth() {
                set!(place.level = level);
                set!(place.container = own);
                set!(place.main = main.tgid as u32);
            }
        }
    }
}

#[inline(always)]
unsafe fn read_namespace(namespace: Kernel, place: *mut Place) {
    // SAFETY: `namespace` is a typed pointer to a `pid_namespace`; as the caller's of `find`.
    unsafe {
        let reaper: Kernel = load(namespace, offset!(ns_child_reaper));
        let leader: Kernel = load(reaper, offset!(task_group_leader));
        set!(place.inum = load(namespace, offset!(ns_inum)));
        set!(
            place.ns_id = if has(feature::NS_ID) {
                load(namespace, offset!(ns_id))
            } else {
                0
            }
        );
        set!(place.allocated = load(namespace, offset!(ns_pid_allocated)));
        set!(place.reaper = load(reaper, offset!(task_tgid)));
        set!(place.reaper_start = load(leader, offset!(task_start)));
    }
}

#[inline(always)]
unsafe fn number(pid: Kernel, index: usize) -> u32 {
    // SAFETY: `pid` is a typed pointer to a `struct pid`, and `index` a constant.
    unsafe { load(pid, offset!(pid_numbers) + index * offset!(upid_size)) }
}

#[inline(always)]
unsafe fn namespace(pid: Kernel, index: usize) -> Kernel {
    let upid = offset!(pid_numbers) + index * offset!(upid_size);
    // SAFETY: as in `number`.
    unsafe { load(pid, upid + offset!(upid_ns)) }
}

/// Thread group id of a task in its innermost pid namespace.
///
/// # Safety
/// `task` is a typed pointer to a `task_struct`, `depth` that of its pid namespace.
#[inline(always)]
pub(crate) unsafe fn inner_tgid(task: Kernel, depth: u32) -> u32 {
    // SAFETY: as the caller's.
    unsafe {
        let signal: Kernel = load(task, offset!(task_signal));
        let pid: Kernel = load(signal, offset!(signal_pid_tgid));
        inner_number(pid, depth)
    }
}

#[cfg(not(feature = "probe-reads"))]
#[inline(always)]
unsafe fn inner_number(pid: Kernel, depth: u32) -> u32 {
    // The kernel nests no deeper (`MAX_PID_NS_LEVEL`, include/linux/pid_namespace.h).
    macro_rules! pick {
        ($($index:literal)*) => {
            match depth {
                // SAFETY: as in `number`.
                $($index => unsafe { number(pid, $index) },)*
                _ => 0,
            }
        };
    }
    pick!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32)
}

#[cfg(feature = "probe-reads")]
#[inline(always)]
unsafe fn inner_number(pid: Kernel, depth: u32) -> u32 {
    if depth > 32 {
        return 0;
    }
    // SAFETY: as in `number`; a probe read takes any index.
    unsafe { number(pid, depth as usize) }
}

impl Place {
    /// Whether a process there is the main one of its workload: the init of the pid namespace, or the
    /// first that entered the container.
    ///
    /// # Safety
    /// `task` is a typed pointer to the `task_struct` that the place is of.
    #[inline(always)]
    pub(crate) unsafe fn is_main(&self, task: Kernel) -> bool {
        if self.container() == 0 {
            return self.level() > 0 && self.ns_tgid() == 1;
        }
        // Before it is known nothing but the runtime is there, setting it up.
        // SAFETY: as the caller's.
        let tgid: u32 = unsafe { load(task, offset!(task_tgid)) };
        self.main() != 0 && self.main() == tgid
    }

    /// Thread group of the main process, host numbering; 0 when not known.
    #[inline(always)]
    pub(crate) fn main_tgid(&self) -> u32 {
        if self.container() == 0 {
            self.reaper()
        } else {
            self.main()
        }
    }

    /// Whether a process that lives elsewhere is outside of this workload.
    #[inline(always)]
    pub(crate) fn is_outside(&self, other: &Self) -> bool {
        other.inum() != self.inum()
            || (self.container() != 0 && other.container() != self.container())
    }

    /// What names the workload for the gate and for user space.
    #[inline(always)]
    pub(crate) fn key(&self) -> GateKey {
        GateKey {
            id: self.id(),
            reaper_start: self.key_start(),
        }
    }

    /// Tasks with a number in the workload's pid namespace, threads and zombies too.
    #[inline(always)]
    pub(crate) fn tasks(&self) -> u32 {
        self.allocated() & 0x7fff_ffff
    }

    /// The container that its cgroup is of, or 0.
    #[inline(always)]
    pub(crate) fn own(&self) -> u64 {
        self.own.id()
    }

    /// Whether that cgroup is in one that is not root's.
    #[inline(always)]
    pub(crate) fn is_delegated(&self) -> bool {
        self.own.maker() != 0
    }

    /// Whether the workload is a container in a cgroup that only root can make: others are made by users without end.
    #[inline(always)]
    pub(crate) fn is_of_root(&self) -> bool {
        self.of_root() != 0
    }

    /// Where the container of its cgroup is kept.
    #[inline(always)]
    pub(crate) fn own_mut(place: *mut Self) -> *mut Container {
        // SAFETY: only the address of a member is taken.
        unsafe { &raw mut (*place).own }
    }

    /// The first process that enters a container in a shared namespace is its main one.
    #[inline(always)]
    pub(crate) fn set_main(&mut self, tgid: u32) {
        // SAFETY: a member of a live value.
        unsafe { write_volatile(&raw mut self.main, tgid) }
    }
}
