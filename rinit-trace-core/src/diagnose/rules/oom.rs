//! The OOM killer (`__oom_kill_process()` in `mm/oom_kill.c`) took PID 1, or a member whose death ended
//! the workload.
//!
//! Who was chosen the kernel says twice: by its mark (`oom:mark_victim`) and in the victim's exit.

use crate::{
    diagnose::{
        Rule,
        view::{self, Listed},
        words,
    },
    model::{ClosedStop, Confidence, Finding, FindingId, Outcome, Role},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::Oom,
    check,
};

/// Of a member whose death ended nothing: it explains that kill, and comes after what explains more.
pub(in crate::diagnose) const OF_A_MEMBER: Rule = Rule {
    id: FindingId::Oom,
    check: check_members,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let (index, culprit) = victims(stop).into_iter().find(|(_, process)| {
        process.role == Role::Init || stop.facts.main_child == Some(process.pid)
    })?;
    let end = if culprit.role == Role::Init {
        format!("the OOM killer took PID 1 ({})", culprit.comm)
    } else {
        format!(
            "the OOM killer took {}, and PID 1 ({}) left because its main child had ended",
            culprit.comm, stop.report.workload.init.comm
        )
    };
    let others: Vec<Listed> = view::killed_with_init(&stop.report)
        .chain(victims(stop))
        .filter(|(other, _)| *other != index)
        .collect();
    let summary = match others.as_slice() {
        [] => end,
        others => format!(
            "{end}; {} ended with it",
            words::names(others.iter().copied())
        ),
    };
    let all: Vec<Listed> = std::iter::once((index, culprit)).chain(others).collect();
    Some(finding(stop, &all, summary))
}

fn check_members(stop: &ClosedStop) -> Option<Finding> {
    let victims = victims(stop);
    if victims.is_empty() || check(stop).is_some() {
        return None;
    }
    let names = words::names(victims.iter().copied());
    let summary = format!("the OOM killer took {names} during the stop");
    Some(finding(stop, &victims, summary))
}

fn victims(stop: &ClosedStop) -> Vec<Listed<'_>> {
    view::killed(&stop.report)
        .filter(|(_, process)| process.outcome == Outcome::OomKilled)
        .collect()
}

fn finding(stop: &ClosedStop, victims: &[Listed], summary: String) -> Finding {
    let (pids, evidence) = words::about(&stop.report, victims.iter().copied());
    Finding {
        id: FindingId::Oom,
        confidence: Confidence::Certain,
        summary,
        fix: vec![
            "raise the memory limit (docker run --memory, resources.limits.memory), or use less: a SIGKILL by the OOM killer leaves no time to clean up".to_owned(),
        ],
        pids,
        evidence,
    }
}
