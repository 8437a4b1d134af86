//! PID 1 had the default disposition for the stop signal. The default action of a signal never
//! applies to the init of a pid namespace (`SIGNAL_UNKILLABLE`, kernel/signal.c
//! `sig_task_ignored()`): the kernel dropped it, and the runtime killed PID 1 in the end.
//!
//! Where PID 1 handled the signal later, or had become another program, the signal came too early:
//! that is another cause.

use crate::{
    diagnose::{Rule, rules::runtime_gave_up, words},
    model::{ClosedStop, DispositionAtStop, Finding, FindingId, InitKind, Process, SendResult},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::InitNoHandler,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let gave_up = runtime_gave_up(stop)?;
    let stopped = &stop.report.stop;
    let at_once = stopped.result == Some(SendResult::Ignored)
        && gave_up.init.stop_signal.disposition == Some(DispositionAtStop::Default)
        && stop.facts.unkillable;
    // A shell blocks signals while it forks: then it is dropped a moment later.
    let later = stopped.taken == Some(false) && stop.facts.dropped_at_delivery;
    let dropped = at_once || later;
    if !dropped || came_too_early(stop, gave_up.init) {
        return None;
    }
    let is_shell = stop.report.workload.init.kind == InitKind::Shell;
    let fix = words::make_init_react(gave_up.signal, is_shell);
    let summary = format!(
        "PID 1 ({}) has no {} handler, so the kernel dropped the signal; the runtime waited {} and sent SIGKILL",
        gave_up.init.comm, gave_up.signal, gave_up.waited
    );
    Some(gave_up.finding(RULE.id, summary, fix))
}

/// Whether the init would have reacted to the signal later.
fn came_too_early(stop: &ClosedStop, init_process: &Process) -> bool {
    let has_become_another = stop.facts.exec_since != Some(false);
    let reacts_now = match init_process.stop_signal.disposition_at_end {
        Some(DispositionAtStop::Handled | DispositionAtStop::Waited) => true,
        // It waits for signals by now, and was not sent another. Not so a shell, which blocks
        // signals for the moment of a fork.
        Some(DispositionAtStop::Blocked) => stop.report.workload.init.kind != InitKind::Shell,
        _ => false,
    };
    has_become_another || reacts_now
}
