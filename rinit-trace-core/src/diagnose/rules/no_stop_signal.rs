//! The runtime SIGKILLed PID 1 and had not sent a stop signal before: `docker kill`, `docker rm -f`,
//! a grace period of zero.
//!
//! It cannot know what happened before the trace began, nor whether a stop signal that PID 1 was
//! sent long ago was meant for this stop: then it is likely and not certain.

use crate::{
    diagnose::{
        Rule,
        unheeded::is_killed_by_runtime,
        view::{init, killed_with_init},
        words,
    },
    knowledge::causes::no_stop_signal as fixes,
    model::{ClosedStop, Confidence, Finding, FindingId, Trigger},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::NoStopSignal,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let (index, init_process) = init(report)?;
    let unasked = matches!(report.stop.trigger, Trigger::Sigkill | Trigger::CgroupKill);
    if !unasked || !is_killed_by_runtime(stop, init_process) {
        return None;
    }
    let kill = report.stop.kill.as_ref()?;
    let (mut confidence, mut doubt) = words::may_have_been_asked(stop)?;
    if stop.facts.stop_signal_unknown && confidence == Confidence::Certain {
        confidence = Confidence::Likely;
        doubt.push_str("; which stop signal is configured is not known");
    }
    let victims = std::iter::once((index, init_process)).chain(killed_with_init(stop));
    let (pids, evidence) = words::about(report, victims);
    Some(Finding {
        id: RULE.id,
        confidence,
        summary: format!(
            "the runtime ({}) sent SIGKILL to PID 1 ({}) without a stop signal before{doubt}",
            kill.sender.name(),
            init_process.comm
        ),
        fix: vec![fixes::DOCKER_STOP.plain(), fixes::GRACE_ABOVE_ZERO.plain()],
        pids,
        evidence,
    })
}
