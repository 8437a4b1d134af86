//! PID 1 had `SIG_IGN` for the stop signal, so the kernel dropped it (kernel/signal.c
//! `sig_ignored()`), and the runtime killed it when the grace period was over.

use crate::{
    diagnose::{Rule, rules::runtime_gave_up},
    model::{ClosedStop, DispositionAtStop, Finding, FindingId, SendResult},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::InitIgnoresSignal,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let gave_up = runtime_gave_up(stop)?;
    let ignores = stop.report.stop.result == Some(SendResult::Ignored)
        && gave_up.init.stop_signal.disposition == Some(DispositionAtStop::Ignored);
    if !ignores {
        return None;
    }
    let signal = gave_up.signal;
    let summary = format!(
        "PID 1 ({}) ignores {signal} (SIG_IGN), so the kernel dropped it; the runtime waited {} and sent SIGKILL",
        gave_up.init.comm, gave_up.waited
    );
    let fix = vec![
        format!("do not set {signal} to SIG_IGN in PID 1, nor in what starts it: exec inherits it"),
        format!("install a handler for {signal} that ends the program"),
    ];
    Some(gave_up.finding(RULE.id, summary, fix))
}
