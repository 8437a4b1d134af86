//! Stop signals that are no usual ones, and floods of them: what nobody knows then.

use crate::{
    begin::{Begin, own_end},
    drive::{Ran, Span},
    generate::{Init, Plan, Stop},
    notes::Note,
    plan::{self, Act, Forward, Node},
    rng::Rng,
    times::{Sending, Who},
};

/// Those that ask every program to end, by the contract: TERM, INT, QUIT, PWR and RTMIN+3. Whether another one does, its
/// configuration would tell, and these workloads have none.
const USUAL: [i32; 5] = [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT, libc::SIGPWR, 37];

/// The first real-time signal. Of these each one that is sent is queued.
pub(crate) const REAL_TIME: i32 = 34;

/// Others than usual ones, which programs mostly have for something else.
const OTHERS: [(usize, i32); 4] = [
    (1, libc::SIGHUP),
    (1, libc::SIGUSR1),
    (1, libc::SIGUSR2),
    (1, libc::SIGWINCH),
];

/// Those that a real init leaves alone, as they tell of its own faults.
const FAULTS: [i32; 4] = [libc::SIGILL, libc::SIGABRT, libc::SIGFPE, libc::SIGSYS];

/// Has some stops begin with another signal than the most usual ones. A shell would need a trap for it.
pub(crate) fn unusual(rng: &mut Rng, init: Init, stop: &mut Stop, nodes: &mut [Node]) {
    let Stop::Signals { signals, .. } = stop else {
        return;
    };
    if init.is_shell() || !rng.chance(14) {
        return;
    }
    let mut signal = match rng.below(100) {
        0..25 => rng.pick(&[(1, libc::SIGPWR), (2, 37)]),
        25..60 => rng.pick(&OTHERS),
        _ => plan::STOP_SIGNALS[rng.below(plan::STOP_SIGNALS.len())],
    };
    if init != Init::Own && FAULTS.contains(&signal) {
        signal = libc::SIGHUP;
    }
    if signal < REAL_TIME {
        signals[0].0 = signal;
    } else if init == Init::Own {
        signals[0].0 = signal;
        // It is sent once, and to PID 1 alone: the contract counts what is pending as for signals of which one is queued.
        signals.truncate(1);
        for node in nodes {
            node.forward = Forward::Nobody;
        }
    }
}

impl Plan {
    /// Whether the signal that is sent first asks every program to end.
    pub(crate) fn is_usual(&self) -> bool {
        USUAL.contains(&self.stop_signal())
    }
}

impl Ran {
    /// What floods have sent. When the first signal of one was there is not noted, only when all were.
    pub(crate) fn floods(&self) -> impl Iterator<Item = Sending> {
        let nodes = self.plan.nodes.iter().enumerate();
        let acts = nodes.flat_map(|(from, node)| node.acts.iter().map(move |(_, act)| (from, act)));
        acts.filter_map(|(from, act)| {
            let Act::Flood(target) = act else { return None };
            Some(Sending {
                from: Some(from),
                begin: self.note(from, Note::FloodBegin)?,
                end: self.note(from, Note::FloodEnd),
                to: vec![Some(*target)],
            })
        })
    }

    /// Whether there was a flood.
    pub(crate) fn is_flooded(&self) -> bool {
        self.floods().next().is_some()
    }

    /// Before this nobody had sent anybody a signal that asks to end; a foreign PID 1 may have, on leaving.
    pub(crate) fn asked_after(&self) -> u64 {
        let first = self.signals.first();
        let by_driver = first.map_or(self.since, |(_, span)| span.begin);
        self.floods()
            .map(|flood| flood.begin)
            .fold(by_driver, u64::min)
    }

    /// Whether a flood, or a process that passed on what it sent, may have asked another to end before the stop began.
    pub(crate) fn may_be_asked_before(&self, who: Who, begin: &Begin) -> bool {
        let sendings = self.sendings();
        let mut inside = sendings.iter().filter(|sending| sending.from.is_some());
        self.is_flooded()
            && inside.any(|sending| sending.to.contains(&who) && sending.begin < begin.by)
    }

    /// Whether somebody may have been sent a signal that asks to end before the stop began.
    pub(crate) fn is_asked_early(&self) -> bool {
        !self.plan.is_usual() || self.is_flooded()
    }
}

/// The begin of a stop whose first signal may be a stop signal, or may mean something else.
pub(crate) fn begin_of_unusual(ran: &Ran, first: Span) -> Begin {
    let own = own_end(ran);
    let kill = ran.kill.map_or(0, |span| span.end);
    let mut triggers = own.triggers;
    triggers.extend(["stop-signal", "sigkill", "init-exit", "main-child-exit"]);
    Begin {
        after: own.after.min(first.begin),
        by: own.by.max(first.end).max(kill),
        triggers,
        child: None,
    }
}
