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
    knowledge::causes::oom::MORE_MEMORY,
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
    let init = &stop.report.workload.init;
    // Of another PID 1 it is not known that it leaves with this child.
    let is_sure = culprit.role == Role::Init || init.kind.leaves_with_main_child();
    let end = if culprit.role == Role::Init {
        format!("the OOM killer took PID 1 ({})", culprit.comm)
    } else if is_sure {
        format!(
            "the OOM killer took {}, and PID 1 ({}) left because its main child had ended",
            culprit.comm, init.comm
        )
    } else {
        format!(
            "the OOM killer took {}, and PID 1 ({}) ended right after it",
            culprit.comm, init.comm
        )
    };
    let others: Vec<Listed> = view::killed_with_init(stop)
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
    let mut finding = finding(stop, &all, summary);
    if !is_sure {
        finding.confidence = Confidence::Likely;
    }
    Some(finding)
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
        fix: vec![MORE_MEMORY.plain()],
        pids,
        evidence,
    }
}
