//! Somebody traces (`ptrace`) PID 1 or a killed member, and that changed what the stop signal did.
//!
//! A signal to a traced process is never dropped when it is sent (kernel/signal.c `sig_ignored()`):
//! it stops for the tracer, which passes it on, or not, and later. PID 1 without a handler seems to
//! take it then, and a member dies of SIGKILL where the signal itself would have ended it.

use crate::{
    diagnose::{
        Rule,
        unheeded::unheeded,
        view::{self, Listed},
        words,
    },
    knowledge::causes::traced::WITHOUT_TRACER,
    model::{
        ClosedStop, Confidence, DispositionAtStop, Finding, FindingId, Outcome, Process, SendResult,
    },
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::Traced,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    of_init(stop).or_else(|| of_members(stop))
}

fn fix() -> Vec<String> {
    vec![WITHOUT_TRACER.plain()]
}

fn is_traced(stop: &ClosedStop, process: &Process) -> bool {
    stop.facts.traced.contains(&process.pid)
}

fn of_init(stop: &ClosedStop) -> Option<Finding> {
    let unheeded = unheeded(stop)?;
    let would_be_dropped = matches!(
        unheeded.asked.disposition,
        DispositionAtStop::Default | DispositionAtStop::Ignored
    );
    let was_queued = unheeded.asked.result == SendResult::Delivered;
    if !is_traced(stop, unheeded.init) || !would_be_dropped || !was_queued {
        return None;
    }
    let summary = format!(
        "PID 1 ({}) is traced and has no {} handler: the signal went to the tracer, and nothing came of it; {}",
        unheeded.init.comm, unheeded.signal, unheeded.end
    );
    Some(unheeded.finding(RULE.id, summary, fix()))
}

fn of_members(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let victims: Vec<Listed> = view::killed_members(report)
        .filter(|(_, process)| {
            is_traced(stop, process)
                && process.stop_signal.disposition == Some(DispositionAtStop::Default)
                && matches!(
                    process.outcome,
                    Outcome::KilledHandling | Outcome::KilledPending
                )
        })
        .collect();
    if victims.is_empty() {
        return None;
    }
    let (pids, evidence) = words::about(report, victims.iter().copied());
    let names = words::names(victims.iter().copied());
    let verb = if victims.len() == 1 { "is" } else { "are" };
    Some(Finding {
        id: RULE.id,
        confidence: Confidence::Certain,
        summary: format!(
            "{names} had the default action for {} and would have ended by it, but {verb} traced: the tracer held the signal back until SIGKILL came",
            words::stop_signal(report)
        ),
        fix: fix(),
        pids,
        evidence,
    })
}
