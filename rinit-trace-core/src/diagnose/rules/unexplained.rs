//! No rule explains the kills: say so, with the evidence.

use crate::{
    diagnose::{view, words},
    model::{ClosedStop, Confidence, Finding, FindingId},
};

/// Always matches; used when nothing else does.
pub(in crate::diagnose) fn finding(stop: &ClosedStop) -> Finding {
    let report = &stop.report;
    let victims: Vec<_> = view::killed(report).collect();
    let (pids, evidence) = words::about(report, victims.iter().copied());
    Finding {
        id: FindingId::Unexplained,
        confidence: Confidence::Certain,
        summary: format!(
            "{} ended by SIGKILL, and {}",
            words::names(victims.iter().copied()),
            if stop.facts.may_have_missed_begin {
                "why is not known: the stop may have begun before the trace did"
            } else if stop.is_incomplete() {
                "why is not known: not everything was seen"
            } else {
                "no known cause fits; the timeline has what was seen"
            }
        ),
        fix: Vec::new(),
        pids,
        evidence,
    }
}
