//! Leftovers were killed through `cgroup.kill` (cgroup v2, 5.14 on), or one by one by the runtime.

use crate::{
    diagnose::{
        Rule,
        view::{self, Listed},
        words,
    },
    knowledge::causes::cgroup_killed as fixes,
    model::{ClosedStop, Confidence, Finding, FindingId, KilledBy, Role},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::CgroupKilled,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let victims: Vec<Listed> = view::killed(report)
        .filter(|(_, process)| match process.killed_by {
            Some(KilledBy::CgroupKill) => true,
            // Of the init that is how a stop ends.
            Some(KilledBy::Runtime) => process.role == Role::Member,
            _ => false,
        })
        .collect();
    let (_, first) = victims.first()?;
    let how = if first.killed_by == Some(KilledBy::CgroupKill) {
        "through cgroup.kill"
    } else {
        "one by one by the runtime"
    };
    let names = words::names(victims.iter().copied());
    let verb = if victims.len() == 1 { "was" } else { "were" };
    let (pids, evidence) = words::about(report, victims.iter().copied());
    Some(Finding {
        id: RULE.id,
        confidence: Confidence::Certain,
        summary: format!("{names} {verb} killed {how}"),
        fix: vec![fixes::END_CHILDREN.plain()],
        pids,
        evidence,
    })
}
