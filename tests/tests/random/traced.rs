//! What a tracer changes, by its notes in the slot of the process that it traces.

use crate::{
    causes::Causes,
    drive::Ran,
    generate::Stop,
    notes::Note,
    plan::{Meets, Tracer, Tracing},
    times::Known,
    truth::{Fact, Truth},
};

impl Ran {
    /// Whether it is traced from one moment to another.
    pub(crate) fn is_traced(&self, process: usize, from: u64, to: u64) -> Known {
        let Some((by, _)) = self.plan.nodes[process].traced else {
            return Known::No;
        };
        let (lives_until, is_gone_by) = match by {
            // One that leaves takes the process along.
            Tracer::Outside => {
                let leaves = self.note(process, Note::TracerLeaves);
                (leaves.unwrap_or(u64::MAX), u64::MAX)
            }
            Tracer::Inside(tracer) => (
                self.ended_after(tracer).min(self.init_left_after()),
                self.ended_by(Some(tracer)),
            ),
        };
        if to < lives_until {
            Known::Yes
        } else if from > is_gone_by {
            Known::No
        } else {
            Known::Maybe
        }
    }

    /// Whether it is when it is asked to end, and until it is killed.
    pub(crate) fn is_traced_in_stop(&self, process: usize) -> Known {
        let sendings = self.sendings();
        let sendings = sendings
            .iter()
            .filter(|sending| sending.to.contains(&Some(process)));
        // A foreign PID 1 notes none.
        let first = sendings.map(|sending| sending.begin).min();
        let from = first.unwrap_or(self.since);
        self.is_traced(process, from, self.killed_after(Some(process)))
    }

    /// Whether a tracer has seen it stop with a signal that asks to end: then it has taken it.
    pub(crate) fn has_stopped(&self, process: usize) -> bool {
        self.note(process, Note::Stopped).is_some()
    }

    /// Whether a tracer held back such a signal.
    fn is_held(&self, process: usize) -> bool {
        let tracing = self.plan.nodes[process].traced;
        let holds = matches!(tracing, Some((_, Tracing::Delay(_) | Tracing::Hold)));
        holds && self.has_stopped(process)
    }

    /// Whether the kernel drops such a signal, if not at once for there is a tracer, then when that has passed it on.
    pub(crate) fn drops(&self, process: usize) -> bool {
        let is_init = self.is_some_init(Some(process));
        match self.plan.nodes[process].meets {
            Meets::Ignore => true,
            Meets::Default | Meets::Late => is_init,
            Meets::OnlyQuit => is_init && self.plan.stop_signal() != libc::SIGQUIT,
            _ => is_init && self.stopped_as_new_program(process),
        }
    }

    /// Whether its tracer saw it stop with a signal that had come before it became another program, and before that was
    /// ready for one.
    fn stopped_as_new_program(&self, process: usize) -> bool {
        let note = |note| self.note(process, note);
        let Some((began, stopped)) = note(Note::ExecBegin).zip(note(Note::Stopped)) else {
            return false;
        };
        stopped > began && note(Note::ExecEnd).is_none_or(|end| end > stopped)
    }

    /// When a tracer began to end that kills who it traces; what a teardown does is not looked at.
    pub(crate) fn tracer_left_after(&self, process: usize) -> Option<u64> {
        match self.plan.nodes[process].traced? {
            (Tracer::Outside, Tracing::Kill(_)) => self.note(process, Note::TracerLeaves),
            (Tracer::Inside(tracer), Tracing::Kill(_)) => Some(self.ended_after(tracer)),
            _ => None,
        }
    }

    /// When it had ended.
    pub(crate) fn tracer_left_by(&self, process: usize) -> Option<u64> {
        match self.plan.nodes[process].traced? {
            (Tracer::Inside(tracer), Tracing::Kill(_)) => Some(self.ended_by(Some(tracer))),
            _ => None,
        }
    }
}

/// Whether a tracer changed what the signal did to one who was killed.
fn changed(ran: &Ran, fact: &Fact) -> Known {
    let Some(process) = fact.who.filter(|_| fact.is_killed()) else {
        return Known::No;
    };
    let is_init = fact.who == ran.own_init();
    // It would have been dropped, or would have ended it, at once.
    let at_once = match ran.plan.nodes[process].meets {
        Meets::Default | Meets::Ignore if is_init => true,
        Meets::Default => !is_init,
        _ => false,
    };
    // Default for some signals, or for some time.
    let may_be_default = matches!(ran.plan.nodes[process].meets, Meets::Late | Meets::OnlyQuit);
    let traced = ran.is_traced_in_stop(process);
    let changed = if at_once {
        fact.sent.min(traced)
    } else if ran.is_held(process) || may_be_default || (ran.drops(process) && is_init) {
        // In the end it took it, or not: the tracer need not be what mattered.
        traced.min(fact.sent).min(Known::Maybe)
    } else {
        Known::No
    };
    changed.min(fact.counts_as_killed())
}

/// Adds what tracers did to the causes.
pub(crate) fn add(ran: &Ran, truth: &Truth, mut causes: Causes) -> Causes {
    let changed = truth.facts.iter().map(|fact| changed(ran, fact)).max();
    if changed == Some(Known::Yes) && ran.plan.stop != Stop::Kill {
        causes = Causes::default();
    }
    if changed > Some(Known::No) {
        causes.certain.push("traced");
    }
    let init = truth.init();
    let is_traced = |process| ran.drops(process) && ran.is_traced_in_stop(process) != Known::No;
    if !init.is_killed() && init.sent != Known::No && init.who.is_some_and(is_traced) {
        // It ended by itself later: whether that had to do with the signal nobody can say.
        causes.likely.push("traced");
    }
    for fact in &truth.facts {
        if fact.killers.contains(&"tracer") && fact.counts_as_killed() > Known::No {
            // No cause of the list is about this kill; each of these is true of it.
            causes
                .certain
                .extend(["traced", "killed-inside", "killed-outside", "unexplained"]);
        }
    }
    causes
}
