//! A host process that is not the container's runtime SIGKILLed PID 1 or a member: an operator, a
//! security agent.
//!
//! Who sent it the kernel says. That it is not the runtime follows from its name and its parents,
//! which is certain only where the runtime is known.

use std::collections::HashMap;

use crate::{
    diagnose::{
        Rule,
        view::{self, Listed},
        words,
    },
    knowledge::causes::killed_outside::WHY_IT_KILLS,
    model::{ClosedStop, Confidence, Finding, FindingId, KilledBy, Process, Role},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::KilledOutside,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let killed = stop.facts.killed_from_outside.iter();
    let killers: HashMap<u32, (&str, bool)> = killed
        .map(|killed| (killed.pid, (killed.by_comm.as_str(), killed.by_container)))
        .collect();
    // The pid may have been used again.
    let by_outside = |process: &Process| {
        let by = Some(KilledBy::External) == process.killed_by
            || Some(KilledBy::CgroupKill) == process.killed_by;
        by && killers.contains_key(&process.pid)
    };
    let victims: Vec<Listed> = view::killed(report)
        .filter(|(_, process)| by_outside(process))
        .collect();
    let (_, first) = victims.first()?;
    let killer @ (name, is_neighbour) = *killers.get(&first.pid)?;
    let who = if is_neighbour {
        "a process of another container"
    } else {
        "a process of the host that is not the container's runtime"
    };
    let its: Vec<Listed> = victims
        .iter()
        .copied()
        .filter(|(_, process)| killers.get(&process.pid) == Some(&killer))
        .collect();
    let whom = if first.role == Role::Init {
        format!("PID 1 ({})", first.comm)
    } else {
        words::names(its.iter().copied())
    };
    let others = match victims.len() - its.len() {
        0 => String::new(),
        1 => "; one more was killed by another process from outside".to_owned(),
        count => format!("; {count} more were killed by other processes from outside"),
    };
    let asked = match report.stop.signal {
        Some(signal) => format!("after {signal} had begun a stop"),
        None => "without a stop signal before".to_owned(),
    };
    let (pids, evidence) = words::about(report, victims.iter().copied());
    Some(Finding {
        id: RULE.id,
        confidence: if report.workload.runtime.is_some() {
            Confidence::Certain
        } else {
            Confidence::Likely
        },
        summary: format!("{name}, {who}, sent SIGKILL to {whom} {asked}{others}"),
        fix: vec![WHY_IT_KILLS.with(&[("name", &name)])],
        pids,
        evidence,
    })
}
