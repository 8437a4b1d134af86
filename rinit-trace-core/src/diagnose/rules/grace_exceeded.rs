//! PID 1 took the stop signal and had not ended when the runtime sent SIGKILL: it, or a member it
//! waited for, was too slow, or nothing came of the signal.
//!
//! That a handler ran says nothing of what it is for. Only a PID 1 that passed the signal on, and
//! whose recipients were still there, is known to have waited.

use std::collections::HashSet;

use crate::{
    diagnose::{
        Rule,
        passed::asking,
        unheeded::runtime_gave_up,
        view::{Listed, killed_with_init},
        words,
    },
    knowledge::causes::grace_exceeded as fixes,
    model::{
        ClosedStop, Confidence, DispositionAtStop, Finding, FindingId, Outcome, Process, Role,
        Signal,
    },
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::GraceExceeded,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let gave_up = runtime_gave_up(stop)?;
    let kind = stop.report.workload.init.kind;
    // Where the taking of signals is not recorded: these wait for them.
    let waits = gave_up.asked.taken.is_none() && kind.leaves_with_main_child();
    if gave_up.asked.taken != Some(true) && !waits {
        return None;
    }
    // Then another program took it.
    let has_execed = gave_up.asked.exec_since == Some(true);
    let has_pre_stop = stop.facts.has_pre_stop;
    let was_waiting = was_waiting(stop, gave_up.init);
    let summary = format!(
        "PID 1 ({}) took {}{} and had not ended {} later, when the runtime sent SIGKILL{}{}{}",
        if has_execed {
            &gave_up.asked.comm
        } else {
            &gave_up.init.comm
        },
        gave_up.signal,
        if has_execed {
            let program = words::another_program(gave_up.asked, gave_up.init);
            format!(", became {program}")
        } else {
            String::new()
        },
        gave_up.waited,
        who_was_waited_for(stop, gave_up.signal),
        if was_waiting || waits || has_execed {
            String::new()
        } else {
            how_it_lived_on(stop, gave_up.init)
        },
        if has_pre_stop {
            "; the container has a preStop hook, whose time counts to the grace period"
        } else {
            ""
        }
    );
    let mut fix = vec![fixes::END_SOONER.plain(), fixes::MORE_TIME.plain()];
    if has_pre_stop {
        fix.insert(1, fixes::SHORTER_PRE_STOP.plain());
    }
    if !was_waiting && !kind.leaves_with_main_child() {
        fix.push(fixes::END_AT_ALL.plain());
    }
    let mut finding = gave_up.finding(RULE.id, summary, fix);
    if !was_waiting || waits || has_execed {
        finding.confidence = Confidence::Likely;
    }
    Some(finding)
}

/// Whether PID 1 passed the signal on to a member that kept it from ending: any that was still there
/// of an init that leaves with its child; of another program one that was not done with the signal,
/// as long as it had not begun a new child, as a program that restarts workers does.
fn was_waiting(stop: &ClosedStop, init: &Process) -> bool {
    let asked_by_init: HashSet<u32> = asking(&stop.report)
        .into_iter()
        .filter(|one| one.sender.is_some_and(|sender| sender.pid == init.pid))
        .map(|one| one.target.pid)
        .collect();
    let leaves_with_child = stop.report.workload.init.kind.leaves_with_main_child();
    let mut left = killed_with_init(stop).filter(|(_, member)| asked_by_init.contains(&member.pid));
    if leaves_with_child {
        left.next().is_some()
    } else {
        begun(stop, init).next().is_none() && left.any(|(_, member)| is_not_done(member))
    }
}

/// Children that PID 1 has begun since it was asked.
fn begun<'a>(stop: &'a ClosedStop, init: &'a Process) -> impl Iterator<Item = Listed<'a>> {
    let processes = stop.report.processes.iter().enumerate();
    processes.filter(|(_, process)| {
        process.role == Role::Member
            && process.ppid == init.pid
            && stop.facts.begun_since.contains(&process.pid)
    })
}

/// What there is to say of a PID 1 of which nobody knows that it was waiting.
fn how_it_lived_on(stop: &ClosedStop, init: &Process) -> String {
    let begun: Vec<Listed> = begun(stop, init).collect();
    if begun.is_empty() {
        return "; nothing shows that PID 1 was ending".to_owned();
    }
    let names = words::names(begun.into_iter());
    format!("; PID 1 began {names} in that time, and nothing shows that it was ending")
}

/// Whether a member took the signal and was handling it, or ignored it.
fn is_not_done(member: &Process) -> bool {
    match member.outcome {
        Outcome::KilledHandling => !has_lost_its_handler(member),
        Outcome::KilledIgnoring => true,
        _ => false,
    }
}

/// Members that kept PID 1 waiting: still handling the signal, or ignoring it.
fn who_was_waited_for(stop: &ClosedStop, signal: Signal) -> String {
    let kept_waiting: Vec<(usize, &Process)> = killed_with_init(stop)
        .filter(|(_, process)| {
            matches!(
                process.outcome,
                Outcome::KilledHandling | Outcome::KilledIgnoring
            )
        })
        .collect();
    match kept_waiting.as_slice() {
        [] => String::new(),
        [(_, one)] if has_lost_its_handler(one) => format!(
            "; {} took {signal} before it became another program (exec) or reset its handler, and was still there",
            one.comm
        ),
        [(_, one)] => format!(
            "; {} had {signal} {} and was still there",
            one.comm,
            disposition_word(one.stop_signal.disposition)
        ),
        many => format!(
            "; {} had been signalled and were still there",
            words::names(many.iter().copied())
        ),
    }
}

/// What a shell's new child takes in the handler it has from the shell is lost on the program that it becomes.
fn has_lost_its_handler(member: &Process) -> bool {
    let met = &member.stop_signal;
    met.disposition == Some(DispositionAtStop::Handled)
        && met.disposition_at_end == Some(DispositionAtStop::Default)
        && met.taken == Some(true)
}

fn disposition_word(disposition: Option<DispositionAtStop>) -> &'static str {
    match disposition {
        Some(DispositionAtStop::Ignored) => "ignored (SIG_IGN)",
        Some(DispositionAtStop::Blocked) => "blocked",
        Some(DispositionAtStop::Waited) => "taken by sigwait",
        Some(DispositionAtStop::Handled) => "handled",
        _ => "received",
    }
}
