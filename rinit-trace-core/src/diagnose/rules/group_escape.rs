//! The signal was passed on to a process group, and every victim that never got it was in another
//! one (`setsid()`, `setpgid()`).
//!
//! That a signal went to a group the kernel does not show: it is one signal for each of its members.
//! It is known of inits with such an option (`tini -g`, dumb-init), or proved by two or more
//! recipients when these are all of one group, nobody else is left in it, and one of them is no child
//! of PID 1: its own children PID 1 may have signalled one by one.

use crate::{
    diagnose::{
        Rule,
        inits::Reach,
        left_behind::{LeftBehind, left_behind},
        words,
    },
    knowledge::causes::group_escape as fixes,
    model::{ClosedStop, Confidence, Finding, FindingId, Role},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::GroupEscape,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let left = left_behind(stop)?;
    let (group, confidence) = group(&left)?;
    let all_outside = left
        .unsignalled
        .iter()
        .all(|(_, victim)| victim.pgid != Some(group));
    if left.unsignalled.is_empty() || !all_outside {
        return None;
    }
    let names = words::names(left.unsignalled.iter().copied());
    let (verb, what) = if left.unsignalled.len() == 1 {
        ("is", "was never signalled")
    } else {
        ("are", "were never signalled")
    };
    let summary = format!(
        "PID 1 ({}) passed {} to the process group of its child; {names} {verb} in another group, {what} and killed with the pid namespace when PID 1 {}",
        left.comm,
        left.signal,
        left.left("left")
    );
    let fix = vec![
        fixes::STAY_IN_GROUP.plain(),
        fixes::STARTER_PASSES_ON.plain(),
    ];
    Some(left.finding(RULE.id, confidence, &left.unsignalled, summary, fix))
}

/// The group that was signalled, in the numbering of the namespace.
fn group(left: &LeftBehind) -> Option<(u32, Confidence)> {
    let mut groups = left.recipients().map(|(_, process)| process.pgid);
    let group = groups.next()??;
    let one_group = groups.all(|other| other == Some(group));
    match left.reach() {
        (Reach::Group, true) => return Some((group, Confidence::Certain)),
        (Reach::Group, false) => return Some((group, Confidence::Likely)),
        (Reach::MainChild | Reach::Nobody, true) => return None,
        _ => {}
    }
    let nobody_left_out = left.stop.report.processes.iter().all(|process| {
        process.role != Role::Member
            || process.pgid != Some(group)
            || process.stop_signal.received > 0
    });
    let mut recipients = left.recipients();
    let reached_others = recipients.any(|(_, process)| process.ppid != left.init.1.pid);
    (one_group && left.passed.len() > 1 && nobody_left_out && reached_others)
        .then_some((group, Confidence::Certain))
}
