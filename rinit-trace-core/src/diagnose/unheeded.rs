//! A stop signal that did not end PID 1: the runtime gave up, or PID 1 ended by itself in the end.

use super::{
    view::{Listed, init, init_ended_by_itself, killed_with_init, torn_down},
    words,
};
use crate::model::{
    ClosedStop, Confidence, DispositionAtStop, Evidence, Finding, FindingId, KilledBy, Process,
    SendResult, Signal,
};

pub(super) struct Unheeded<'a> {
    pub(super) init: &'a Process,
    pub(super) signal: Signal,
    /// How it ended, as the second half of a sentence.
    pub(super) end: String,
    /// How long until then, in words.
    pub(super) waited: String,
    confidence: Confidence,
    pids: Vec<u32>,
    evidence: Vec<Evidence>,
}

impl Unheeded<'_> {
    /// The finding about everybody whom the end of PID 1 took along.
    pub(super) fn finding(self, id: FindingId, summary: String, fix: Vec<String>) -> Finding {
        Finding {
            id,
            confidence: self.confidence,
            summary,
            fix,
            pids: self.pids,
            evidence: self.evidence,
        }
    }
}

/// Either of the two.
pub(super) fn unheeded(stop: &ClosedStop) -> Option<Unheeded<'_>> {
    runtime_gave_up(stop).or_else(|| ended_later(stop))
}

/// The runtime's SIGKILL ended the init, after a stop signal. The kernel said all of it.
pub(super) fn runtime_gave_up(stop: &ClosedStop) -> Option<Unheeded<'_>> {
    let report = &stop.report;
    let (index, init) = init(report)?;
    report.stop.signal?;
    if !is_killed_by_runtime(stop, init) {
        return None;
    }
    let victims = std::iter::once((index, init)).chain(killed_with_init(report));
    let waited = words::duration(report.stop.grace_used_ms?);
    Some(Unheeded {
        end: format!("the runtime waited {waited} and sent SIGKILL"),
        waited,
        ..about(stop, init, victims, Confidence::Certain)
    })
}

/// The init did not take the signal and ended by itself later, with members left.
fn ended_later(stop: &ClosedStop) -> Option<Unheeded<'_>> {
    let report = &stop.report;
    let (_, init) = init(report)?;
    report.stop.signal?;
    let victims: Vec<Listed> = torn_down(report).collect();
    if report.stop.taken != Some(false) || !init_ended_by_itself(report) || victims.is_empty() {
        return None;
    }
    let waited = words::duration(init.exit?.at_ms);
    let names = words::names(victims.iter().copied());
    Some(Unheeded {
        end: format!(
            "PID 1 ended by itself {waited} later, and the kernel killed {names} with the pid namespace"
        ),
        waited,
        // Why it ended is not known, and so not whether its end had to do with the stop.
        ..about(stop, init, victims.into_iter(), Confidence::Likely)
    })
}

fn about<'a>(
    stop: &'a ClosedStop,
    init: &'a Process,
    victims: impl Iterator<Item = Listed<'a>>,
    confidence: Confidence,
) -> Unheeded<'a> {
    let report = &stop.report;
    let signal = words::stop_signal(report);
    let (pids, mut evidence) = words::about(report, victims);
    evidence.extend(words::signal_to(report, init.pid, signal));
    Unheeded {
        init,
        signal,
        end: String::new(),
        waited: String::new(),
        confidence,
        pids,
        evidence,
    }
}

/// By signal, or through `cgroup.kill`.
pub(super) fn is_killed_by_runtime(stop: &ClosedStop, init: &Process) -> bool {
    let by_signal = matches!(
        init.killed_by,
        Some(KilledBy::Runtime | KilledBy::CgroupKill)
    );
    by_signal && stop.facts.killed_by_runtime
}

/// Whether the kernel dropped the stop signal because PID 1 had no handler for it.
pub(super) fn was_dropped(stop: &ClosedStop, init: &Process) -> bool {
    let stopped = &stop.report.stop;
    let at_once = stopped.result == Some(SendResult::Ignored)
        && init.stop_signal.disposition == Some(DispositionAtStop::Default)
        && stop.facts.unkillable;
    // A shell blocks signals while it forks: then it is dropped a moment later.
    let later = stop.facts.dropped_at_delivery;
    stopped.taken == Some(false) && (at_once || later)
}
