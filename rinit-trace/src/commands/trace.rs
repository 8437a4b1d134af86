//! `rinit-trace` and `rinit-trace --container ID`.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use rinit_trace_core::model::{DroppedSignal, KillsOutsideStop, StopReport};
use tokio::signal::unix::{SignalKind, signal};

mod starting;

use super::{Exit, by_itself, fit, last, one_line, print_report, put, start};
use crate::{
    cli::{Output, TraceArgs},
    privileges::Loader,
    runtime::{self, Found, Target},
    serve::history::{Disk, DiskOptions},
    tracer::{News, Tracer},
};

/// How long the disk is waited for at the end.
const FLUSH: Duration = Duration::from_secs(2);

/// Why waiting ended.
enum Event {
    Report(Box<StopReport>),
    /// Of what is no container of its own right: the sandbox of a pod, or one that was never started.
    NoStop(Box<StopReport>),
    TimedOut,
    Interrupted,
}

/// Traces one workload or all.
/// `verbose`: in full also workloads that ended by themselves.
pub async fn run(args: &TraceArgs, verbose: bool, loader: Loader) -> Result<Exit> {
    if let (true, Some(container)) = (args.last, &args.container) {
        return last::run(args, container).await;
    }
    let printer = Printer::new(args, verbose)?;
    let lookups = Arc::new(start::lookups(&args.host));
    let mut interrupts = Interrupts::new()?;
    let found = match &args.container {
        None => None,
        Some(text) => match runtime::resolve(text, &lookups).await {
            Ok(found) => Some(found),
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
    let target = match &found {
        Some(Found::Running(target)) => Some(&**target),
        Some(Found::NotStarted(_)) | None => None,
    };
    let docker = lookups.docker().clone();
    let mut tracer = start::tracer(&args.host, target, lookups, loader)?;
    match &found {
        Some(Found::Running(target)) => {
            trace_one(&mut tracer, &mut interrupts, &printer, target).await
        }
        Some(Found::NotStarted(container)) => {
            starting::trace(&mut tracer, &mut interrupts, &printer, container, &docker).await
        }
        None => trace_all(&mut tracer, &mut interrupts, &printer).await,
    }
}

/// Where reports go.
struct Printer<'a> {
    args: &'a TraceArgs,
    /// In full also workloads that ended by themselves.
    verbose: bool,
    disk: Option<Disk>,
}

impl<'a> Printer<'a> {
    fn new(args: &'a TraceArgs, verbose: bool) -> Result<Self> {
        let folder = args.history.as_deref();
        let disk = folder.map(|folder| Disk::open(folder, DiskOptions::default()));
        Ok(Self {
            args,
            verbose,
            disk: disk.transpose()?,
        })
    }

    /// One of many. A workload that ended by itself, with nobody killed, is one line for people.
    fn show(&self, report: &StopReport) -> Result<()> {
        let is_text = self.args.output == Output::Text;
        if is_text && !self.verbose && by_itself(report) {
            self.keep(report);
            return put(&one_line(report));
        }
        self.print(report)?;
        if is_text { put("\n") } else { Ok(()) }
    }

    fn print(&self, report: &StopReport) -> Result<()> {
        self.keep(report);
        if self.args.output == Output::Text {
            return print_report(report, Output::Text);
        }
        print_report(&fit(report, &self.args.host), self.args.output)
    }

    fn keep(&self, report: &StopReport) {
        if let Some(disk) = &self.disk {
            disk.append(&fit(report, &self.args.host));
        }
    }

    /// Everything must be on the disk, or it is told what is not.
    fn finish(&self) {
        let Some(disk) = &self.disk else { return };
        let is_written = disk.flush(FLUSH);
        let stats = disk.stats();
        if !is_written || stats.dropped > 0 {
            eprintln!(
                "warning: stops are missing in the history: {} writes failed, {} stops were dropped; look at the disk",
                stats.errors, stats.dropped
            );
        }
    }
}

async fn trace_one(
    tracer: &mut Tracer,
    interrupts: &mut Interrupts,
    printer: &Printer<'_>,
    target: &Target,
) -> Result<Exit> {
    // It may have stopped between the lookup and the attaching of the probes.
    if runtime::start_of(target.init.pid) != Some(target.init.start_ticks) {
        eprintln!(
            "error: {} ended before it could be traced; start it again",
            target.label
        );
        return Ok(Exit::NotTraced);
    }
    eprintln!("tracing {}: waiting for it to stop", target.label);
    let deadline = Deadline::new(printer.args);
    let event = loop {
        match next(tracer, interrupts, &deadline).await {
            // Of another container in the same pid namespace.
            Event::Report(report) | Event::NoStop(report)
                if report.workload.init.pid != target.init.pid => {}
            event => break event,
        }
    };
    match event {
        Event::Report(report) | Event::NoStop(report) => {
            printer.print(&report)?;
            printer.finish();
            Ok(Exit::of(&report))
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
    printer: &Printer<'_>,
) -> Result<Exit> {
    eprintln!("tracing every container of this host; Ctrl-C ends");
    let deadline = Deadline::new(printer.args);
    loop {
        match next(tracer, interrupts, &deadline).await {
            Event::Report(report) => printer.show(&report)?,
            Event::NoStop(_) => {}
            Event::TimedOut | Event::Interrupted => break,
        }
    }
    for news in tracer.finish() {
        match news {
            News::Stop(report) => printer.show(&report)?,
            News::SignalDropped(dropped) => warn_of_dropped(&dropped),
            News::KilledOutsideStop(kills) => warn_of_kills(&kills),
            News::SandboxStop(_) | News::NeverRan(_) | News::Known(_) => {}
        }
    }
    printer.finish();
    warn_of_what_is_missing(tracer);
    Ok(Exit::Ok)
}

/// Until when to wait, if not for ever.
struct Deadline(Option<tokio::time::Instant>);

impl Deadline {
    fn new(args: &TraceArgs) -> Self {
        Self(args.timeout.map(|time| tokio::time::Instant::now() + time))
    }

    async fn passed(&self) {
        match self.0 {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
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

async fn next(tracer: &mut Tracer, interrupts: &mut Interrupts, deadline: &Deadline) -> Event {
    loop {
        tokio::select! {
            news = tracer.next() => match news {
                News::Stop(report) => return Event::Report(report),
                News::SandboxStop(report) | News::NeverRan(report) => {
                    return Event::NoStop(report);
                }
                News::SignalDropped(dropped) => warn_of_dropped(&dropped),
                News::KilledOutsideStop(kills) => warn_of_kills(&kills),
                News::Known(_) => {}
            },
            () = deadline.passed() => return Event::TimedOut,
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
