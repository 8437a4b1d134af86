//! PID 1 took the stop signal and ended; it passed it on to nobody, and the kernel killed who was left
//! with the namespace.

use crate::{
    diagnose::{Rule, left_behind::left_behind, view::is_shell, words},
    knowledge::causes::not_forwarded as fixes,
    model::{ClosedStop, Confidence, DispositionAtStop, Finding, FindingId},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::NotForwarded,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let left = left_behind(stop)?;
    if !left.passed.is_empty() || left.unsignalled.is_empty() {
        return None;
    }
    let victims = &left.unsignalled;
    let had_handler = victims
        .iter()
        .filter(|(_, process)| {
            process.stop_signal.disposition_at_end == Some(DispositionAtStop::Handled)
        })
        .count();
    let handlers = match had_handler {
        0 => String::new(),
        1 if victims.len() == 1 => ", which had a handler,".to_owned(),
        count => format!(" ({count} of {} had a handler)", victims.len()),
    };
    let names = words::names(victims.iter().copied());
    let verb = if victims.len() == 1 { "was" } else { "were" };
    let (comm, signal, ended) = (&left.comm, left.signal, left.left("ended"));
    // A helper that PID 1 started may have signalled for it (`pkill` in a trap).
    let others_signal = left.somebody_else_signals();
    let itself = if others_signal { " itself" } else { "" };
    let summary = format!(
        "PID 1 ({comm}) took {signal} and {ended} without passing it on{itself}; {names}{handlers} {verb} killed with the pid namespace"
    );
    let fix = if is_shell(stop) {
        vec![
            fixes::TRAP_SIGNALS_CHILD.plain(),
            fixes::EXEC_SERVER.plain(),
        ]
    } else {
        vec![fixes::PASS_ON.about(signal), fixes::BE_PID_1.plain()]
    };
    let confidence = if others_signal {
        Confidence::Likely
    } else {
        Confidence::Certain
    };
    Some(left.finding(RULE.id, confidence, victims, summary, fix))
}
