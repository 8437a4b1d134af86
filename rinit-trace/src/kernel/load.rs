//! From an object to a kernel side that has passed its self-test: one way after the other.

use std::{
    io,
    time::{Duration, Instant},
};

use aya::{
    Btf, Ebpf, EbpfLoader,
    maps::{Array, HashMap, PerCpuArray, PerCpuHashMap, RingBuf},
};
use aya_log::EbpfLogger;
use rinit_trace_common::{Config, Offsets, STOP_SIGNALS, SignalRecord, feature};
use zerocopy::IntoBytes as _;

use super::{
    Kernel, KernelOptions, Ring, StartError, SystemInfo,
    attach::{self, HOOKS, Hook, Mechanism, TEARDOWN_FUNCTION},
    misses::Misses,
    objects::{self, WAYS, Way},
    self_test,
};

/// How long the record of the self-test may take.
const SELF_TEST_TIME: Duration = Duration::from_secs(2);

/// When the signal of the self-test is sent again.
const SELF_TEST_RETRY: Duration = Duration::from_millis(20);

/// What the preflight found out about the running kernel.
pub(super) struct Machine {
    /// Where its members are.
    pub(super) offsets: Offsets,
    /// Its own BTF.
    pub(super) btf: Option<Btf>,
    /// Why it is not read by direct loads.
    pub(super) no_direct_loads: Option<&'static str>,
    /// Whether locked memory is without a limit.
    pub(super) memlock: io::Result<()>,
}

/// Loads, attaches and tests: the first way that works, of those that are asked for.
pub(super) fn first_that_works(
    options: &KernelOptions,
    info: &mut SystemInfo,
    machine: &Machine,
) -> Result<Kernel, StartError> {
    let mut last = None;
    for way in &WAYS {
        if options
            .tracepoints
            .is_some_and(|asked| asked.mechanism() != way.tracepoints)
        {
            continue;
        }
        let direct = way.tracepoints == Mechanism::BtfTracepoint;
        if let Some(reason) = machine.no_direct_loads.filter(|_| direct) {
            // Of all ways by direct loads.
            let refused = format!("{}: {reason}", way.tracepoints.name());
            if !info.not_taken.contains(&refused) {
                info.not_taken.push(refused);
            }
            last.get_or_insert(StartError::Mechanism {
                hook: HOOKS[0].name,
                mechanism: way.tracepoints,
                reason: reason.to_owned(),
                option: "--attach",
            });
            continue;
        }
        match start(options, info, machine, way) {
            Ok(kernel) => return Ok(kernel),
            // The other ways would say the same.
            Err(StartError::Load(reason)) => {
                return Err(StartError::Load(objects::with_memlock(
                    reason,
                    &machine.memlock,
                )));
            }
            Err(error @ StartError::Mechanism { hook, .. }) if hook == TEARDOWN_FUNCTION => {
                return Err(error);
            }
            Err(error) => {
                tracing::debug!("{}: {error}", way.name);
                info.not_taken.push(format!("{}: {error}", way.name));
                last = Some(error);
            }
        }
    }
    match last {
        Some(StartError::SelfTest(differed)) if options.btf.is_some() => {
            Err(StartError::SelfTest(format!(
                "{differed}; the BTF file is another kernel's, it seems: give that of exactly this one"
            )))
        }
        Some(StartError::Attach { hook, .. })
            if machine.no_direct_loads.is_some()
                && info.lockdown.as_deref() == Some("confidentiality") =>
        {
            Err(StartError::Lockdown { hook })
        }
        Some(error) => Err(error),
        None => Err(StartError::Load("no way was tried".to_owned())),
    }
}

fn start(
    options: &KernelOptions,
    info: &mut SystemInfo,
    machine: &Machine,
    way: &Way,
) -> Result<Kernel, StartError> {
    info.features.probe_read = way.probe_read;
    info.self_test = None;
    let failed = |error: &dyn std::error::Error| StartError::Load(attach::one_line(error));
    let config = config(options, info, &machine.offsets);
    let mut ebpf = EbpfLoader::new()
        .btf(machine.btf.as_ref())
        .override_global("OFFSETS", machine.offsets.as_bytes(), true)
        .override_global("CONFIG", config.as_bytes(), true)
        .map_max_entries("EVENTS", options.ring_bytes)
        .load(way.object)
        .map_err(|error| failed(&error))?;
    attach_all(&mut ebpf, options, info, machine, way)?;
    let mut kernel = kernel(ebpf)?;
    kernel.watch_misses();
    run_self_test(&mut kernel, info)?;
    kernel.info = info.clone();
    Ok(kernel)
}

/// Attaches every hook; fails when a required one, or what was asked for, cannot be.
fn attach_all(
    ebpf: &mut Ebpf,
    options: &KernelOptions,
    info: &mut SystemInfo,
    machine: &Machine,
    way: &Way,
) -> Result<(), StartError> {
    info.probes.clear();
    for hook in HOOKS {
        let allowed = mechanisms(hook, options, way);
        let attached = attach::attach(ebpf, machine.btf.as_ref(), hook, &allowed);
        let refused = attached.refused.last().cloned();
        let is_attached = attached.mechanism.is_some();
        info.probes.push(attached);
        let Some(refused) = refused.filter(|_| !is_attached) else {
            continue;
        };
        if hook.required {
            return Err(StartError::Attach {
                hook: hook.name,
                reason: refused.reason,
            });
        }
        if hook.name == TEARDOWN_FUNCTION && options.teardown.is_some() {
            return Err(StartError::Mechanism {
                hook: hook.name,
                mechanism: refused.mechanism,
                reason: refused.reason,
                option: "--teardown",
            });
        }
    }
    Ok(())
}

/// By what a hook may be attached.
fn mechanisms(hook: &Hook, options: &KernelOptions, way: &Way) -> Vec<Mechanism> {
    if hook.name != TEARDOWN_FUNCTION {
        return vec![way.tracepoints];
    }
    match options.teardown {
        None => vec![Mechanism::Fentry, Mechanism::Kprobe],
        Some(asked) => asked.mechanism().into_iter().collect(),
    }
}

/// Takes what user space works with out of a loaded object.
fn kernel(mut ebpf: Ebpf) -> Result<Kernel, StartError> {
    let failed = |error: &dyn std::error::Error| StartError::Load(attach::one_line(error));
    let missing = |name: &str| StartError::Load(format!("the eBPF object has no map {name}"));
    let mut take = |name: &'static str| ebpf.take_map(name).ok_or_else(|| missing(name));
    let ring = RingBuf::try_from(take("EVENTS")?).map_err(|error| failed(&error))?;
    let counters = PerCpuArray::try_from(take("COUNTERS")?).map_err(|error| failed(&error))?;
    let mut gates = |name| HashMap::try_from(take(name)?).map_err(|error| failed(&error));
    let gates = [gates("GATES")?, gates("GATES_OF_USERS")?];
    let mut lost = |name| PerCpuHashMap::try_from(take(name)?).map_err(|error| failed(&error));
    let lost = [lost("LOST")?, lost("LOST_OF_USERS")?];
    let stop_signals =
        HashMap::try_from(take("STOP_SIGNALS_OF")?).map_err(|error| failed(&error))?;
    let mut mains = |name| HashMap::try_from(take(name)?).map_err(|error| failed(&error));
    let mains = [mains("MAINS")?, mains("MAINS_OF_USERS")?];
    let entered = HashMap::try_from(take("ENTERED")?).map_err(|error| failed(&error))?;
    let switch = Array::try_from(take("SELF_TEST")?).map_err(|error| failed(&error))?;
    Ok(Kernel {
        ring: Ring::new(ring).map_err(|error| failed(&error))?,
        info: SystemInfo::default(),
        counters,
        gates,
        lost,
        stop_signals,
        mains,
        entered,
        switch,
        log: EbpfLogger::init(&mut ebpf).ok(),
        misses: Misses::default(),
        ebpf,
    })
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
        offsets.task_real_cred != 0 && offsets.cred_euid != 0,
        feature::CREDS,
    );
    set(offsets.kernfs_iattr != 0, feature::CGROUP_OWNERS);
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
        budget: options.budget,
        pad: 0,
    }
}

fn run_self_test(kernel: &mut Kernel, info: &mut SystemInfo) -> Result<(), StartError> {
    turn_self_test(kernel, 1)?;
    let record = provoke(kernel);
    turn_self_test(kernel, 0)?;
    if let Some(log) = &mut kernel.log {
        log.flush();
    }
    let Some(record) = record else {
        info.self_test = Some(self_test::SelfTest::default());
        let unseen = "the probe did not see a signal that this process sent itself";
        return Err(StartError::SelfTest(self_test::explained(unseen)));
    };
    let result = self_test::compare(&record);
    let differed = self_test::explained(&result.differed.join("; "));
    let passed = result.passed;
    info.self_test = Some(result);
    if passed {
        Ok(())
    } else {
        Err(StartError::SelfTest(differed))
    }
}

fn turn_self_test(kernel: &mut Kernel, on: u32) -> Result<(), StartError> {
    kernel
        .switch
        .set(0, on, 0)
        .map_err(|error| StartError::Load(attach::one_line(&error)))
}

/// Signals this process and waits for the record. Records of others that come in between are
/// dropped: nothing is traced yet.
fn provoke(kernel: &mut Kernel) -> Option<SignalRecord> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::attach::Teardown;

    #[test]
    fn a_teardown_that_is_asked_for_is_tried_alone() {
        let way = &WAYS[2];
        let zap = HOOKS.iter().find(|hook| hook.name == TEARDOWN_FUNCTION);
        let of = |teardown| {
            let options = KernelOptions {
                teardown,
                ..KernelOptions::default()
            };
            mechanisms(zap.unwrap(), &options, way)
        };
        assert_eq!(of(None), [Mechanism::Fentry, Mechanism::Kprobe]);
        assert_eq!(of(Some(Teardown::Kprobe)), [Mechanism::Kprobe]);
        assert_eq!(of(Some(Teardown::Inferred)), []);
        let options = KernelOptions::default();
        assert_eq!(
            mechanisms(&HOOKS[0], &options, way),
            [Mechanism::RawTracepoint]
        );
    }
}
