//! PID 1 took the stop signal and ended; whoever was left the kernel killed with the namespace
//! (`zap_pid_ns_processes()` in `kernel/pid_namespace.c`). Who of them had been signalled, and by
//! whom, tells the causes apart.

use std::collections::HashSet;

use super::{
    inits::{Reach, reach},
    view::{self, Listed, init, init_ended_by_itself, torn_down},
    words,
};
use crate::{
    knowledge::causes::WHY_PID_1_CRASHED,
    model::{ClosedStop, Confidence, Evidence, Finding, FindingId, Role, Signal},
};

pub(super) struct LeftBehind<'a> {
    pub(super) stop: &'a ClosedStop,
    pub(super) init: Listed<'a>,
    pub(super) signal: Signal,
    /// Name of PID 1, and of what it became after it had taken the signal.
    pub(super) comm: String,
    /// PID 1 is known to have taken it, to be the same program still, and to have ended by it: not all
    /// end by ^C.
    is_sure: bool,
    /// Victims that no stop signal had been sent to.
    pub(super) unsignalled: Vec<Listed<'a>>,
    /// Victims that had been sent one.
    pub(super) signalled: Vec<Listed<'a>>,
    /// Members that PID 1 passed it on to, in order of time, with the index of each signal.
    pub(super) passed: Vec<(usize, Listed<'a>)>,
}

/// The victims of a stop that PID 1 took part in and left; `None` for any other stop.
pub(super) fn left_behind(stop: &ClosedStop) -> Option<LeftBehind<'_>> {
    let report = &stop.report;
    let init = init(report)?;
    let asked = stop.facts.asked.as_ref()?;
    let victims: Vec<Listed> = torn_down(stop).collect();
    if asked.taken == Some(false) || !init_ended_by_itself(report) || victims.is_empty() {
        return None;
    }
    let (signalled, unsignalled) = victims
        .into_iter()
        .partition(|(_, process)| process.stop_signal.received > 0);
    let sent = view::first_sent(report, init.1.pid);
    let processes = report.processes.iter().enumerate();
    let mut passed: Vec<(usize, Listed)> = processes
        .filter(|(_, process)| process.role != Role::Init && process.stop_signal.received > 0)
        .filter_map(|listed| Some((*sent.get(&listed.1.pid)?, listed)))
        .collect();
    passed.sort_by_key(|(signal, _)| *signal);
    Some(LeftBehind {
        stop,
        init,
        signal: asked.signal,
        comm: words::taker(asked, init.1),
        is_sure: asked.taken == Some(true)
            && asked.exec_since != Some(true)
            && !report.is_by_terminal(),
        unsignalled,
        signalled,
        passed,
    })
}

impl<'a> LeftBehind<'a> {
    /// The signal that PID 1 crashed by, when it did not end as it meant to.
    fn crash(&self) -> Option<Signal> {
        let signal = self.init.1.exit?.signal?;
        (signal != self.signal).then_some(signal)
    }

    /// What PID 1 did: the given word, or died.
    pub(super) fn left(&self, word: &str) -> String {
        self.crash()
            .map_or_else(|| word.to_owned(), |signal| format!("died by {signal}"))
    }

    /// Members that the init passed the signal on to.
    pub(super) fn recipients(&self) -> impl Iterator<Item = Listed<'a>> {
        self.passed.iter().map(|(_, listed)| *listed)
    }

    /// Whether a member was signalled by another member.
    pub(super) fn somebody_else_signals(&self) -> bool {
        let processes = &self.stop.report.processes;
        let pids: HashSet<u32> = processes.iter().map(|process| process.pid).collect();
        processes.iter().any(|process| {
            process.role == Role::Member
                && process.stop_signal.from.is_some_and(|from| {
                    from != self.init.1.pid && from != process.pid && pids.contains(&from)
                })
        })
    }

    /// Whom this init passes a signal on to, and whether that is sure.
    pub(super) fn reach(&self) -> (Reach, bool) {
        let init = &self.stop.report.workload.init;
        let settings = &self.stop.facts.init_settings;
        reach(init.kind, init.cmdline.as_deref(), settings)
    }

    /// The finding about these victims, with the signals that it rests on.
    pub(super) fn finding(
        &self,
        id: FindingId,
        confidence: Confidence,
        victims: &[Listed],
        summary: String,
        mut fix: Vec<String>,
    ) -> Finding {
        let crash = self.crash();
        if let Some(signal) = crash {
            fix.insert(0, WHY_PID_1_CRASHED.about(signal));
        }
        let report = &self.stop.report;
        let (pids, mut evidence) = words::about(report, victims.iter().copied());
        evidence.extend(words::signal_to(report, self.init.1.pid, self.signal));
        let passed = self.passed.iter();
        evidence.extend(passed.map(|(signal, _)| Evidence::Signal(*signal)));
        evidence.push(Evidence::Process(self.init.0));
        Finding {
            id,
            // What it would have done yet nobody knows.
            confidence: if self.is_sure && crash.is_none() {
                confidence
            } else {
                Confidence::Likely
            },
            summary,
            fix,
            pids,
            evidence,
        }
    }
}
