//! How a process met the stop signal: what it was set to do with it, and whether it took it.

use std::{collections::BTreeMap, time::Duration};

use super::{members::Member, scene::Scene, terminal::is_of_terminal};
use crate::model::{
    Disposition, DispositionAtStop, ExitStatus, SendResult, Signal, SignalEvent, StopSignal,
    TaskState, millis,
};

/// A thread that does not block a signal has come to take it by then, on any machine.
const TIME_TO_RUN: Duration = Duration::from_secs(1);

impl Member<'_> {
    pub(super) fn met_stop_signal(&self, scene: &Scene) -> StopSignal {
        let stop = scene.stop;
        let taken = self.taken(scene, None);
        let first = self.asked.first().copied();
        // Only some signals' dispositions are read at the end.
        let known_at_end = rinit_trace_common::DISPOSITION_SIGNALS.contains(&u32::from(stop.0));
        StopSignal {
            disposition: first.map(|event| {
                let dequeued = taken == Some(true) && event.result != SendResult::Ignored;
                let signal = event.signal.unwrap_or(stop);
                self.disposition(scene, event.disposition, &event.state, signal, dequeued)
            }),
            disposition_at_end: self.end_state().filter(|_| known_at_end).map(|state| {
                let dequeued = taken == Some(true);
                self.disposition(scene, state.disposition(stop), &state, stop, dequeued)
            }),
            received: self
                .asked
                .iter()
                .map(|event| event.folded.saturating_add(1))
                .fold(0, u32::saturating_add),
            taken,
            first_at_ms: first.map(|event| millis(event.at.since(scene.begin.at))),
            result: first.map(|event| event.result),
            from: first
                .filter(|event| !is_of_terminal(event))
                .map(|event| event.sender.key.tgid),
            comm: first.map(|event| event.target.comm.clone()),
        }
    }

    pub(super) fn disposition(
        &self,
        scene: &Scene,
        handler: Disposition,
        state: &TaskState,
        signal: Signal,
        dequeued: bool,
    ) -> DispositionAtStop {
        let is_init = self.is_protected(scene);
        match handler {
            Disposition::Ignored => DispositionAtStop::Ignored,
            // Blocked for a moment only.
            Disposition::Handled if self.handler_ran(scene, signal) => DispositionAtStop::Handled,
            Disposition::Default if self.drops_at_delivery(scene, signal) > 0 => {
                DispositionAtStop::Default
            }
            // The thread that was looked at blocks it. One that handles it is beside it, or why would
            // there be a handler?
            Disposition::Handled if state.threads > 1 && !self.left_pending(scene, signal) => {
                DispositionAtStop::Handled
            }
            // Blocked for a moment, as by who starts a process or a thread, or for as long as it does not
            // wait in ppoll(2): nobody sent it one that shows otherwise.
            Disposition::Handled if !self.was_sent(signal) => DispositionAtStop::Handled,
            _ if state.is_blocked(signal) && dequeued => DispositionAtStop::Waited,
            _ if state.is_blocked(signal) => DispositionAtStop::Blocked,
            Disposition::Handled => DispositionAtStop::Handled,
            // An init drops what it has no handler for: one that dequeued it waits for signals,
            // unless it had a handler then. Of one that is traced the tracer may have it.
            Disposition::Default
                if is_init && dequeued && !self.had_handler() && !is_traced(self) =>
            {
                DispositionAtStop::Waited
            }
            Disposition::Default => DispositionAtStop::Default,
        }
    }

    fn was_sent(&self, signal: Signal) -> bool {
        let mut asked = self.asked.iter();
        asked.any(|event| event.signal == Some(signal))
    }

    /// Whether a signal stayed pending for so long that every thread must block it.
    fn left_pending(&self, scene: &Scene, signal: Signal) -> bool {
        let sent = self
            .asked
            .iter()
            .find(|event| is_queued(event) && event.signal == Some(signal));
        let end = self.kill.map(|kill| kill.at);
        let end = end.or(self.exit.map(|exit| exit.at));
        let waited = sent
            .zip(end)
            .is_some_and(|(sent, end)| end.since(sent.at) >= TIME_TO_RUN);
        waited && self.taken(scene, Some(signal)) == Some(false)
    }

    /// Whether a signal was still pending when SIGKILL came right after it: nothing follows from that.
    pub(super) fn had_no_time_for(&self, scene: &Scene, event: &SignalEvent) -> bool {
        let is_soon = self
            .kill
            .is_some_and(|kill| kill.at.since(event.at) < TIME_TO_RUN);
        is_soon
            && event.result != SendResult::Ignored
            && self.taken(scene, event.signal) == Some(false)
            && event
                .signal
                .is_some_and(|signal| self.drops_at_delivery(scene, signal) == 0)
    }

    /// Whether it is the init of a pid namespace, the workload's or one within it, which default actions
    /// do not apply to. The main process of a container in a shared one is not.
    fn is_protected(&self, scene: &Scene) -> bool {
        let is_nested = self.task.inner_level > self.task.level && self.task.inner_tgid == 1;
        is_nested || (self.key == scene.workload.init && !scene.workload.id.is_shared())
    }

    fn had_handler(&self) -> bool {
        self.asked
            .iter()
            .any(|event| is_queued(event) && event.disposition == Disposition::Handled)
    }

    /// Whether the init was seen to take this signal with a handler. A blocked signal of an init
    /// without one is delivered, too, and then dropped.
    fn handler_ran(&self, scene: &Scene, signal: Signal) -> bool {
        let deliveries = &scene.workload.episode.deliveries;
        deliveries.was_handled(self.key, signal, scene.begin.at)
    }

    /// How often it dropped this signal when it unblocked it, having blocked it for a moment: it is
    /// delivered then, and dropped after the tracepoint (kernel/signal.c `get_signal()`), when it is ignored,
    /// or when an init has no handler (`SIGNAL_UNKILLABLE`). Only deliveries to inits are recorded.
    pub(super) fn drops_at_delivery(&self, scene: &Scene, signal: Signal) -> u64 {
        if self.is_protected(scene) && scene.sees_deliveries {
            scene.drops.get(&(self.key, signal)).copied().unwrap_or(0)
        } else {
            self.drops_ignored(signal)
        }
    }

    /// The same, concluded: it was queued although it is ignored, as a blocked one is, and neither is it
    /// pending at the end nor blocked, as by one that waits for it.
    fn drops_ignored(&self, signal: Signal) -> u64 {
        let is_ignored = |state: &TaskState| {
            state.disposition(signal) == Disposition::Ignored && !state.is_blocked(signal)
        };
        let Some(state) = self.end_state().filter(is_ignored) else {
            return 0;
        };
        let queued = self.asked.iter().filter(|event| {
            let is_it = event.signal == Some(signal) && is_queued(event);
            is_it && event.disposition == Disposition::Ignored
        });
        let queued: u64 = queued.map(|event| u64::from(event.folded) + 1).sum();
        queued.saturating_sub(u64::from(state.pending & signal.bit() != 0))
    }

    /// Whether an init without a handler could have been seen to drop a queued signal: without the
    /// probe on deliveries it looks like one that waits for signals.
    fn may_hide_drops(&self, scene: &Scene) -> bool {
        self.is_protected(scene)
            && !scene.sees_deliveries
            && self
                .asked
                .iter()
                .any(|event| is_queued(event) && event.disposition == Disposition::Default)
    }

    /// Whether it dequeued a signal that asked it to end, or this one: sends with result 0, minus
    /// one if it is pending at its SIGKILL or exit, minus those that were dropped at delivery.
    /// `None` when it was sent none, its end was not seen, or drops would not have been, or when several of a
    /// real-time signal were sent of which some are pending.
    pub(super) fn taken(&self, scene: &Scene, only: Option<Signal>) -> Option<bool> {
        let mut asked = self
            .asked
            .iter()
            .filter(|event| only.is_none_or(|signal| event.signal == Some(signal)))
            .peekable();
        asked.peek()?;
        let mut sends: BTreeMap<Signal, u64> = BTreeMap::new();
        for event in asked.filter(|event| is_queued(event)) {
            if let Some(signal) = event.signal {
                *sends.entry(signal).or_default() += u64::from(event.folded) + 1;
            }
        }
        if sends.is_empty() {
            return Some(false);
        }
        // Ended by its default action: it acted on it, and yet it is left in the queue.
        let ended_by = |signal: Signal| {
            self.exit
                .is_some_and(|exit| exit.status == ExitStatus::Signal(signal))
        };
        let mut signals = sends.keys();
        if signals.any(|signal| ended_by(*signal) || self.handler_ran(scene, *signal)) {
            return Some(true);
        }
        let pending = self.end_state()?.pending;
        // How many of a real-time signal are pending the mask does not say, nor a flood how many were dropped.
        let deliveries = &scene.workload.episode.deliveries;
        let is_unclear = |signal: Signal, sends: u64| {
            (signal.is_realtime() && sends > 1 && pending & signal.bit() != 0)
                || deliveries.is_unclear(self.key, signal, scene.begin.at)
        };
        let taken = sends.iter().any(|(signal, sends)| {
            let queued = u64::from(pending & signal.bit() != 0);
            let left = queued + self.drops_at_delivery(scene, *signal);
            *sends > left && !is_unclear(*signal, *sends)
        });
        let mut all = sends.iter();
        let nothing_follows = all.any(|(signal, sends)| is_unclear(*signal, *sends));
        if (taken && self.may_hide_drops(scene)) || (!taken && nothing_follows) {
            return None;
        }
        Some(taken)
    }
}

/// Whether somebody traced it when it was signalled or ended.
pub(super) fn is_traced(member: &Member) -> bool {
    let signalled = member.asked.iter().copied().chain(member.kill);
    let mut targets = signalled.map(|event| &event.target).chain([member.task]);
    targets.any(|target| target.ptrace != 0)
}

/// In the queue of its target.
fn is_queued(event: &SignalEvent) -> bool {
    matches!(event.result, SendResult::Delivered | SendResult::LoseInfo)
}
