//! One Event after the other, with pauses while the API server is not there.

use std::sync::Arc;

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    EventOutcome, EventsOptions,
    fault::{Fault, FaultKind},
    limits::Limits,
    notice::Notice,
    patience::Patience,
    publisher::Publisher,
    stats::Counters,
    tally::Tally,
};

/// How far the end of the daemon has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Phase {
    /// It has not begun.
    Running,
    /// What waits may be sent, with one try each.
    Draining,
    /// Nothing may be sent any more.
    Over,
}

pub(super) struct Worker {
    notices: mpsc::Receiver<Notice>,
    phase: watch::Receiver<Phase>,
    publisher: Publisher,
    limits: Limits,
    patience: Patience,
    tally: Tally,
    counters: Arc<Counters>,
    /// One is taken out of the queue and not counted yet.
    in_hand: bool,
}

impl Worker {
    pub(super) fn new(
        notices: mpsc::Receiver<Notice>,
        phase: watch::Receiver<Phase>,
        publisher: Publisher,
        options: &EventsOptions,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            notices,
            phase,
            publisher,
            limits: Limits::new(options.per_minute, options.per_pod),
            patience: Patience::new(options),
            tally: Tally::new(options),
            counters,
            in_hand: false,
        }
    }

    /// Until nobody can offer any more and the queue is empty, or the time is over. Then every
    /// Event that was offered is counted.
    pub(super) async fn run(mut self) {
        let mut phase = self.phase.clone();
        tokio::select! {
            () = self.work() => {}
            // Or whoever could say so is gone.
            _ = phase.wait_for(|phase| *phase == Phase::Over) => {}
        }
        let left = std::iter::from_fn(|| self.notices.try_recv().ok()).count();
        for _ in 0..left + usize::from(self.in_hand) {
            self.counters.count(EventOutcome::Dropped);
        }
        self.sum_up();
    }

    async fn work(&mut self) {
        loop {
            self.tally.note(Instant::now(), &self.counters.stats());
            let due = self.tally.due();
            let is_due = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let notice = tokio::select! {
                biased;
                () = is_due => {
                    self.sum_up();
                    continue;
                }
                notice = self.notices.recv() => notice,
            };
            let Some(notice) = notice else {
                return;
            };
            self.in_hand = true;
            let outcome = self.tell(&notice).await;
            self.counters.count(outcome);
            self.in_hand = false;
        }
    }

    fn sum_up(&mut self) {
        if let Some(line) = self.tally.tell(&self.counters.stats()) {
            tracing::warn!("{line}");
        }
    }

    async fn tell(&mut self, notice: &Notice) -> EventOutcome {
        let now = Instant::now();
        // What has waited too long, behind another, takes no token from what is new.
        if self.patience.is_over(notice.since, now) {
            return EventOutcome::Failed;
        }
        if self.patience.is_denied(&notice.pod.namespace, now) {
            return EventOutcome::Forbidden;
        }
        if !self.limits.take(&notice.pod.uid, now) {
            return EventOutcome::RateLimited;
        }
        // What an Event that waited too long has failed by.
        let mut outcome = EventOutcome::Failed;
        while self.may_try(notice).await {
            let fault = match self.publisher.publish(notice).await {
                Ok(outcome) => {
                    self.patience.answered();
                    return outcome;
                }
                Err(fault) => fault,
            };
            let now = Instant::now();
            self.log(notice, &fault, now);
            match fault.kind {
                FaultKind::Denied => {
                    self.patience.answered();
                    self.patience.deny(&notice.pod.namespace, now);
                    return EventOutcome::Forbidden;
                }
                FaultKind::Gone | FaultKind::Refused => {
                    self.patience.answered();
                    return EventOutcome::Failed;
                }
                FaultKind::Unauthorized => outcome = EventOutcome::Forbidden,
                FaultKind::Unavailable => outcome = EventOutcome::Failed,
            }
            self.patience.failed(now);
            if self.is_stopping() {
                break;
            }
        }
        outcome
    }

    /// Waits until the server may be asked. False when the Event would be too old, or the daemon
    /// stops before.
    async fn may_try(&mut self, notice: &Notice) -> bool {
        if let Some(at) = self.patience.not_before(Instant::now()) {
            tokio::select! {
                () = sleep_until(at) => {}
                _ = self.phase.wait_for(|phase| *phase != Phase::Running) => return false,
            }
        }
        !self.patience.is_over(notice.since, Instant::now())
    }

    fn is_stopping(&self) -> bool {
        *self.phase.borrow() != Phase::Running
    }

    fn log(&mut self, notice: &Notice, fault: &Fault, now: Instant) {
        let reason = &fault.reason;
        // Checked: these names need no escape.
        let (namespace, pod) = (&notice.pod.namespace, &notice.pod.name);
        let Some(advice) = fault.advice() else {
            tracing::debug!("no Kubernetes Event on pod {namespace}/{pod}: {reason}");
            return;
        };
        if self.patience.may_speak(now) {
            tracing::warn!(
                "cannot put a Kubernetes Event on pod {namespace}/{pod}: {reason}; {advice}"
            );
        }
    }
}
