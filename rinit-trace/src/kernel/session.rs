//! One loaded and attached kernel side.

use std::{
    collections,
    os::fd::{AsFd as _, AsRawFd as _},
    path::PathBuf,
    time::Duration,
};

use aya::maps::{Array, HashMap, MapData, PerCpuArray, PerCpuHashMap};
use aya_log::EbpfLogger;
use rinit_trace_common::{STARTED_IN_TICKS, STOP_SIGNALS, counter, kind, signal_bit};

use super::{
    Ring, SystemInfo,
    attach::{self, HOOKS, Mechanism, Teardown, Tracepoints},
    load,
    misses::{Misses, WATCHED},
    objects, offsets, preflight,
};

/// The one namespace to trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// inum of the pid namespace.
    pub inum: u32,
    /// Its init, host numbering.
    pub init: u32,
    /// kernfs id of the container's cgroup, when it shares this namespace with others; else 0.
    pub container: u64,
}

/// How to start.
#[derive(Clone, Debug)]
pub struct KernelOptions {
    /// Trace this namespace alone.
    pub target: Option<Target>,
    /// Size of the ring buffer in bytes, a power of two of pages.
    pub ring_bytes: u32,
    /// BTF of the running kernel in a file; `None` for its own.
    pub btf: Option<PathBuf>,
    /// How to attach to tracepoints; `None` for the first way that works.
    pub tracepoints: Option<Tracepoints>,
    /// How to watch teardowns: that way or not at all. `None` for the first that works.
    pub teardown: Option<Teardown>,
    /// The fault switch of the tests: one record in so many counts as lost; 0 for none.
    pub drop_one_in: u32,
    /// Records of a workload in a second that do not decide.
    pub budget: u32,
}

/// More than a container makes in a second, and less than what takes the room of others.
pub const BUDGET: u32 = 4096;

impl Default for KernelOptions {
    fn default() -> Self {
        Self {
            target: None,
            ring_bytes: 4 << 20,
            btf: None,
            tracepoints: None,
            teardown: None,
            drop_one_in: 0,
            budget: BUDGET,
        }
    }
}

/// Why the kernel side could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The machine lacks something.
    #[error("{}", join(.0))]
    Preflight(Vec<preflight::Problem>),
    /// A structure that looks different.
    #[error(
        "{0}; this kernel is not supported, please report it with the output of `rinit-trace system-info`"
    )]
    Offsets(#[from] offsets::MissingMember),
    /// The object could not be loaded.
    #[error("cannot create the eBPF maps: {0}")]
    Load(String),
    /// A required probe.
    #[error(
        "cannot attach the required probe {hook}: {reason}; kernels from 5.10 on take it, please report this with the output of `rinit-trace system-info -vv`"
    )]
    Attach {
        /// Which.
        hook: &'static str,
        /// The kernel's reason.
        reason: String,
    },
    /// A mechanism that was asked for.
    #[error("cannot attach {hook} by {}: {reason}; leave out {option} for what this kernel offers", mechanism.name())]
    Mechanism {
        /// To what.
        hook: &'static str,
        /// How.
        mechanism: Mechanism,
        /// The kernel's reason.
        reason: String,
        /// The option that asked for it.
        option: &'static str,
    },
    /// Probe reads, and a kernel that forbids them.
    #[error(
        "cannot attach {hook}: this kernel takes rinit-trace by probe reads only, which lockdown=confidentiality forbids; use lockdown=integrity, or a newer kernel (6.1 or later as a rule), which is read without"
    )]
    Lockdown {
        /// To what.
        hook: &'static str,
    },
    /// The probe sees something else than `/proc`.
    #[error("the self-test failed, nothing is traced rather than traced wrongly: {0}")]
    SelfTest(String),
}

fn join(problems: &[preflight::Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("; and ")
}

/// Bytes of an open gate: one for each signal that it lets pass, whether its workload stops, and two counts of the kernel
/// side's.
const GATE: usize = SIGNALS + 24;
const SIGNALS: usize = 64;

/// Records that were lost, and what was folded, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Lost records by kind.
    pub by_kind: [u64; kind::COUNT],
    /// Gates that could not be opened: exits that were not recorded.
    pub gates_refused: u64,
    /// Containers in shared pid namespaces for which there was no room: their stops are not seen, and no
    /// other is in doubt by that.
    pub containers_refused: u64,
    /// Of [`total`](Self::total) those of workloads that are no containers of root's.
    pub of_users: u64,
    /// Signals that passed the filter.
    pub passed: u64,
    /// Repeated signals folded into one record.
    pub folded: u64,
}

impl Losses {
    /// Everything that makes a report incomplete.
    pub fn total(&self) -> u64 {
        self.by_kind.iter().sum::<u64>() + self.gates_refused
    }
}

/// What a program cost so far.
#[derive(Clone, Debug)]
pub struct ProgramTime {
    /// Its name.
    pub program: &'static str,
    /// How often it ran.
    pub runs: u64,
    /// How long in all.
    pub time: Duration,
}

/// A loaded and attached kernel side. Dropping it detaches everything.
pub struct Kernel {
    /// The records.
    pub ring: Ring,
    /// What was found and attached.
    pub info: SystemInfo,
    pub(super) counters: PerCpuArray<MapData, [u64; counter::COUNT as usize]>,
    /// Open gates: of root's containers, and of users' workloads.
    pub(super) gates: [HashMap<MapData, [u64; 2], [u8; GATE]>; 2],
    /// Masks of configured stop signals by workload.
    pub(super) stop_signals: HashMap<MapData, [u64; 2], u64>,
    /// Lost records by workload, of the same two kinds.
    pub(super) lost: [PerCpuHashMap<MapData, [u64; 2], u64>; 2],
    /// Main process of a container in a shared pid namespace and the depth of that, by the kernfs id of
    /// its cgroup: where that is in one of root's, and where not.
    pub(super) mains: [HashMap<MapData, u64, [u64; 2]>; 2],
    /// By thread group: the workload that it entered from outside, or 0, and its start.
    pub(super) entered: HashMap<MapData, u32, [u64; 2]>,
    /// Messages of the kernel side: none but the self-test's.
    pub(super) log: Option<EbpfLogger<&'static dyn log::Log>>,
    /// The self-test's switch.
    pub(super) switch: Array<MapData, u32>,
    /// What no program saw.
    pub(super) misses: Misses,
    /// Keeps programs and links alive.
    pub(super) ebpf: aya::Ebpf,
}

impl Kernel {
    /// Checks, loads, attaches and tests. `info` tells how far it got, also when it fails.
    pub fn start(options: &KernelOptions, info: &mut SystemInfo) -> Result<Self, StartError> {
        let result = Self::try_start(options, info);
        if let Err(error) = &result {
            info.problems.push(error.to_string());
        }
        result
    }

    fn try_start(options: &KernelOptions, info: &mut SystemInfo) -> Result<Self, StartError> {
        // Before anything is tried: kernels before 5.11 count what is tried, too.
        let memlock = objects::lift_memlock();
        let file = options.btf.as_deref();
        info.btf = preflight::shown(file);
        let btf = preflight::run(file, &info.kernel).map_err(StartError::Preflight)?;
        let offsets = offsets::read(&btf)?;
        info.features.namespace_ids = offsets.ns_id != 0;
        info.features.group_dead_argument = btf
            .tracepoint("sched_process_exit")
            .is_some_and(|arguments| arguments.len() > 1);
        info.features.victim_is_task = btf
            .tracepoint("mark_victim")
            .is_some_and(|arguments| arguments.first() == Some(&true));
        // Types are attached to by their numbers in the kernel's own BTF, whatever the offsets are from.
        let own = aya::Btf::from_sys_fs().ok();
        let no_direct_loads = preflight::no_direct_loads(&btf, own.is_some());
        drop(btf);
        let machine = load::Machine {
            offsets,
            btf: own,
            no_direct_loads,
            memlock,
        };
        load::first_that_works(options, info, &machine)
    }

    /// What was lost so far. `is_due`: records that were drained just now are about to be told.
    pub fn losses(&mut self, is_due: bool) -> Losses {
        let mut losses = Losses::default();
        let slots = self.slots();
        if let Some(lost) = slots.get(..kind::COUNT) {
            losses.by_kind.copy_from_slice(lost);
        }
        let slot = |slot: u32| slots.get(slot as usize).copied().unwrap_or(0);
        losses.passed = slot(counter::SIGNALS_PASSED);
        losses.folded = slot(counter::SIGNALS_FOLDED);
        losses.gates_refused = slot(counter::GATES_REFUSED);
        losses.containers_refused = slot(counter::CONTAINERS_REFUSED);
        losses.of_users = slot(counter::LOST_OF_USERS);
        let mut misses = std::mem::take(&mut self.misses);
        misses.add(&mut losses.by_kind, is_due, || self.slots());
        self.misses = misses;
        losses
    }

    /// The counters of the kernel side, over all CPUs.
    fn slots(&self) -> Vec<u64> {
        // The element is there and the map is ours: only a closed descriptor could fail.
        let Ok(values) = self.counters.get(&0, 0) else {
            return Vec::new();
        };
        (0..counter::COUNT as usize)
            .map(|slot| values.iter().map(|slots| slots[slot]).sum())
            .collect()
    }

    /// Begins to count what programs are left out of.
    pub(super) fn watch_misses(&mut self) {
        let slots = self.slots();
        for (name, kind, recovered) in WATCHED {
            let program = self.ebpf.program(name);
            if let Some(Ok(fd)) = program.map(|program| program.fd()) {
                let fd = fd.as_fd().as_raw_fd();
                self.misses.watch(fd, kind, recovered, &slots);
            }
        }
    }

    /// How many records of each workload were lost since the start, by `WorkloadId::kernel_key`: of root's containers,
    /// and of others. Bounded: the oldest marks give way, [`losses`](Self::losses) still counts them.
    pub fn lost_by_workload(&self) -> [collections::HashMap<(u64, u64), u64>; 2] {
        let marks = |table: &PerCpuHashMap<MapData, [u64; 2], u64>| {
            let marks = table.iter().filter_map(Result::ok);
            marks
                .map(|([id, start], counts)| ((id, start), counts.iter().sum()))
                .collect()
        };
        self.lost.each_ref().map(marks)
    }

    /// Runs and time of each program; all zero unless the kernel keeps statistics
    /// (`kernel.bpf_stats_enabled`).
    pub fn program_times(&self) -> Vec<ProgramTime> {
        HOOKS
            .iter()
            .chain([&attach::EMPTY])
            .flat_map(|hook| {
                // One name in each object.
                let mut names: Vec<&str> = hook.programs.iter().map(|(name, _)| *name).collect();
                names.dedup();
                names.into_iter().chain(hook.later.iter().copied())
            })
            .filter_map(|name| {
                let info = self.ebpf.program(name)?.info().ok()?;
                Some(ProgramTime {
                    program: name,
                    runs: info.run_count(),
                    time: info.run_time(),
                })
            })
            .collect()
    }

    /// Attaches a program that does nothing to `signal_generate`: what benchmarks compare with.
    pub fn attach_empty(&mut self) -> Result<(), StartError> {
        let btf = aya::Btf::from_sys_fs().ok();
        let tracepoints = self.info.probes.first().and_then(|probe| probe.mechanism);
        let allowed = tracepoints.as_slice();
        attach::attach(&mut self.ebpf, btf.as_ref(), &attach::EMPTY, allowed)
            .mechanism
            .map(drop)
            .ok_or_else(|| StartError::Load("the empty program was refused".to_owned()))
    }

    /// Closes the gate of a workload: its members' exits are no longer recorded. `key` is its
    /// `WorkloadId::kernel_key`.
    pub fn close_gate(&mut self, (id, start): (u64, u64)) {
        // Not there: the kernel side never opened it, or it is closed already.
        for gates in &mut self.gates {
            let _ = gates.remove(&[id, start]);
        }
    }

    /// Opens the gate of a workload, for a signal where there is one. Whose it is the kernel side knows: in both
    /// tables.
    pub fn open_gate(&mut self, (id, start): (u64, u64), signal: Option<u32>) {
        let key = [id, start];
        let index = signal.and_then(|signal| usize::try_from(signal.checked_sub(1)?).ok());
        for gates in &mut self.gates {
            let mut gate = gates.get(&key, 0).unwrap_or([0; GATE]);
            if let Some(passes) = index.and_then(|index| gate[..SIGNALS].get_mut(index)) {
                *passes = 1;
            }
            gate[SIGNALS..SIGNALS + 8].copy_from_slice(&1_u64.to_ne_bytes());
            if let Err(error) = gates.insert(key, gate, 0) {
                tracing::warn!(
                    "ends of a container's processes are not recorded: {}",
                    attach::one_line(&error)
                );
            }
        }
    }

    /// Workloads whose gate is open, by `WorkloadId::kernel_key`.
    pub fn open_gates(&self) -> Vec<(u64, u64)> {
        let keys = self.gates.iter().flat_map(HashMap::keys);
        let keys = keys.filter_map(Result::ok);
        keys.map(|[id, start]| (id, start)).collect()
    }

    /// Tells the kernel side of a container that was there before and shares a pid namespace: the kernfs
    /// id of its cgroup, whether that is in one that is not root's, its main process, and the depth of the
    /// namespace, which is 0 for the host's.
    pub fn know_container(&mut self, cgroup: u64, is_delegated: bool, main: u32, level: u32) {
        const NOEXIST: u64 = 1;
        let known = [u64::from(main), u64::from(level)];
        // There already: the kernel side has seen its main process start, and knows better.
        let table = &mut self.mains[usize::from(is_delegated)];
        let is_there = table.get(&cgroup, 0).is_ok();
        if !is_there && let Err(error) = table.insert(cgroup, known, NOEXIST) {
            tracing::warn!(
                "the container with main process {main} is not traced: {}",
                attach::one_line(&error)
            );
        }
    }

    /// Tells the kernel side of a process that entered its workload from outside before the trace, or
    /// descends from one that did: its children are known by that. `start_ticks` is in clock ticks.
    pub fn know_entered(&mut self, tgid: u32, start_ticks: u64) {
        let entered = [0, start_ticks | STARTED_IN_TICKS];
        if let Err(error) = self.entered.insert(tgid, entered, 0) {
            tracing::warn!(
                "process {tgid}, which entered its container from outside, counts as a member of it: {}",
                attach::one_line(&error)
            );
        }
    }

    /// Tells the kernel side of the stop signal that a workload is configured to have: it is recorded
    /// among members from now on. `key` is the workload's `WorkloadId::kernel_key`.
    pub fn know_stop_signal(&mut self, (id, start): (u64, u64), signal: u32) {
        if STOP_SIGNALS & signal_bit(signal) != 0 {
            return;
        }
        if let Err(error) = self.stop_signals.insert([id, start], signal_bit(signal), 0) {
            tracing::warn!(
                "signal {signal}, a container's stop signal, is not recorded among its processes: {}",
                attach::one_line(&error)
            );
        }
    }

    /// A workload is gone: its stop signal is forgotten.
    pub fn forget_stop_signal(&mut self, (id, start): (u64, u64)) {
        // Not there: it was a usual one, or was not known.
        let _ = self.stop_signals.remove(&[id, start]);
    }
}
