//! One loaded and attached kernel side.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use aya::{
    EbpfLoader,
    maps::{Array, HashMap, MapData, PerCpuArray, RingBuf},
};
use aya_log::EbpfLogger;
use rinit_trace_common::{Config, Offsets, STOP_SIGNALS, counter, feature, kind};
use zerocopy::IntoBytes as _;

use super::{
    Ring, SystemInfo,
    attach::{self, HOOKS, Mechanism},
    offsets, preflight, self_test,
};

/// The eBPF object, aligned for the ELF reader.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/rinit-trace-ebpf.o"));

/// How long the record of the self-test may take.
const SELF_TEST_TIME: Duration = Duration::from_secs(2);

/// When the signal of the self-test is sent again.
const SELF_TEST_RETRY: Duration = Duration::from_millis(20);

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
    /// BTF of the running kernel.
    pub btf: PathBuf,
    /// Mechanisms for the teardown that may be tried; empty for inference alone.
    pub teardown: Vec<Mechanism>,
    /// The fault switch of the tests: one record in so many counts as lost; 0 for none.
    pub drop_one_in: u32,
}

impl Default for KernelOptions {
    fn default() -> Self {
        Self {
            target: None,
            ring_bytes: 4 << 20,
            btf: PathBuf::from(preflight::KERNEL_BTF),
            teardown: vec![Mechanism::Fentry, Mechanism::Kprobe],
            drop_one_in: 0,
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
    #[error(
        "cannot create the eBPF maps: {0}; kernels before 5.8 have no ring buffer; rinit-trace needs 6.1 or newer"
    )]
    Load(String),
    /// A required probe.
    #[error("cannot attach the required probe {hook}: {reason}; kernels from 6.1 on take it")]
    Attach {
        /// Which.
        hook: &'static str,
        /// The kernel's reason.
        reason: String,
    },
    /// The probe sees something else than `/proc`.
    #[error("the self-test failed, nothing is traced rather than traced wrongly: {0}")]
    SelfTest(String),
}

fn join(problems: &[preflight::Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("; and ")
}

/// Records that were lost, and what was folded, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Lost records by kind.
    pub by_kind: [u64; kind::COUNT],
    /// Gates that could not be opened: exits that were not recorded.
    pub gates_refused: u64,
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
    counters: PerCpuArray<MapData, [u64; counter::COUNT as usize]>,
    gates: HashMap<MapData, [u64; 2], u64>,
    lost: HashMap<MapData, [u64; 2], u64>,
    /// By kernfs id of a cgroup: that of its container's, and the container's main process or 0.
    containers: HashMap<MapData, u64, [u64; 2]>,
    /// Messages of the kernel side: none but the self-test's.
    log: Option<EbpfLogger<&'static dyn log::Log>>,
    /// The self-test's switch.
    switch: Array<MapData, u32>,
    /// Keeps programs and links alive.
    ebpf: aya::Ebpf,
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
        info.btf = options.btf.display().to_string();
        let btf = preflight::run(&options.btf, &info.kernel).map_err(StartError::Preflight)?;
        let offsets = offsets::read(&btf)?;
        info.features.namespace_ids = offsets.ns_id != 0;
        info.features.group_dead_argument = btf
            .tracepoint("sched_process_exit")
            .is_some_and(|arguments| arguments.len() > 1);
        info.features.victim_is_task = btf
            .tracepoint("mark_victim")
            .is_some_and(|arguments| arguments.first() == Some(&true));
        drop(btf);
        let kernel_btf = aya::Btf::parse_file(&options.btf, aya::Endianness::default())
            .map_err(|error| StartError::Load(attach::one_line(&error)))?;

        // Probe reads are refused under lockdown=confidentiality, in ways that differ by kernel:
        // a trial load decides.
        let mut last = None;
        for probe_read in [true, false] {
            info.features.probe_read = probe_read;
            match load(options, info, &offsets, &kernel_btf) {
                Ok(kernel) => return Ok(kernel),
                Err(error @ StartError::Attach { .. }) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or(StartError::Load("no variant was tried".to_owned())))
    }

    /// What was lost so far. One system call.
    pub fn losses(&self) -> Losses {
        let mut losses = Losses::default();
        // The element is there and the map is ours: only a closed descriptor could fail.
        let Ok(values) = self.counters.get(&0, 0) else {
            return losses;
        };
        let slot = |index: usize| -> u64 { values.iter().map(|slots| slots[index]).sum() };
        for (index, lost) in losses.by_kind.iter_mut().enumerate() {
            *lost = slot(index);
        }
        losses.passed = slot(counter::SIGNALS_PASSED as usize);
        losses.folded = slot(counter::SIGNALS_FOLDED as usize);
        losses.gates_refused = slot(counter::GATES_REFUSED as usize);
        losses
    }

    /// How many records of each namespace were lost since the start, as (id, start of its init,
    /// count); the id is its `ns_id`, or its inum on kernels without. Bounded: the oldest marks give
    /// way, [`losses`](Self::losses) still counts them.
    pub fn lost_by_namespace(&self) -> Vec<(u64, u64, u64)> {
        self.lost
            .iter()
            .filter_map(Result::ok)
            .map(|([id, init_start], count)| (id, init_start, count))
            .collect()
    }

    /// Runs and time of each program; all zero unless the kernel keeps statistics
    /// (`kernel.bpf_stats_enabled`).
    pub fn program_times(&self) -> Vec<ProgramTime> {
        HOOKS
            .iter()
            .chain([&attach::EMPTY])
            .flat_map(|hook| hook.programs)
            .filter_map(|(name, _)| {
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
    pub fn attach_empty(&mut self, btf: &aya::Btf) -> Result<(), StartError> {
        attach::attach(&mut self.ebpf, btf, &attach::EMPTY)
            .mechanism
            .map(drop)
            .ok_or_else(|| StartError::Load("the empty program was refused".to_owned()))
    }

    fn turn_self_test(&mut self, on: u32) -> Result<(), StartError> {
        self.switch
            .set(0, on, 0)
            .map_err(|error| StartError::Load(attach::one_line(&error)))
    }

    /// Closes the gate of a workload: its members' exits are no longer recorded. `key` is its
    /// `WorkloadId::kernel_key`.
    pub fn close_gate(&mut self, (id, start): (u64, u64)) {
        // Not there: the kernel side never opened it, or it is closed already.
        let _ = self.gates.remove(&[id, start]);
    }

    /// Tells the kernel side of a container that was there before and shares a pid namespace: kernfs
    /// ids of its cgroup and of the one that its main process is in, and that process.
    pub fn know_container(&mut self, cgroup: u64, inner: u64, main: u32) {
        // The kernel side has seen its main process start: it knows better.
        if self
            .containers
            .get(&cgroup, 0)
            .is_ok_and(|[_, main]| main != 0)
        {
            return;
        }
        let mut known = self.containers.insert(cgroup, [cgroup, u64::from(main)], 0);
        if inner != cgroup {
            known = known.and_then(|()| self.containers.insert(inner, [cgroup, 0], 0));
        }
        if let Err(error) = known {
            tracing::warn!(
                "the container with main process {main} is not traced: {}",
                attach::one_line(&error)
            );
        }
    }
}

fn load(
    options: &KernelOptions,
    info: &mut SystemInfo,
    offsets: &Offsets,
    kernel_btf: &aya::Btf,
) -> Result<Kernel, StartError> {
    let config = config(options, info, offsets);
    let failed = |error: &dyn std::error::Error| StartError::Load(attach::one_line(error));
    let mut ebpf = EbpfLoader::new()
        .btf(Some(kernel_btf))
        .override_global("OFFSETS", offsets.as_bytes(), true)
        .override_global("CONFIG", config.as_bytes(), true)
        .map_max_entries("EVENTS", options.ring_bytes)
        .load(OBJECT)
        .map_err(|error| failed(&error))?;

    info.probes.clear();
    for hook in HOOKS {
        let is_teardown = hook.name == attach::TEARDOWN_FUNCTION;
        if is_teardown && options.teardown.is_empty() {
            continue;
        }
        let attached = attach::attach(&mut ebpf, kernel_btf, hook);
        let refused = attached.required && attached.mechanism.is_none();
        let reason = attached
            .refused
            .last()
            .map(|refused| refused.reason.clone());
        info.probes.push(attached);
        if refused {
            return Err(StartError::Attach {
                hook: hook.name,
                reason: reason.unwrap_or_default(),
            });
        }
    }
    let missing = |name: &str| StartError::Load(format!("the eBPF object has no map {name}"));
    let mut take = |name: &'static str| ebpf.take_map(name).ok_or_else(|| missing(name));
    let ring = RingBuf::try_from(take("EVENTS")?).map_err(|error| failed(&error))?;
    let counters = PerCpuArray::try_from(take("COUNTERS")?).map_err(|error| failed(&error))?;
    let gates = HashMap::try_from(take("GATES")?).map_err(|error| failed(&error))?;
    let lost = HashMap::try_from(take("LOST")?).map_err(|error| failed(&error))?;
    let containers = HashMap::try_from(take("CONTAINERS")?).map_err(|error| failed(&error))?;
    let switch = Array::try_from(take("SELF_TEST")?).map_err(|error| failed(&error))?;
    let mut kernel = Kernel {
        ring: Ring::new(ring).map_err(|error| failed(&error))?,
        info: SystemInfo::default(),
        counters,
        gates,
        lost,
        containers,
        switch,
        log: EbpfLogger::init(&mut ebpf).ok(),
        ebpf,
    };
    run_self_test(&mut kernel, info)?;
    kernel.info = info.clone();
    Ok(kernel)
}

fn config(options: &KernelOptions, info: &SystemInfo, offsets: &Offsets) -> Config {
    let mut features = 0;
    let mut set = |wanted: bool, bit: u32| {
        if wanted {
            features |= bit;
        }
    };
    set(info.features.probe_read, feature::PROBE_READ);
    set(info.features.group_dead_argument, feature::GROUP_DEAD_ARG);
    set(info.features.victim_is_task, feature::VICTIM_IS_TASK);
    set(info.features.namespace_ids, feature::NS_ID);
    set(
        offsets.css_set_pids != 0 && crate::runtime::cgroup::has_v1_pids(),
        feature::CGROUP_V1,
    );
    Config {
        interest: STOP_SIGNALS,
        target_container: options.target.map_or(0, |target| target.container),
        features,
        target_inum: options.target.map_or(0, |target| target.inum),
        target_reaper: options.target.map_or(0, |target| target.init),
        drop_one_in: options.drop_one_in,
    }
}

fn run_self_test(kernel: &mut Kernel, info: &mut SystemInfo) -> Result<(), StartError> {
    kernel.turn_self_test(1)?;
    let record = provoke(kernel);
    kernel.turn_self_test(0)?;
    if let Some(log) = &mut kernel.log {
        log.flush();
    }
    let Some(record) = record else {
        info.self_test = Some(self_test::SelfTest::default());
        return Err(StartError::SelfTest(
            "the probe did not see a signal that this process sent itself".to_owned(),
        ));
    };
    let result = self_test::compare(&record);
    let mut differed = result.differed.join("; ");
    if self_test::has_pids_of_its_own() {
        differed.push_str(
            "; this process is in a pid namespace of its own: run it with the host's pids (`docker run --pid=host`, `hostPID: true`)",
        );
    }
    let passed = result.passed;
    info.self_test = Some(result);
    if passed {
        Ok(())
    } else {
        Err(StartError::SelfTest(differed))
    }
}

/// Signals this process and waits for the record. Records of others that come in between are
/// dropped: nothing is traced yet.
fn provoke(kernel: &mut Kernel) -> Option<rinit_trace_common::SignalRecord> {
    let own = rustix::process::getpid();
    let deadline = Instant::now() + SELF_TEST_TIME;
    let mut next = Instant::now();
    let mut batch = Vec::new();
    while Instant::now() < deadline {
        // More than once: a small ring may be full of what others do.
        if Instant::now() >= next {
            rustix::process::kill_process(own, rustix::process::Signal::URG).ok()?;
            next = Instant::now() + SELF_TEST_RETRY;
        }
        kernel.ring.drain(&mut batch);
        if let Some(record) = batch.iter().find_map(|bytes| self_test::is_own(bytes)) {
            return Some(record);
        }
        batch.clear();
        std::thread::yield_now();
    }
    None
}
