//! PID 1, of whatever kind, passed the stop signal on to some member and not to the victims, and left.

use crate::{
    diagnose::{
        Rule, inits,
        inits::Reach,
        left_behind::{LeftBehind, left_behind},
        words,
    },
    knowledge::{Fix, causes::forwarded_to_child_only as fixes},
    model::{ClosedStop, Confidence, Finding, FindingId, InitKind},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::ForwardedToChildOnly,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let left = left_behind(stop)?;
    if left.passed.is_empty() || left.unsignalled.is_empty() {
        return None;
    }
    let names = words::names(left.unsignalled.iter().copied());
    let verb = if left.unsignalled.len() == 1 {
        "was"
    } else {
        "were"
    };
    let alone = if left.passed.len() == 1 { " alone" } else { "" };
    let summary = format!(
        "PID 1 ({}) passed {} to {}{alone}; {names} {verb} never signalled and killed with the pid namespace when PID 1 {}",
        left.comm,
        left.signal,
        words::names(left.recipients()),
        left.left("left")
    );
    Some(left.finding(
        RULE.id,
        Confidence::Certain,
        &left.unsignalled,
        summary,
        fix(&left),
    ))
}

fn fix(left: &LeftBehind) -> Vec<String> {
    let kind = left.stop.report.workload.init.kind;
    let mut fix = Vec::new();
    // It may be on already, and have missed who was in no group yet.
    if left.reach() != (Reach::Group, true) {
        fix.extend(inits::widen(kind).map(Fix::plain));
    }
    if kind.leaves_with_main_child() {
        fix.push(fixes::CHILD_PASSES_ON.about(left.signal));
    } else if kind == InitKind::Shell {
        fix.push(fixes::TRAP_SIGNALS_ALL.plain());
    } else {
        fix.push(fixes::PASS_TO_EVERY_CHILD.about(left.signal));
    }
    fix
}
