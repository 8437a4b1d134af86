//! Over 80 % of the configured grace period was used, and the runtime did not have to send SIGKILL.
//!
//! Likely, never certain: `docker stop -t` and the kubelet may have used another grace period than
//! the configured one. A stop that took longer than that one, and was not killed, surely did.

use crate::{
    diagnose::{
        Rule, passed,
        view::{self, init_ended_by_itself},
        words,
    },
    knowledge::causes::grace_exceeded::{END_SOONER, MORE_TIME},
    model::{ClosedStop, Confidence, Evidence, Finding, FindingId, Role},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::NearMiss,
    check,
};

/// Of the grace period.
const NEAR: f64 = 0.8;

fn check(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let (grace, used) = (report.stop.grace_ms?, report.stop.grace_used_ms?);
    let was_near = used > NEAR * grace && used <= grace;
    if !was_near || report.stop.kill.is_some() || !init_ended_by_itself(report) {
        return None;
    }
    let (_, init) = view::init(report)?;
    let ended = |at: Option<crate::model::Exit>| at.map_or(f64::NEG_INFINITY, |exit| exit.at_ms);
    let (index, last) = report
        .processes
        .iter()
        .enumerate()
        // Of several that end at one instant the first listed: the init.
        .rev()
        // Whom the kernel killed in the end kept nobody waiting.
        .filter(|(_, process)| process.role != Role::Exec && !process.outcome.is_killed())
        .max_by(|(_, one), (_, other)| ended(one.exit).total_cmp(&ended(other.exit)))?;
    let who = passed::name(last);
    let mut evidence = vec![Evidence::Process(index)];
    evidence.extend(words::signal_to(
        report,
        init.pid,
        words::stop_signal(report),
    ));
    Some(Finding {
        id: RULE.id,
        confidence: Confidence::Likely,
        summary: format!(
            "the stop took {} of the {} that are configured as its grace period; {who} was the last to end by itself",
            words::duration(used),
            words::duration(grace)
        ),
        fix: vec![END_SOONER.plain(), MORE_TIME.plain()],
        pids: vec![last.pid],
        evidence,
    })
}
