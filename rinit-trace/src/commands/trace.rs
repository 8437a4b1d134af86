//! `rinit-trace` and `rinit-trace --container ID`.

use std::{fs, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use rinit_trace_core::model::{DroppedSignal, KillsOutsideStop, StopReport, Trigger, Verdict};
use tokio::signal::unix::{SignalKind, signal};

use super::{Exit, print_report, put};
use crate::{
    cli::{Output, TraceArgs},
    kernel::{self, Kernel, KernelOptions, SystemInfo},
    runtime::{self, LookupConfig, Lookups, Target},
    tracer::{News, Tracer},
};

/// Why waiting ended.
enum Event {
    Report(Box<StopReport>),
    /// Of a pod's sandbox.
    Sandbox(Box<StopReport>),
    TimedOut,
    Interrupted,
}

/// Traces one workload or all.
/// `verbose`: in full also workloads that ended by themselves.
pub async fn run(args: &TraceArgs, verbose: bool) -> Result<Exit> {
    let lookups = Arc::new(lookups(args));
    let mut interrupts = Interrupts::new()?;
    let target = match &args.container {
        None => None,
        Some(text) => match runtime::resolve(text, &lookups).await {
            Ok(target) => Some(target),
            Err(error) => {
                eprintln!("error: {error}");
                return Ok(if error.exit_code() == Exit::Usage.code() {
                    Exit::Usage
                } else {
                    Exit::NotTraced
                });
            }
        },
    };
    let mut tracer = start(args, target.as_ref(), lookups)?;
    match target {
        Some(target) => trace_one(&mut tracer, &mut interrupts, args, &target).await,
        None => trace_all(&mut tracer, &mut interrupts, args, verbose).await,
    }
}

fn lookups(args: &TraceArgs) -> Lookups {
    let mut config = LookupConfig::default();
    if let Some(socket) = &args.docker_socket {
        config.docker_socket.clone_from(socket);
    }
    Lookups::new(config)
}

fn start(args: &TraceArgs, target: Option<&Target>, lookups: Arc<Lookups>) -> Result<Tracer> {
    let options = KernelOptions {
        target: target.map(|target| kernel::Target {
            inum: target.inum,
            init: target.init.pid,
            container: target.cgroup.unwrap_or(0),
        }),
        ring_bytes: args.ring_kib.next_power_of_two().saturating_mul(1024),
        drop_one_in: args.drop_one_in,
        ..KernelOptions::default()
    };
    let mut info = SystemInfo::of_this_machine();
    let kernel = Kernel::start(&options, &mut info)?;
    if target.is_some_and(|target| target.cgroup.is_some()) && !kernel.info.features.probe_read {
        bail!(
            "containers that share a pid namespace cannot be told apart: this kernel does not let eBPF read the names of cgroups (lockdown=confidentiality)"
        );
    }
    for probe in &kernel.info.probes {
        match probe.mechanism {
            Some(mechanism) => tracing::info!("{}: attached by {mechanism:?}", probe.hook),
            None => tracing::info!("{}: not attached; lost: {}", probe.hook, probe.lost_without),
        }
    }
    let skipped = kernel.info.self_test.iter().flat_map(|test| &test.skipped);
    for what in skipped {
        tracing::warn!("not compared in the self-test: {what}; names of processes may be missing");
    }
    let mut tracer = Tracer::new(kernel, lookups, node());
    tracer.learn(match target {
        Some(target) if target.cgroup.is_none() => vec![target.init.clone()],
        _ => runtime::all_namespaces(),
    });
    tracer.learn_shared(runtime::shared_containers());
    Ok(tracer)
}

/// The host's name.
fn node() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

async fn trace_one(
    tracer: &mut Tracer,
    interrupts: &mut Interrupts,
    args: &TraceArgs,
    target: &Target,
) -> Result<Exit> {
    // It may have stopped between the lookup and the attaching of the probes.
    let still_there = runtime::process(target.init.pid)
        .is_some_and(|init| init.start_ticks == target.init.start_ticks);
    if !still_there {
        eprintln!(
            "error: {} ended before it could be traced; start it again",
            target.label
        );
        return Ok(Exit::NotTraced);
    }
    eprintln!("tracing {}: waiting for it to stop", target.label);
    let deadline = Deadline::new(args);
    let event = loop {
        match next(tracer, interrupts, deadline.left()).await {
            // Of another container in the same pid namespace.
            Event::Report(report) | Event::Sandbox(report)
                if report.workload.init.pid != target.init.pid => {}
            event => break event,
        }
    };
    match event {
        Event::Report(report) | Event::Sandbox(report) => {
            print_report(&report, args.output)?;
            Ok(match report.verdict {
                Verdict::Graceful => Exit::Ok,
                Verdict::Forced => Exit::Forced,
                Verdict::Unknown => Exit::NotTraced,
            })
        }
        Event::TimedOut => {
            eprintln!("error: {} has not stopped within the timeout", target.label);
            Ok(Exit::NotTraced)
        }
        Event::Interrupted => {
            eprintln!("error: interrupted before {} stopped", target.label);
            Ok(Exit::NotTraced)
        }
    }
}

async fn trace_all(
    tracer: &mut Tracer,
    interrupts: &mut Interrupts,
    args: &TraceArgs,
    verbose: bool,
) -> Result<Exit> {
    eprintln!("tracing every container of this host; Ctrl-C ends");
    let deadline = Deadline::new(args);
    loop {
        match next(tracer, interrupts, deadline.left()).await {
            Event::Report(report) => show(&report, args, verbose)?,
            Event::Sandbox(_) => {}
            Event::TimedOut | Event::Interrupted => break,
        }
    }
    for news in tracer.finish() {
        match news {
            News::Stop(report) => show(&report, args, verbose)?,
            News::SignalDropped(dropped) => warn_of_dropped(&dropped),
            News::KilledOutsideStop(kills) => warn_of_kills(&kills),
            News::SandboxStop(_) | News::Known(_) => {}
        }
    }
    warn_of_what_is_missing(tracer);
    Ok(Exit::Ok)
}

/// Until when to wait, if not for ever.
struct Deadline(Option<tokio::time::Instant>);

impl Deadline {
    fn new(args: &TraceArgs) -> Self {
        Self(args.timeout.map(|time| tokio::time::Instant::now() + time))
    }

    fn left(&self) -> Option<Duration> {
        let at = self.0?;
        Some(at.saturating_duration_since(tokio::time::Instant::now()))
    }
}

/// Reports that are missing, or may be, are never passed over in silence.
fn warn_of_what_is_missing(tracer: &Tracer) {
    let stats = tracer.stats();
    if stats.correlator.open_stops > 0 {
        eprintln!(
            "warning: stops that were under way and are not reported: {}",
            stats.correlator.open_stops
        );
    }
    let undecodable: u64 = stats.undecodable.iter().sum();
    if stats.losses.total() > 0 || undecodable > 0 {
        eprintln!(
            "warning: {} records were lost and {} could not be read; stops may be missing or unknown (see --ring-kib)",
            stats.losses.total(),
            undecodable
        );
    }
}

/// A workload that ended by itself, with nobody killed, is one line for people.
fn show(report: &StopReport, args: &TraceArgs, verbose: bool) -> Result<()> {
    let by_itself = matches!(
        report.stop.trigger,
        Trigger::InitExit | Trigger::MainChildExit
    ) && report.verdict == Verdict::Graceful;
    if by_itself && args.output == Output::Text && !verbose {
        let text = rinit_trace_core::render::text(
            report,
            &rinit_trace_core::render::TextOptions {
                color: super::wants_color(),
            },
        );
        let line = text.lines().next().unwrap_or_default();
        return put(&format!("{line}\n"));
    }
    print_report(report, args.output)?;
    if args.output == Output::Text {
        put("\n")?;
    }
    Ok(())
}

async fn next(
    tracer: &mut Tracer,
    interrupts: &mut Interrupts,
    timeout: Option<Duration>,
) -> Event {
    let timed_out = async {
        match timeout {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(timed_out);
    loop {
        tokio::select! {
            news = tracer.next() => match news {
                News::Stop(report) => return Event::Report(report),
                News::SandboxStop(report) => return Event::Sandbox(report),
                News::SignalDropped(dropped) => warn_of_dropped(&dropped),
                News::KilledOutsideStop(kills) => warn_of_kills(&kills),
                News::Known(_) => {}
            },
            () = &mut timed_out => return Event::TimedOut,
            () = interrupts.recv() => return Event::Interrupted,
        }
    }
}

/// Before the grace period ends: there is time to do something about it.
pub(super) fn warn_of_dropped(dropped: &DroppedSignal) {
    eprintln!(
        "warning: {}",
        rinit_trace_core::render::dropped_line(dropped)
    );
}

/// No stop, and no report: only this line tells.
fn warn_of_kills(kills: &KillsOutsideStop) {
    eprintln!("warning: {}", rinit_trace_core::render::outside_line(kills));
}

/// Ctrl-C and SIGTERM: this program ends when it is asked to.
pub(super) struct Interrupts {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Interrupts {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("install the SIGINT handler")?,
            terminate: signal(SignalKind::terminate()).context("install the SIGTERM handler")?,
        })
    }

    pub(super) async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
