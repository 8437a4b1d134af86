//! PID 1 does not reap its children: zombies were left that had ended before the stop began.

use crate::{
    diagnose::Rule,
    knowledge::remarks::unreaped::REAP,
    model::{ClosedStop, Confidence, Finding, FindingId},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::Unreaped,
    check,
};

/// Names that fit in a sentence.
const MAX_NAMES: usize = 3;

fn check(stop: &ClosedStop) -> Option<Finding> {
    let unreaped = &stop.facts.unreaped;
    if unreaped.is_empty() {
        return None;
    }
    let mut names: Vec<&str> = unreaped.iter().map(|(_, comm)| comm.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let more = if names.len() > MAX_NAMES { ", …" } else { "" };
    names.truncate(MAX_NAMES);
    let (count, verb) = match unreaped.len() {
        1 => ("one child".to_owned(), "was"),
        count => (format!("{count} children"), "were"),
    };
    Some(Finding {
        id: RULE.id,
        confidence: Confidence::Certain,
        summary: format!(
            "{count} of PID 1 ({}) had ended and {verb} never waited for: {}{more}",
            stop.report.workload.init.comm,
            names.join(", ")
        ),
        fix: vec![REAP.plain()],
        pids: unreaped.iter().map(|(pid, _)| *pid).collect(),
        evidence: Vec::new(),
    })
}
