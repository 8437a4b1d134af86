//! PID 1 had the default disposition for the stop signal. The default action of a signal never
//! applies to the init of a pid namespace (`SIGNAL_UNKILLABLE`, kernel/signal.c
//! `sig_task_ignored()`): the kernel dropped it, and the runtime killed PID 1 in the end.
//!
//! Where PID 1 handled the signal later, or had become another program, the signal came too early:
//! that is another cause.

use crate::{
    diagnose::{
        Rule,
        rules::startup_window::reacts_later,
        unheeded::{unheeded, was_dropped},
        view::{Listed, is_python, is_shell, killed_with_init, would_react},
        words,
    },
    model::{ClosedStop, Finding, FindingId, Signal},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::InitNoHandler,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let unheeded = unheeded(stop)?;
    let is_same_program = unheeded.asked.exec_since == Some(false);
    if !was_dropped(&unheeded.asked) || !is_same_program || reacts_later(stop, &unheeded.asked) {
        return None;
    }
    let signal = unheeded.signal;
    let others: Vec<Listed> = killed_with_init(stop)
        .filter(|(_, process)| would_react(process))
        .collect();
    let mut fix = words::make_init_react(signal, is_shell(stop), &others);
    if is_python(stop) && signal != Signal::INT {
        fix.push(
            "or set STOPSIGNAL SIGINT: python catches that on its own (KeyboardInterrupt)"
                .to_owned(),
        );
    }
    let summary = format!(
        "PID 1 ({}) has no {signal} handler, so the kernel dropped the signal; {}",
        unheeded.init.comm, unheeded.end
    );
    Some(unheeded.finding(RULE.id, summary, fix))
}
