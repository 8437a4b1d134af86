//! A stop signal that did not end PID 1: the runtime gave up, or PID 1 ended by itself in the end.

use super::{
    view::{Listed, init, init_ended_by_itself, killed_with_init, torn_down},
    words,
};
use crate::model::{
    Asked, ClosedStop, Confidence, DispositionAtStop, Evidence, Finding, FindingId, InitKind,
    KilledBy, Process, SendResult, Signal, StopReport, init_kind,
};

pub(super) struct Unheeded<'a> {
    pub(super) init: &'a Process,
    /// The signal, and how the init met it.
    pub(super) asked: &'a Asked,
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
            confidence: if self.asked.blocks_for_a_moment {
                Confidence::Likely
            } else {
                self.confidence
            },
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
    let asked = stop.facts.asked.as_ref()?;
    if !is_killed_by_runtime(stop, init) {
        return None;
    }
    let victims = std::iter::once((index, init)).chain(killed_with_init(stop));
    let waited = words::duration(report.stop.grace_used_ms? - asked.at_ms);
    Some(Unheeded {
        end: format!("the runtime waited {waited} and sent SIGKILL"),
        waited,
        ..about(report, init, asked, victims, Confidence::Certain)
    })
}

/// The init did not take the signal and ended by itself later, with members left.
fn ended_later(stop: &ClosedStop) -> Option<Unheeded<'_>> {
    let report = &stop.report;
    let (_, init) = init(report)?;
    let asked = stop.facts.asked.as_ref()?;
    let victims: Vec<Listed> = torn_down(stop).collect();
    // Or what ended was another program than the one that took it.
    let may_have_acted = asked.taken != Some(false) && !was_taken_by_another(asked, init);
    if may_have_acted || !init_ended_by_itself(report) || victims.is_empty() {
        return None;
    }
    let waited = words::duration(init.exit?.at_ms - asked.at_ms);
    let names = words::names(victims.iter().copied());
    Some(Unheeded {
        end: format!(
            "PID 1 ended by itself {waited} later, and the kernel killed {names} with the pid namespace"
        ),
        waited,
        // Why it ended is not known, and so not whether its end had to do with the stop.
        ..about(report, init, asked, victims.into_iter(), Confidence::Likely)
    })
}

fn about<'a>(
    report: &StopReport,
    init: &'a Process,
    asked: &'a Asked,
    victims: impl Iterator<Item = Listed<'a>>,
    confidence: Confidence,
) -> Unheeded<'a> {
    let signal = asked.signal;
    let (pids, mut evidence) = words::about(report, victims);
    evidence.extend(words::signal_to(report, init.pid, signal));
    Unheeded {
        init,
        asked,
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
pub(super) fn was_dropped(asked: &Asked) -> bool {
    let at_once = asked.result == SendResult::Ignored
        && asked.disposition == DispositionAtStop::Default
        && asked.unkillable;
    // A shell blocks signals while it forks: then it is dropped a moment later.
    let later = asked.dropped_at_delivery && asked.disposition != DispositionAtStop::Ignored;
    asked.taken == Some(false) && (at_once || later)
}

/// Whether a program took the stop signal and PID 1 became another one by exec, which was not sent
/// it. Inits and supervisors end their shutdown by running another program, and a program that
/// executes itself again may do so because of the signal: not those.
pub(super) fn was_taken_by_another(asked: &Asked, init: &Process) -> bool {
    let kind = init_kind(&asked.comm, None, None);
    let may_be_an_entrypoint = match kind {
        InitKind::Shell => true,
        InitKind::App | InitKind::Unknown => asked.comm != init.comm,
        _ => false,
    };
    asked.taken == Some(true) && asked.exec_since == Some(true) && may_be_an_entrypoint
}
