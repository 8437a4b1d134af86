//! What time does to a workload: when it waits for nothing any more, and what it is then.

use std::time::Duration;

use super::{
    NAMES_PATIENCE, begin,
    workload::{State, Step, Workload},
};
use crate::model::BootTime;

/// An ending without any event closes after this.
const QUIET: Duration = Duration::from_secs(30);
/// Where the parent of the init ignores SIGCHLD, no end of the namespace is seen: counted down to
/// nobody, a stop closes after this.
const SETTLE: Duration = Duration::from_millis(200);
/// How long the gate stays open for a stop signal that an init passes on without having been sent
/// one: it leaves right after it, or it recycles a worker.
const PASSED_ON: Duration = Duration::from_secs(5);
/// A closed workload is remembered this long,
const TOMBSTONE: Duration = Duration::from_mins(1);
/// and this long when a process was left (D state): its end later is no second stop.
const LEFTOVERS: Duration = Duration::from_hours(1);

impl Workload {
    pub(super) fn on_timeout(&mut self, now: BootTime) -> Step {
        if self.state_deadline().is_none_or(|at| at > now) {
            return Step::Stay;
        }
        match self.state {
            State::Watching { .. } | State::Asked { .. } => {
                self.state = State::Watching { gate: None };
                self.stirred_at = None;
                self.passed_on = None;
                self.drops.reset();
                self.forget_before(now);
                self.members.clear();
                self.asked_members = false;
                Step::Calm
            }
            State::Ending { last, nobody_left } => {
                let at = if nobody_left {
                    self.gone_at = Some(last);
                    last
                } else {
                    last.plus(QUIET)
                };
                self.state = State::Ended { at };
                Step::Ended
            }
            State::Ended { .. } => Step::Ended,
            State::Closed { .. } => Step::Forget,
        }
    }

    pub(super) fn deadline(&self) -> Option<BootTime> {
        let outside = self.outside.deadline().filter(|_| self.is_watching());
        let deadlines = [self.state_deadline(), self.drops.deadline(), outside];
        deadlines.into_iter().flatten().min()
    }

    fn state_deadline(&self) -> Option<BootTime> {
        Some(match self.state {
            State::Watching { gate } => {
                let gate = gate.map(|at| at.plus(begin::gate_time(self.names.as_ref())));
                gate.max(self.passed_on.map(|at| at.plus(PASSED_ON)))?
            }
            State::Asked { last } => last.plus(begin::gate_time(self.names.as_ref())),
            State::Ending { last, nobody_left } => {
                last.plus(if nobody_left { SETTLE } else { QUIET })
            }
            State::Ended { at } => at.plus(NAMES_PATIENCE),
            State::Closed { at } if self.gone_at.is_some() => at.plus(TOMBSTONE),
            State::Closed { at } => at.plus(LEFTOVERS),
        })
    }
}
