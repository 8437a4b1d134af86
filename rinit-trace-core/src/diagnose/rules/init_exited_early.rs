//! Every victim had been signalled, but PID 1 left before they were done: the race of dumb-init and
//! tini, which leave as soon as their main child has ended.

use crate::{
    diagnose::{Rule, left_behind::left_behind, words},
    knowledge::causes::{INIT_THAT_WAITS, init_exited_early as fixes},
    model::{ClosedStop, Confidence, Finding, FindingId, InitKind, Outcome, Process},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::InitExitedEarly,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let left = left_behind(stop)?;
    if left.signalled.is_empty() {
        return None;
    }
    let names = words::names(left.signalled.iter().copied());
    let verb = if left.signalled.len() == 1 {
        "was"
    } else {
        "were"
    };
    let comm = &left.comm;
    let (kind, did) = (left.stop.report.workload.init.kind, left.left("left"));
    let why = if kind.leaves_with_main_child() && did == "left" {
        " when its main child had ended"
    } else {
        ""
    };
    let after = left.init.1.exit.map_or_else(String::new, |exit| {
        format!(" after {}", words::duration(exit.at_ms))
    });
    let ignore = |(_, victim): &(usize, &Process)| victim.outcome == Outcome::KilledIgnoring;
    let all_ignore = left.signalled.iter().all(ignore);
    let state = if all_ignore {
        "ignored it".to_owned()
    } else {
        format!("{verb} not done")
    };
    let summary = format!(
        "PID 1 ({comm}) {did}{why}{after}; {names} had been signalled and {state}, and the kernel killed what was left with the pid namespace"
    );
    let mut fix = vec![if all_ignore {
        // Whoever waits for them waits until the runtime gives up.
        fixes::REACT.with(&[("names", &names), ("signal", &left.signal)])
    } else if kind.leaves_with_main_child() {
        fixes::MAIN_CHILD_WAITS.plain()
    } else if kind == InitKind::Shell {
        fixes::TRAP_WAITS.plain()
    } else {
        fixes::INIT_WAITS.plain()
    }];
    if !all_ignore {
        fix.push(INIT_THAT_WAITS.plain());
    }
    Some(left.finding(RULE.id, Confidence::Certain, &left.signalled, summary, fix))
}
