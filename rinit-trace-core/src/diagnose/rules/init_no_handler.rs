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
    knowledge::causes::init_no_handler as fixes,
    model::{ClosedStop, Finding, FindingId, Signal},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::InitNoHandler,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let unheeded = unheeded(stop)?;
    let is_same_program = unheeded.asked.exec_since == Some(false);
    if !was_dropped(unheeded.asked) || !is_same_program || reacts_later(stop, unheeded.asked) {
        return None;
    }
    let signal = unheeded.signal;
    let others: Vec<Listed> = killed_with_init(stop)
        .filter(|(_, process)| would_react(process) == Some(true))
        .collect();
    let mut fix = make_init_react(signal, is_shell(stop), &others);
    if is_python(stop) && signal != Signal::INT {
        fix.push(fixes::PYTHON_INT.plain());
    }
    let summary = format!(
        "PID 1 ({}) has no {signal} handler, so the kernel dropped the signal; {}",
        unheeded.init.comm, unheeded.end
    );
    Some(unheeded.finding(RULE.id, summary, fix))
}

/// Cures of a PID 1 that does not react to the stop signal; `others` have a handler for it.
fn make_init_react(signal: Signal, is_shell: bool, others: &[Listed]) -> Vec<String> {
    let mut fix = Vec::new();
    if is_shell {
        fix.extend(make_shell_react(signal));
    } else {
        fix.push(fixes::HANDLER.about(signal));
    }
    fix.push(if is_shell && !others.is_empty() {
        // It passes the signal on to the shell alone, which is no PID 1 then and dies of it.
        let names = words::names(others.iter().copied());
        fixes::INIT_ALONE_IS_NO_CURE.with(&[("signal", &signal), ("names", &names)])
    } else {
        fixes::WITH_INIT.plain()
    });
    fix
}

/// The same of a shell, without an init.
pub(in crate::diagnose) fn make_shell_react(signal: Signal) -> [String; 2] {
    let name = signal.to_string();
    [
        fixes::EXEC_FORM.plain(),
        fixes::TRAP.with(&[("trap", &name.trim_start_matches("SIG"))]),
    ]
}
