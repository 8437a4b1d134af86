//! The stop signal came too early: it was dropped because PID 1 had no handler yet, and at the end
//! PID 1 handled or waited for it, or had become another program. Or the program before that took it:
//! a shell catches INT on its own, and what it becomes is not told.

use std::time::Duration;

use crate::{
    diagnose::{
        Rule,
        rules::init_ignores_signal::ignored_as_another,
        unheeded::{unheeded, was_dropped, was_taken_by_another},
        view::is_shell,
        words,
    },
    knowledge::causes::startup_window as fixes,
    model::{
        Asked, ClosedStop, Confidence, DispositionAtStop, Finding, FindingId, Process, millis,
    },
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
    let (asked, init, signal) = (unheeded.asked, unheeded.init, unheeded.signal);
    let age = age(stop, asked);
    let was_taken = was_taken_by_another(asked, init);
    let summary = if was_taken {
        let program = words::another_program(asked, init);
        format!(
            "PID 1 ({}) took {signal}{age}, and became {program} later, which was not sent it; {}",
            asked.comm, unheeded.end
        )
    } else {
        let why = if ignored_as_another(asked) {
            format!("ignored {signal} (SIG_IGN) then")
        } else if was_dropped(asked) {
            format!("had no {signal} handler yet")
        } else {
            return None;
        };
        let change = change(stop, asked, init)?;
        format!(
            "PID 1 ({}) {why}{age}, so the kernel dropped the signal; {change} later, and {}",
            asked.comm, unheeded.end
        )
    };
    let mut fix = vec![fixes::EXEC_SOON.plain()];
    if !was_taken {
        fix.insert(0, fixes::HANDLER_FIRST.about(signal));
    }
    // Blocked for good by one that waits for signals, or for the moment of a fork?
    let is_blocked = asked.disposition_at_end == Some(DispositionAtStop::Blocked);
    let is_unclear = is_blocked && asked.exec_since != Some(true);
    let mut finding = unheeded.finding(RULE.id, summary, fix);
    // What a program did with a signal that it took is not seen: a trap may end by exec.
    if is_unclear || was_taken {
        finding.confidence = Confidence::Likely;
    }
    Some(finding)
}

fn maybe(stop: &ClosedStop) -> Option<Finding> {
    let unheeded = unheeded(stop)?;
    let is_young = stop.facts.init_age.is_some_and(|age| age < YOUNG);
    let is_missing = was_dropped(unheeded.asked)
        && !reacts_later(stop, unheeded.asked)
        && unheeded.asked.exec_since == Some(false);
    if !is_young || !is_missing {
        return None;
    }
    let summary = format!(
        "PID 1 ({}) may still have been starting{}: no handler came until its end",
        unheeded.init.comm,
        age(stop, unheeded.asked)
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
fn change(stop: &ClosedStop, asked: &Asked, init: &Process) -> Option<String> {
    if asked.exec_since == Some(true) {
        Some(format!("it became {}", words::another_program(asked, init)))
    } else if reacts_later(stop, asked) {
        Some("it was ready for it".to_owned())
    } else {
        None
    }
}

/// Whether the init would have reacted to the signal at its end.
pub(in crate::diagnose) fn reacts_later(stop: &ClosedStop, asked: &Asked) -> bool {
    match asked.disposition_at_end {
        Some(DispositionAtStop::Handled | DispositionAtStop::Waited) => true,
        // It waits for signals by now, and was not sent another. Not so a shell, which blocks
        // signals for the moment of a fork, nor one whose C library does.
        Some(DispositionAtStop::Blocked) => !is_shell(stop) && !asked.blocks_for_a_moment,
        _ => false,
    }
}
