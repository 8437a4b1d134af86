//! Words that several rules use.

use std::collections::HashMap;

use crate::model::{
    Asked, ClosedStop, Confidence, Evidence, Finding, FindingId, Process, SendResult, Signal,
    StopReport, Unlinked, millis,
};

/// A signal's name, SIGTERM when there was none.
pub(super) fn stop_signal(report: &StopReport) -> Signal {
    report.stop.signal.unwrap_or(Signal::TERM)
}

/// `0.4 ms`, `480 ms`, `10.0 s`, `12 min`, `3.0 h`.
pub(super) fn duration(millis: f64) -> String {
    const MINUTE: f64 = 60_000.0;
    if millis < 9.95 {
        format!("{millis:.1} ms")
    } else if millis < 1000.0 {
        format!("{millis:.0} ms")
    } else if millis < 10.0 * MINUTE {
        format!("{:.1} s", millis / 1000.0)
    } else if millis < 120.0 * MINUTE {
        format!("{:.0} min", millis / MINUTE)
    } else {
        format!("{:.1} h", millis / (60.0 * MINUTE))
    }
}

/// `java`, `java and 2 others`.
pub(super) fn names<'a>(processes: impl Iterator<Item = (usize, &'a Process)>) -> String {
    let names: Vec<&str> = processes
        .map(|(_, process)| process.comm.as_str())
        .collect();
    match names.as_slice() {
        [] => "nobody".to_owned(),
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} and {other}"),
        [one, rest @ ..] => format!("{one} and {} others", rest.len()),
    }
}

/// `another program (python3, by exec)`: what PID 1 is that was `asked` under another name.
pub(super) fn another_program(asked: &Asked, init: &Process) -> String {
    if asked.comm == init.comm {
        "another program (exec)".to_owned()
    } else {
        format!("another program ({}, by exec)", init.comm)
    }
}

/// `bash`, or `bash, python3 since its exec`: the name of a PID 1 that took the signal.
pub(super) fn taker(asked: &Asked, init: &Process) -> String {
    if asked.exec_since != Some(true) {
        init.comm.clone()
    } else if asked.comm == init.comm {
        format!("{}, which has executed itself again", init.comm)
    } else {
        format!("{}, {} since its exec", asked.comm, init.comm)
    }
}

/// `exited with code 1`, `died by SIGSEGV`.
pub(super) fn how_it_ended(process: &Process) -> String {
    match process.exit.map(|exit| (exit.signal, exit.code)) {
        Some((Some(signal), _)) => format!("died by {signal}"),
        Some((None, Some(code))) => format!("exited with code {code}"),
        _ => "ended".to_owned(),
    }
}

/// Pids and evidence of processes, with the signals that killed them.
pub(super) fn about<'a>(
    report: &StopReport,
    processes: impl Iterator<Item = (usize, &'a Process)>,
) -> (Vec<u32>, Vec<Evidence>) {
    let kills = kills(report);
    let (mut pids, mut evidence) = (Vec::new(), Vec::new());
    for (index, process) in processes {
        pids.push(process.pid);
        evidence.push(Evidence::Process(index));
        let kill = kills.get(&process.pid).copied();
        evidence.extend(kill.map(Evidence::Signal));
    }
    (pids, evidence)
}

/// The first SIGKILL to each process that the kernel did not drop, by its index.
pub(super) fn kills(report: &StopReport) -> HashMap<u32, usize> {
    let mut kills = HashMap::new();
    for (index, entry) in report.signals.iter().enumerate() {
        if entry.signal == Signal::KILL && entry.result != SendResult::Ignored {
            kills.entry(entry.to).or_insert(index);
        }
    }
    kills
}

/// The first signal of that number to a process.
pub(super) fn signal_to(report: &StopReport, pid: u32, signal: Signal) -> Option<Evidence> {
    report
        .signals
        .iter()
        .position(|entry| entry.to == pid && entry.signal == signal)
        .map(Evidence::Signal)
}

/// How sure it is that PID 1 had not been asked to end before a stop without a stop signal, and the
/// doubt as the end of a sentence; `None` when it may have been asked before the trace began, or that
/// may have been among what was lost: then nothing follows from what was not seen.
pub(super) fn may_have_been_asked(stop: &ClosedStop) -> Option<(Confidence, String)> {
    let facts = &stop.facts;
    if stop.is_incomplete() {
        return None;
    }
    if let Some(Unlinked { signal, age }) = facts.unlinked {
        let age = duration(millis(age));
        let doubt = format!("; PID 1 had been sent {signal} {age} earlier");
        return Some((Confidence::Likely, doubt));
    }
    if facts.may_have_missed_begin {
        return None;
    }
    Some((Confidence::Certain, String::new()))
}

/// The rules speak of a stop signal. One of a terminal is not meant to stop a container.
pub(super) fn name_terminal(finding: &mut Finding, signal: Signal) {
    finding.summary = format!(
        "{}; the terminal sent {signal}, and nobody asked to stop",
        finding.summary
    );
}

/// The rules speak of a stop signal. Here it is what the runtime sent.
pub(super) fn name_assumed(finding: &mut Finding, signal: Signal) {
    finding.summary = format!(
        "{}; {signal} is taken for the stop signal since the runtime sent it, and which one is configured is not known",
        finding.summary
    );
}

/// The rules speak of PID 1. In a container that shares a pid namespace with others the main process
/// is none: that is the owner's.
pub(super) fn name_main_process(finding: &mut Finding) {
    if finding.id == FindingId::PidnsOwnerExited {
        return;
    }
    for text in std::iter::once(&mut finding.summary).chain(&mut finding.fix) {
        *text = text.replace("PID 1", "the main process");
    }
}
