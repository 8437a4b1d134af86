//! PID 1 had `SIG_IGN` for the stop signal, so the kernel dropped it (kernel/signal.c
//! `sig_ignored()`), and the runtime killed it when the grace period was over.

use crate::{
    diagnose::{Rule, init, killed_members, rules::runtime_gave_up, words},
    model::{ClosedStop, Confidence, DispositionAtStop, Finding, FindingId, SendResult},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::InitIgnoresSignal,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let (index, init_process) = init(report)?;
    let ignores = report.stop.result == Some(SendResult::Ignored)
        && init_process.stop_signal.disposition == Some(DispositionAtStop::Ignored);
    if !ignores || !runtime_gave_up(stop) {
        return None;
    }
    let signal = words::stop_signal(report);
    let waited = words::duration(report.stop.grace_used_ms?);
    let victims = std::iter::once((index, init_process)).chain(killed_members(report));
    let (pids, mut evidence) = words::about(report, victims);
    evidence.extend(words::signal_to(report, init_process.pid, signal));
    Some(Finding {
        id: RULE.id,
        confidence: Confidence::Certain,
        summary: format!(
            "PID 1 ({}) ignores {signal} (SIG_IGN), so the kernel dropped it; the runtime waited {waited} and sent SIGKILL",
            init_process.comm
        ),
        fix: vec![
            format!(
                "do not set {signal} to SIG_IGN in PID 1, nor in what starts it: exec inherits it"
            ),
            format!("install a handler for {signal} that ends the program"),
        ],
        pids,
        evidence,
    })
}
