//! A host process that is not the container's runtime SIGKILLed PID 1 or a member: an operator, a
//! security agent.
//!
//! Who sent it the kernel says. That it is not the runtime follows from its name and its parents,
//! which is certain only where the runtime is known.

use crate::{
    diagnose::{
        Rule,
        view::{self, Listed},
        words,
    },
    model::{ClosedStop, Confidence, Finding, FindingId, Role},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::KilledOutside,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let killer_of = |pid: u32| {
        let killed = stop.facts.killed_from_outside.iter();
        killed
            .filter(|(victim, _)| *victim == pid)
            .map(|(_, comm)| comm.as_str())
            .next()
    };
    let victims: Vec<Listed> = view::killed(report)
        .filter(|(_, process)| killer_of(process.pid).is_some())
        .collect();
    let (_, first) = victims.first()?;
    let killer = killer_of(first.pid)?;
    let names = words::names(victims.iter().copied());
    let whom = if first.role == Role::Init {
        format!("PID 1 ({})", first.comm)
    } else {
        names
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
        summary: format!(
            "{killer}, a process of the host that is not the container's runtime, sent SIGKILL to {whom} {asked}"
        ),
        fix: vec![format!(
            "find out why {killer} kills processes of this container (an operator, a watchdog, a security agent), and stop containers by their runtime"
        )],
        pids,
        evidence,
    })
}
