//! One file per cause: what it sees, what it cannot know, the check.

pub(super) mod grace_exceeded;
pub(super) mod init_exited;
pub(super) mod init_ignores_signal;
pub(super) mod init_no_handler;
pub(super) mod no_stop_signal;
pub(super) mod not_forwarded;
pub(super) mod unexplained;

use crate::model::{
    ClosedStop, Confidence, Evidence, Finding, FindingId, KilledBy, Process, Signal,
};

use super::{init, killed_members, words};

/// A stop signal that did not end the init, and the runtime's SIGKILL that did.
struct GaveUp<'a> {
    init: &'a Process,
    signal: Signal,
    /// How long the runtime waited, in words.
    waited: String,
    pids: Vec<u32>,
    evidence: Vec<Evidence>,
}

impl GaveUp<'_> {
    /// The finding; the kernel said all that it rests on.
    fn finding(self, id: FindingId, summary: String, fix: Vec<String>) -> Finding {
        Finding {
            id,
            confidence: Confidence::Certain,
            summary,
            fix,
            pids: self.pids,
            evidence: self.evidence,
        }
    }
}

/// Whether the runtime's SIGKILL ended the init, after a stop signal.
fn runtime_gave_up(stop: &ClosedStop) -> Option<GaveUp<'_>> {
    let report = &stop.report;
    let (index, init) = init(report)?;
    report.stop.signal?;
    if !stop.facts.killed_by_runtime || init.killed_by != Some(KilledBy::Runtime) {
        return None;
    }
    let signal = words::stop_signal(report);
    let victims = std::iter::once((index, init)).chain(killed_members(report));
    let (pids, mut evidence) = words::about(report, victims);
    evidence.extend(words::signal_to(report, init.pid, signal));
    Some(GaveUp {
        init,
        signal,
        waited: words::duration(report.stop.grace_used_ms?),
        pids,
        evidence,
    })
}
