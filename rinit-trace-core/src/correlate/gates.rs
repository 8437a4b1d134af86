//! The kernel side's gate of a workload: whether it may be open, and what is to be done when it was closed at
//! the wrong moment.

use super::{
    begin,
    episode::SKEW,
    workload::{State, Workload},
};
use crate::model::{BootTime, Signal, SignalEvent};

impl Workload {
    /// Whether the kernel side's gate may be open.
    pub(super) fn wants_gate(&self) -> bool {
        self.is_stopping()
            || self.passed_on.is_some()
            || matches!(self.state, State::Watching { gate: Some(_) })
    }

    /// When the stop that has begun just now had opened a gate that was closed after that, or at that moment: the
    /// kernel side looks a gate up, and on another CPU it may be removed before that marks it and makes the
    /// record. Exits in between were not recorded, which is a loss.
    pub(super) fn lost_its_gate(&mut self) -> Option<BootTime> {
        let closed_at = self.gate_closed_at.plus(SKEW);
        let began = self.stirred_at.filter(|at| *at <= closed_at)?;
        self.losses.note(1, began);
        Some(began)
    }

    /// The signal that the init was sent at a moment.
    pub(super) fn sent_at(&self, at: BootTime) -> Option<Signal> {
        let mut signals = self.episode.signals.iter();
        let sent = signals.rfind(|event| event.target.key == self.init && event.at == at);
        sent.and_then(|event| event.signal)
    }

    /// While nobody knew the stop signal, what came from outside might have been it. Whether the names say that
    /// none of that asks to end: then there is no stop, and the gate is not wanted.
    pub(super) fn calm_down(&mut self) -> bool {
        let names = self.names.as_ref();
        let asks = |event: &SignalEvent| {
            event.target.key == self.init && begin::may_ask_to_end(event, names)
        };
        let is_calm =
            matches!(self.state, State::Asked { .. }) && !self.episode.signals.iter().any(asks);
        if is_calm {
            self.state = State::Watching { gate: None };
            self.stirred_at = None;
            self.asked_members = false;
        }
        is_calm
    }
}
