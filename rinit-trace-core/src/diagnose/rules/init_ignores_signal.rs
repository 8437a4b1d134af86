//! PID 1 had `SIG_IGN` for the stop signal, so the kernel dropped it (kernel/signal.c
//! `sig_ignored()`), and the runtime killed it when the grace period was over.

use crate::{
    diagnose::{Rule, unheeded::unheeded},
    knowledge::causes::init_ignores_signal as fixes,
    model::{ClosedStop, DispositionAtStop, Finding, FindingId, SendResult},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::InitIgnoresSignal,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let unheeded = unheeded(stop)?;
    let asked = &unheeded.asked;
    let ignores = asked.result == SendResult::Ignored
        && asked.taken == Some(false)
        && asked.disposition == DispositionAtStop::Ignored;
    if !ignores {
        return None;
    }
    let signal = unheeded.signal;
    let (verb, when) = match asked.disposition_at_end {
        None | Some(DispositionAtStop::Ignored) => ("ignores", ""),
        _ => ("ignored", " when it came"),
    };
    let summary = format!(
        "PID 1 ({}) {verb} {signal} (SIG_IGN){when}, so the kernel dropped it; {}",
        unheeded.init.comm, unheeded.end
    );
    let fix = vec![
        fixes::NO_SIG_IGN.about(signal),
        fixes::HANDLER_THAT_ENDS.about(signal),
    ];
    Some(unheeded.finding(RULE.id, summary, fix))
}
