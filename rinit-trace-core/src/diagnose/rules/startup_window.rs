//! The stop signal came too early: it was dropped because PID 1 had no handler yet, and at the end
//! PID 1 handled or waited for it, or had become another program.

use std::time::Duration;

use crate::{
    diagnose::{
        Rule,
        unheeded::{unheeded, was_dropped},
        view::is_shell,
        words,
    },
    knowledge::causes::startup_window as fixes,
    model::{Asked, ClosedStop, Confidence, DispositionAtStop, Finding, FindingId, millis},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::StartupWindow,
    check,
};

/// Beside a missing handler of a young init: it may still have been starting.
pub(in crate::diagnose) const MAYBE: Rule = Rule {
    id: FindingId::StartupWindow,
    check: maybe,
};

/// An init that is younger may not have come to installing its handlers.
const YOUNG: Duration = Duration::from_secs(10);

fn check(stop: &ClosedStop) -> Option<Finding> {
    let unheeded = unheeded(stop)?;
    if !was_dropped(&unheeded.asked) {
        return None;
    }
    let change = change(stop, &unheeded.asked)?;
    let summary = format!(
        "PID 1 ({}) had no {} handler yet{}, so the kernel dropped the signal; {change} later, and {}",
        unheeded.init.comm,
        unheeded.signal,
        age(stop, &unheeded.asked),
        unheeded.end
    );
    let fix = vec![
        fixes::HANDLER_FIRST.about(unheeded.signal),
        fixes::EXEC_SOON.plain(),
    ];
    // Blocked for good by one that waits for signals, or for the moment of a fork?
    let asked = unheeded.asked;
    let is_blocked = asked.disposition_at_end == Some(DispositionAtStop::Blocked);
    let mut finding = unheeded.finding(RULE.id, summary, fix);
    if is_blocked && asked.exec_since != Some(true) {
        finding.confidence = Confidence::Likely;
    }
    Some(finding)
}

fn maybe(stop: &ClosedStop) -> Option<Finding> {
    let unheeded = unheeded(stop)?;
    let is_young = stop.facts.init_age.is_some_and(|age| age < YOUNG);
    let is_missing = was_dropped(&unheeded.asked)
        && !reacts_later(stop, &unheeded.asked)
        && unheeded.asked.exec_since == Some(false);
    if !is_young || !is_missing {
        return None;
    }
    let summary = format!(
        "PID 1 ({}) may still have been starting{}: no handler came until its end",
        unheeded.init.comm,
        age(stop, &unheeded.asked)
    );
    let mut finding = unheeded.finding(MAYBE.id, summary, Vec::new());
    finding.confidence = Confidence::Likely;
    Some(finding)
}

/// How old PID 1 was when the signal came: the stop may have begun with another one.
fn age(stop: &ClosedStop, asked: &Asked) -> String {
    let age = stop
        .facts
        .init_age
        .map(|age| words::duration(millis(age) + asked.at_ms));
    age.map_or_else(String::new, |age| format!(" ({age} after its start)"))
}

/// What PID 1 had become at its end; `None` when it had not changed, or nobody knows.
fn change(stop: &ClosedStop, asked: &Asked) -> Option<&'static str> {
    if asked.exec_since == Some(true) {
        Some("it became another program (exec)")
    } else if reacts_later(stop, asked) {
        Some("it was ready for it")
    } else {
        None
    }
}

/// Whether the init would have reacted to the signal at its end.
pub(in crate::diagnose) fn reacts_later(stop: &ClosedStop, asked: &Asked) -> bool {
    match asked.disposition_at_end {
        Some(DispositionAtStop::Handled | DispositionAtStop::Waited) => true,
        // It waits for signals by now, and was not sent another. Not so a shell, which blocks
        // signals for the moment of a fork.
        Some(DispositionAtStop::Blocked) => !is_shell(stop),
        _ => false,
    }
}
