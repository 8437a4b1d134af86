//! PID 1 took the stop signal and had not ended when the runtime sent SIGKILL: it, or a member it
//! waited for, was too slow, or nothing came of the signal.

use crate::{
    diagnose::{Rule, init, killed_members, rules::runtime_gave_up, words},
    model::{ClosedStop, Confidence, DispositionAtStop, Finding, FindingId, Outcome},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::GraceExceeded,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let (index, init_process) = init(report)?;
    if report.stop.taken != Some(true) || !runtime_gave_up(stop) {
        return None;
    }
    let signal = words::stop_signal(report);
    let had = words::duration(report.stop.grace_used_ms?);
    // Members that kept PID 1 waiting: still handling the signal, or ignoring it.
    let kept_waiting: Vec<(usize, &crate::model::Process)> = killed_members(report)
        .filter(|(_, process)| {
            matches!(
                process.outcome,
                Outcome::KilledHandling | Outcome::KilledIgnoring
            )
        })
        .collect();
    let waiting = match kept_waiting.as_slice() {
        [] => String::new(),
        [(_, one)] => format!(
            "; {} had {signal} {} and was still there",
            one.comm,
            disposition_word(one.stop_signal.disposition)
        ),
        many => format!(
            "; {} had been signalled and were still there",
            words::names(many.iter().copied())
        ),
    };
    let victims = std::iter::once((index, init_process)).chain(killed_members(report));
    let (pids, mut evidence) = words::about(report, victims);
    evidence.extend(words::signal_to(report, init_process.pid, signal));
    Some(Finding {
        id: RULE.id,
        confidence: Confidence::Certain,
        summary: format!(
            "PID 1 ({}) took {signal} and had not ended {had} later, when the runtime sent SIGKILL{waiting}",
            init_process.comm
        ),
        fix: vec![
            "find what the shutdown waits for and end it sooner (open connections, a foreground command of a shell, a child that does not stop)".to_owned(),
            "or give it more time: docker stop -t, --stop-timeout, terminationGracePeriodSeconds"
                .to_owned(),
        ],
        pids,
        evidence,
    })
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
