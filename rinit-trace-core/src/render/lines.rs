//! What a signal or an exit says in the timeline.

use anstyle::Style;

use super::{
    layout::{BAD, DIM, GOOD, PLAIN, WARN},
    words::{self, Names},
};
use crate::model::{
    DispositionAtStop, Exit, Origin, Outcome, Process, Role, SendResult, Signal, SignalEntry,
    StopReport,
};

/// What one row says.
pub(super) struct Line {
    pub(super) style: Style,
    pub(super) what: String,
    /// Who or what sent it; empty for an exit.
    pub(super) source: String,
    pub(super) target: String,
    pub(super) note_style: Style,
    pub(super) note: String,
}

pub(super) fn of_signal(
    report: &StopReport,
    names: &Names<'_>,
    entry: &SignalEntry,
    times: usize,
) -> Line {
    let style = match entry.signal {
        Signal::KILL => BAD,
        signal if report.stop.signal == Some(signal) => WARN,
        _ => PLAIN,
    };
    let times = if times > 1 {
        format!("×{times}")
    } else {
        String::new()
    };
    let note = [times.as_str(), signal_note(report, names, entry)]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ");
    Line {
        style,
        what: entry.signal.to_string(),
        source: source(names, entry),
        target: target(report, names, entry),
        note_style: DIM,
        note,
    }
}

/// Who or what made a signal.
fn source(names: &Names<'_>, entry: &SignalEntry) -> String {
    let name = || names.name(entry.from);
    match entry.origin {
        Origin::User | Origin::Thread => name(),
        Origin::Timer => "timer".to_owned(),
        Origin::Kernel => "kernel".to_owned(),
        Origin::Terminal => "terminal".to_owned(),
        Origin::CgroupKill => format!("cgroup.kill by {}", name()),
        Origin::PidnsTeardown => "kernel: pid namespace teardown".to_owned(),
        Origin::Oom => "kernel: out of memory".to_owned(),
        Origin::ParentDeath => format!("kernel: death of parent {}", name()),
        Origin::Ptrace => format!("tracer {}", name()),
    }
}

fn target(report: &StopReport, names: &Names<'_>, entry: &SignalEntry) -> String {
    let by_program = matches!(entry.origin, Origin::User | Origin::Thread);
    if by_program && entry.from == entry.to {
        return "itself".to_owned();
    }
    let met = first_met(report, names, entry).and_then(|process| process.stop_signal.comm.as_ref());
    match met {
        // It may have become another program since.
        Some(comm) => words::process(comm, entry.to),
        None => names.name(entry.to),
    }
}

/// The target of a signal that was its first stop signal: of no other one the report knows more.
fn first_met<'a>(
    report: &StopReport,
    names: &Names<'a>,
    entry: &SignalEntry,
) -> Option<&'a Process> {
    names.process(entry.to).filter(|process| {
        // Times have microseconds.
        let at_ms = process.stop_signal.first_at_ms;
        report.stop.signal == Some(entry.signal)
            && at_ms.is_some_and(|at_ms| (at_ms - entry.at_ms).abs() < 0.0005)
    })
}

const DEAD_ALREADY: &str = "dead already";

/// What became of a signal.
fn signal_note(report: &StopReport, names: &Names<'_>, entry: &SignalEntry) -> &'static str {
    let first = first_met(report, names, entry);
    // To what is left of a process that has ended an older kernel delivers a signal, too.
    if entry.to_dead == Some(true) {
        return DEAD_ALREADY;
    }
    match entry.result {
        // The kernel drops it for nobody else then: who has ended and was not reaped, or is dying.
        SendResult::Ignored if entry.origin == Origin::PidnsTeardown => DEAD_ALREADY,
        SendResult::Ignored => first.map_or("ignored", why_ignored),
        SendResult::AlreadyPending => "already pending",
        SendResult::Overflow => "not queued: too many are pending",
        SendResult::Delivered | SendResult::LoseInfo => first.map_or("", what_became_of_it),
    }
}

fn why_ignored(process: &Process) -> &'static str {
    use DispositionAtStop::{Default, Handled, Ignored, Waited};
    let stop_signal = &process.stop_signal;
    match (stop_signal.disposition, stop_signal.disposition_at_end) {
        (Some(Ignored), _) => "ignored: SIG_IGN",
        (Some(Default), Some(Handled | Waited)) if process.role == Role::Init => {
            "ignored: PID 1 had no handler yet"
        }
        (Some(Default), _) if process.role == Role::Init => "ignored: PID 1 without a handler",
        _ => "ignored",
    }
}

fn what_became_of_it(process: &Process) -> &'static str {
    use DispositionAtStop::{Blocked, Default, Handled, Waited};
    let stop_signal = &process.stop_signal;
    match (stop_signal.disposition, stop_signal.taken) {
        (Some(Waited), _) => "taken by sigwait or signalfd",
        (Some(Handled), Some(true)) => "taken by its handler",
        (Some(Blocked), Some(false)) => "blocked, never taken",
        (Some(Blocked), _) => "blocked",
        (Some(Default), _) if process.role != Role::Init => "no handler: default action",
        (_, Some(true)) => "taken",
        (_, Some(false)) => "never taken",
        _ => "",
    }
}

pub(super) fn of_exit(names: &Names<'_>, process: &Process, exit: Exit) -> Line {
    let (note_style, note) = match (exit.signal, exit.code) {
        (Some(Signal::KILL), _) if process.outcome == Outcome::OomKilled => {
            (BAD, "killed by SIGKILL, out of memory".to_owned())
        }
        (Some(Signal::KILL), _) => (BAD, "killed by SIGKILL".to_owned()),
        (Some(signal), _) => (PLAIN, format!("ended by {signal}")),
        (None, Some(0)) => (GOOD, "exit code 0".to_owned()),
        (None, Some(code)) => (PLAIN, format!("exit code {code}")),
        (None, None) => (DIM, "how is not known".to_owned()),
    };
    Line {
        style: PLAIN,
        what: "exit".to_owned(),
        source: String::new(),
        target: names.name(process.pid),
        note_style,
        note,
    }
}
