//! The end of another container's PID 1 took this one along: it owned the pid namespace that both
//! share (`--pid=container:X`, shareProcessNamespace), or the one around this one.

use crate::{
    diagnose::{
        Rule,
        view::{self, Listed, torn_down_by_another},
        words,
    },
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
            "stop the container that shares the namespace before the one that owns it (depends_on in a compose file)",
        )
    } else {
        (
            "of the pid namespace around this one",
            "let the outer container stop its containers, and wait for them, before its PID 1 ends",
        )
    };
    let mut fixes = vec![fix.to_owned()];
    if stop.facts.shares_namespace {
        fixes.push("or give this container a pid namespace of its own: no --pid=container:X, no shareProcessNamespace".to_owned());
    }
    Some(Finding {
        id: RULE.id,
        confidence: Confidence::Certain,
        summary: format!(
            "PID 1 {whose}, {} (pid {}), ended, and the kernel killed {names} with that namespace",
            owner.by_comm, owner.by
        ),
        fix: fixes,
        pids,
        evidence,
    })
}
