//! Nobody sent a stop signal: an init that leaves with its main child left because that had ended (a
//! hot upgrade, a crash, a kill), and the kernel killed the rest with the namespace.

use crate::{
    diagnose::{
        Rule,
        view::{self, Listed, init_ended_by_itself, torn_down},
        words,
    },
    knowledge::causes::{INIT_THAT_WAITS, main_child_exited::KEEP_MAIN_CHILD},
    model::{ClosedStop, Confidence, Evidence, Finding, FindingId, Trigger},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::MainChildExited,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let (init_index, init) = view::init(report)?;
    let known = report.workload.init.kind.leaves_with_main_child();
    if report.stop.trigger != Trigger::MainChildExit || !known || !init_ended_by_itself(report) {
        return None;
    }
    let main_child = stop.facts.main_child?;
    let (child_index, child) = report
        .processes
        .iter()
        .enumerate()
        .find(|(_, process)| process.pid == main_child)?;
    let rest: Vec<Listed> = torn_down(stop).collect();
    if rest.is_empty() && !child.outcome.is_killed() {
        return None;
    }
    let consequence = match rest.as_slice() {
        [] => String::new(),
        rest => format!(
            "; the kernel killed {} with the pid namespace",
            words::names(rest.iter().copied())
        ),
    };
    let killed_child = Some((child_index, child)).filter(|(_, child)| child.outcome.is_killed());
    let (pids, mut evidence) = words::about(report, killed_child.into_iter().chain(rest));
    evidence.extend([
        Evidence::Process(init_index),
        Evidence::Process(child_index),
    ]);
    evidence.dedup();
    let (confidence, doubt) = words::may_have_been_asked(stop)?;
    let who = if confidence == Confidence::Certain {
        format!("nobody sent a stop signal to PID 1 ({}), which", init.comm)
    } else {
        format!("PID 1 ({})", init.comm)
    };
    Some(Finding {
        id: RULE.id,
        confidence,
        summary: format!(
            "{who} left because its main child ({}) {}{consequence}{doubt}",
            child.comm,
            words::how_it_ended(child)
        ),
        fix: vec![KEEP_MAIN_CHILD.plain(), INIT_THAT_WAITS.plain()],
        pids,
        evidence,
    })
}
