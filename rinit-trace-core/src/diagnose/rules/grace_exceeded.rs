//! PID 1 took the stop signal and had not ended when the runtime sent SIGKILL: it, or a member it
//! waited for, was too slow, or nothing came of the signal.

use crate::{
    diagnose::{Rule, unheeded::runtime_gave_up, view::killed_with_init, words},
    knowledge::causes::grace_exceeded as fixes,
    model::{
        ClosedStop, Confidence, DispositionAtStop, Finding, FindingId, Outcome, Process, Signal,
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
    let summary = format!(
        "PID 1 ({}) took {}{} and had not ended {} later, when the runtime sent SIGKILL{}{}",
        gave_up.init.comm,
        gave_up.signal,
        if has_execed {
            ", became another program (exec)"
        } else {
            ""
        },
        gave_up.waited,
        who_was_waited_for(stop, gave_up.signal),
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
    let mut finding = gave_up.finding(RULE.id, summary, fix);
    if waits || has_execed {
        finding.confidence = Confidence::Likely;
    }
    Some(finding)
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
