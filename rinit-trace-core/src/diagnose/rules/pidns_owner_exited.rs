//! The end of another container's PID 1 took this one along: it owned the pid namespace that both
//! share (`--pid=container:X`, shareProcessNamespace), or the one around this one.

use crate::{
    diagnose::{
        Rule,
        view::{self, Listed, torn_down_by_another},
        words,
    },
    knowledge::causes::pidns_owner_exited as fixes,
    model::{ClosedStop, Confidence, Finding, FindingId},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::PidnsOwnerExited,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let owner = |(_, process): Listed| {
        torn_down_by_another(stop, process).filter(|torn_down| !torn_down.is_inside)
    };
    let victims: Vec<Listed> = view::killed(report)
        .filter(|listed| owner(*listed).is_some())
        .collect();
    let owner = owner(*victims.first()?)?;
    let names = words::names(victims.iter().copied());
    let (pids, evidence) = words::about(report, victims.iter().copied());
    let (whose, fix) = if stop.facts.shares_namespace {
        (
            "of another container, which owns the pid namespace that this one shares",
            vec![fixes::OWNER_LAST.plain(), fixes::OWN_NAMESPACE.plain()],
        )
    } else {
        (
            "of the pid namespace around this one",
            vec![fixes::OUTER_WAITS.plain()],
        )
    };
    Some(Finding {
        id: RULE.id,
        confidence: Confidence::Certain,
        summary: format!(
            "PID 1 {whose}, {} (pid {}), ended, and the kernel killed {names} with that namespace",
            owner.by_comm, owner.by
        ),
        fix,
        pids,
        evidence,
    })
}
