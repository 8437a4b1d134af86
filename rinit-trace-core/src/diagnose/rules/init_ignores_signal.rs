//! PID 1 had `SIG_IGN` for the stop signal, so the kernel dropped it (kernel/signal.c
//! `sig_ignored()`), and the runtime killed it when the grace period was over.
//!
//! bash and busybox sh set QUIT to `SIG_IGN` on their own: nginx's STOPSIGNAL does nothing to a shell
//! around nginx.

use crate::{
    diagnose::{
        Rule, rules::init_no_handler::make_shell_react, unheeded::unheeded, view::is_shell,
    },
    knowledge::causes::init_ignores_signal as fixes,
    model::{Asked, ClosedStop, DispositionAtStop, Finding, FindingId, SendResult, Signal},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::InitIgnoresSignal,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let unheeded = unheeded(stop)?;
    let asked = unheeded.asked;
    // At once, or when it was unblocked.
    let was_dropped = asked.result == SendResult::Ignored || asked.dropped_at_delivery;
    let ignores = was_dropped
        && asked.taken == Some(false)
        && asked.disposition == DispositionAtStop::Ignored;
    if !ignores || ignored_as_another(asked) {
        return None;
    }
    let signal = unheeded.signal;
    let (verb, when) = match asked.disposition_at_end {
        None | Some(DispositionAtStop::Ignored) => ("ignores", ""),
        _ => ("ignored", " when it came"),
    };
    let by_itself = is_shell(stop) && signal == Signal::QUIT;
    let summary = format!(
        "PID 1 ({}) {verb} {signal} (SIG_IGN{}){when}, so the kernel dropped it; {}",
        unheeded.init.comm,
        if by_itself {
            ", as some shells do without a trap"
        } else {
            ""
        },
        unheeded.end
    );
    let fix = if by_itself {
        make_shell_react(signal).to_vec()
    } else {
        vec![
            fixes::NO_SIG_IGN.about(signal),
            fixes::HANDLER_THAT_ENDS.about(signal),
        ]
    };
    Some(unheeded.finding(RULE.id, summary, fix))
}

/// Whether the program that ignored the signal is gone: PID 1 became another one, which does not.
pub(in crate::diagnose) fn ignored_as_another(asked: &Asked) -> bool {
    let ignores_at_end = asked.disposition_at_end == Some(DispositionAtStop::Ignored);
    asked.disposition == DispositionAtStop::Ignored
        && asked.taken == Some(false)
        && asked.exec_since == Some(true)
        && asked.disposition_at_end.is_some()
        && !ignores_at_end
}
