//! What the daemon's loop and the HTTP server share.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rinit_trace_core::model::StopReport;

use super::{
    history::{Filter, History},
    lock,
    metrics::Metrics,
};

/// How long the loop may be busy before the daemon counts as hung.
const STALLED: Duration = Duration::from_secs(10);

/// The state, shared.
pub type SharedState = Arc<State>;

/// The loop puts in, the server reads. Every call is short and waits for no input or output.
#[derive(Debug)]
pub struct State {
    metrics: Metrics,
    history: Mutex<History>,
    started: Instant,
    /// Milliseconds from `started` to the last tick.
    ticked: AtomicU64,
    probes_attached: AtomicBool,
    scan_done: AtomicBool,
}

impl State {
    /// Of a daemon that has just started: not ready.
    pub fn new(metrics: Metrics, history: History) -> SharedState {
        Arc::new(Self {
            metrics,
            history: Mutex::new(history),
            started: Instant::now(),
            ticked: AtomicU64::new(0),
            probes_attached: AtomicBool::new(false),
            scan_done: AtomicBool::new(false),
        })
    }

    /// The metrics, which may be used from every thread.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// A stop has closed: keeps its report.
    pub fn keep(&self, report: &StopReport) {
        lock(&self.history).push(report);
    }

    /// Reports as JSON objects, newest first.
    pub fn find(&self, filter: &Filter, limit: usize) -> Vec<Arc<str>> {
        lock(&self.history).find(filter, limit)
    }

    /// Reports that the history in memory had no room for.
    pub fn history_evicted(&self) -> u64 {
        lock(&self.history).evicted()
    }

    /// The loop is alive; to be called at least every second.
    pub fn tick(&self) {
        self.tick_at(Instant::now());
    }

    fn tick_at(&self, now: Instant) {
        let since = now.saturating_duration_since(self.started).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.ticked.store(since, Ordering::Relaxed);
    }

    /// The programs of the kernel side are attached and tested.
    pub fn probes_attached(&self) {
        self.probes_attached.store(true, Ordering::Relaxed);
    }

    /// The containers that were there before the daemon are known.
    pub fn scan_done(&self) {
        self.scan_done.store(true, Ordering::Relaxed);
    }

    /// For how long the loop has not ticked, if that is too long.
    pub fn stalled(&self, now: Instant) -> Option<Duration> {
        let ticked = Duration::from_millis(self.ticked.load(Ordering::Relaxed));
        let since = now
            .saturating_duration_since(self.started)
            .saturating_sub(ticked);
        (since > STALLED).then_some(since)
    }

    /// What the daemon still has to do before it sees every stop.
    pub fn not_ready(&self) -> Option<&'static str> {
        if !self.probes_attached.load(Ordering::Relaxed) {
            Some("the probes are not attached yet")
        } else if self.scan_done.load(Ordering::Relaxed) {
            None
        } else {
            Some("the running containers are not all known yet")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::metrics::MetricsOptions;

    fn state() -> SharedState {
        let metrics = Metrics::new(MetricsOptions::default()).unwrap();
        State::new(metrics, History::default())
    }

    #[test]
    fn a_loop_that_does_not_tick_is_stalled() {
        let state = state();
        let start = state.started;
        assert_eq!(state.stalled(start + STALLED), None);
        let late = start + Duration::from_secs(11);
        assert_eq!(state.stalled(late), Some(Duration::from_secs(11)));
        state.tick_at(late);
        assert_eq!(state.stalled(late + STALLED), None);
        assert!(state.stalled(late + 2 * STALLED).is_some());
    }

    #[test]
    fn it_is_ready_when_both_are_done() {
        let state = state();
        assert_eq!(state.not_ready(), Some("the probes are not attached yet"));
        state.probes_attached();
        assert!(state.not_ready().is_some());
        state.scan_done();
        assert_eq!(state.not_ready(), None);
    }
}
