//! PID 1 took the stop signal and ended; it passed it on to nobody, and the kernel killed who was left
//! with the namespace.

use crate::{
    diagnose::{
        Rule,
        inits::Reach,
        left_behind::{LeftBehind, left_behind},
        view::is_shell,
        words,
    },
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
    let failure = failure(&left);
    let why = failure.as_deref().unwrap_or_default();
    let summary = format!(
        "PID 1 ({comm}) took {signal} and {ended} without passing it on{itself}; {names}{handlers} {verb} killed with the pid namespace{why}"
    );
    let fix = if failure.is_some() {
        vec![fixes::SAME_USER.plain(), fixes::BE_PID_1.plain()]
    } else if is_shell(stop) {
        vec![
            fixes::TRAP_SIGNALS_CHILD.plain(),
            fixes::EXEC_SERVER.plain(),
        ]
    } else {
        vec![fixes::PASS_ON.about(signal), fixes::BE_PID_1.plain()]
    };
    let confidence = if others_signal || failure.is_some() {
        Confidence::Likely
    } else {
        Confidence::Certain
    };
    Some(left.finding(RULE.id, confidence, victims, summary, fix))
}

/// What an init that is known to pass signals on, and left with an error, may have failed by: no record is
/// made of a kill(2) that the kernel refuses (kernel/signal.c `check_kill_permission()`).
fn failure(left: &LeftBehind) -> Option<String> {
    let is_known = matches!(left.reach().0, Reach::MainChild | Reach::Group);
    let code = left.init.1.exit?.code?;
    if !is_known || code == 0 || code == 128_u8.saturating_add(left.signal.0) {
        return None;
    }
    let euids = &left.stop.facts.euids;
    let euid = |index: usize| euids.get(index).copied().flatten();
    let own = euid(left.init.0);
    let mut victims = left.unsignalled.iter();
    let other = victims.find(|(index, _)| euid(*index).is_some() && euid(*index) != own);
    Some(match (own, other) {
        (Some(own), Some((index, process))) if own != 0 => format!(
            "; it left with an error (code {code}), its uid is {own} and that of {} is {}: it may not have been allowed to signal it",
            process.comm,
            euid(*index).unwrap_or_default()
        ),
        _ => format!("; it left with an error (code {code}): it may have tried and failed"),
    })
}
