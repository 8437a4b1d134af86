//! PID 1 does not react to this stop signal, and handles another one that is usual for stopping:
//! QUIT (nginx, php-fpm), WINCH (Apache), RTMIN+3 (systemd), INT.
//!
//! That a handler for another signal ends the program is not seen, so this is likely and not
//! certain, but for systemd, whose SIGTERM means to execute itself again. A handler for INT says
//! nothing of shells and python, which catch it on their own, nor one for WINCH of shells and node,
//! which watch their terminal. One for QUIT or RTMIN+3 of a shell is a trap of its script.

use crate::{
    diagnose::{
        Rule,
        rules::startup_window::reacts_later,
        unheeded::{Unheeded, runtime_gave_up, unheeded, was_dropped},
        view::{catches_int_on_its_own, catches_winch_on_its_own},
    },
    knowledge::causes::wrong_stop_signal as fixes,
    model::{ClosedStop, Confidence, Finding, FindingId, InitKind, Signal},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::WrongStopSignal,
    check,
};

/// The most telling first.
const OTHERS: [Signal; 4] = [Signal::RTMIN_3, Signal::QUIT, Signal::WINCH, Signal::INT];

fn check(stop: &ClosedStop) -> Option<Finding> {
    if stop.report.workload.init.kind == InitKind::Systemd {
        return of_systemd(stop);
    }
    let unheeded = unheeded(stop)?;
    let is_missing = was_dropped(unheeded.asked)
        && !reacts_later(stop, unheeded.asked)
        && unheeded.asked.exec_since == Some(false);
    if !is_missing {
        return None;
    }
    let handles = stop.facts.init_handles?;
    let other = OTHERS.into_iter().find(|other| {
        handles & other.bit() != 0
            && *other != unheeded.signal
            && (*other != Signal::INT || !catches_int_on_its_own(stop))
            && (*other != Signal::WINCH || !catches_winch_on_its_own(stop))
    })?;
    let summary = format!(
        "PID 1 ({}) has no {} handler, so the kernel dropped the signal, but it handles {other}; {}",
        unheeded.init.comm, unheeded.signal, unheeded.end
    );
    let mut finding = finding(unheeded, other, summary);
    finding.confidence = Confidence::Likely;
    Some(finding)
}

fn of_systemd(stop: &ClosedStop) -> Option<Finding> {
    let unheeded = runtime_gave_up(stop)?;
    if unheeded.signal != Signal::TERM || unheeded.asked.taken == Some(false) {
        return None;
    }
    let summary = format!(
        "PID 1 ({}) is systemd, which executes itself again on SIGTERM and halts on SIGRTMIN+3; {}",
        unheeded.init.comm, unheeded.end
    );
    Some(finding(unheeded, Signal::RTMIN_3, summary))
}

fn finding(unheeded: Unheeded, other: Signal, summary: String) -> Finding {
    let fix = vec![
        fixes::SET_STOPSIGNAL.with(&[("other", &other)]),
        fixes::OR_HANDLER.about(unheeded.signal),
    ];
    unheeded.finding(RULE.id, summary, fix)
}
