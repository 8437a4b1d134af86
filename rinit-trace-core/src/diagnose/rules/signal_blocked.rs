//! The stop signal stayed pending in PID 1 until the kill: it blocks it and nobody waits for it, or
//! it did not run in between.

use crate::{
    diagnose::{Rule, unheeded::unheeded, view::is_shell},
    knowledge::causes::signal_blocked as fixes,
    model::{ClosedStop, Confidence, DispositionAtStop, Finding, FindingId, SendResult},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::SignalBlocked,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let unheeded = unheeded(stop)?;
    let asked = unheeded.asked;
    let is_pending = asked.taken == Some(false)
        && !asked.dropped_at_delivery
        && matches!(
            asked.result,
            SendResult::Delivered | SendResult::AlreadyPending | SendResult::LoseInfo
        );
    if !is_pending {
        return None;
    }
    let (signal, comm) = (unheeded.signal, &unheeded.init.comm);
    let is_blocked = asked.disposition_at_end == Some(DispositionAtStop::Blocked);
    let (why, fix) = if is_blocked {
        (
            format!("PID 1 ({comm}) blocks {signal} and did not wait for it, so it stayed pending"),
            vec![fixes::UNBLOCK.about(signal), fixes::LOOK_AT_STARTER.plain()],
        )
    } else {
        (
            format!("PID 1 ({comm}) did not come to take {signal}, which stayed pending"),
            vec![fixes::WHY_IT_DID_NOT_RUN.plain()],
        )
    };
    let summary = format!("{why}; {}", unheeded.end);
    let mut finding = unheeded.finding(RULE.id, summary, fix);
    if is_shell(stop) {
        // It blocks signals for the moment of a fork, too, and without a trap it would have dropped
        // this one the next moment.
        finding.confidence = Confidence::Likely;
    }
    Some(finding)
}
