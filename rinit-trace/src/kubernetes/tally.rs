//! One line for all Events that are on no pod: a drained node may have hundreds of them at once.

use tokio::time::Instant;

use super::{EventOutcome, EventStats, EventsOptions, patience::QUIET};

/// What becomes of an Event that is on no pod.
const LOST: [EventOutcome; 4] = [
    EventOutcome::RateLimited,
    EventOutcome::Dropped,
    EventOutcome::Failed,
    EventOutcome::Forbidden,
];

/// What of them has been told.
#[derive(Debug)]
pub(super) struct Tally {
    told: EventStats,
    due: Option<Instant>,
    per_minute: u32,
    per_pod: u32,
}

impl Tally {
    pub(super) fn new(options: &EventsOptions) -> Self {
        Self {
            told: EventStats::default(),
            due: None,
            per_minute: options.per_minute,
            per_pod: options.per_pod,
        }
    }

    /// When the next line is due; `None` when there is nothing to tell.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Looks at the counters: what is new there is told some time later, with what comes until then.
    pub(super) fn note(&mut self, now: Instant, stats: &EventStats) {
        if self.due.is_none() && self.line(stats).is_some() {
            self.due = Some(now + QUIET);
        }
    }

    /// The line, with all that has not been told.
    pub(super) fn tell(&mut self, stats: &EventStats) -> Option<String> {
        let line = self.line(stats);
        self.due = None;
        self.told = *stats;
        line
    }

    fn line(&self, stats: &EventStats) -> Option<String> {
        let new = LOST.map(|outcome| (outcome, stats.get(outcome) - self.told.get(outcome)));
        let counts: Vec<String> = new
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(outcome, count)| match outcome {
                EventOutcome::RateLimited => format!(
                    "{count} rate-limited (at most {} in a minute, {} for one pod)",
                    self.per_minute, self.per_pod
                ),
                other => format!("{count} {}", other.label()),
            })
            .collect();
        let counts = counts.join(", ");
        (!counts.is_empty()).then(|| {
            format!("Kubernetes Events that are on no pod: {counts}; the reports are complete")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Api, stats::Counters};
    use super::*;

    #[test]
    fn what_is_on_no_pod_is_one_line_with_counts_and_told_once() {
        let mut tally = Tally::new(&EventsOptions::new(Api::InCluster, None));
        let counters = Counters::default();
        let now = Instant::now();
        counters.count(EventOutcome::Published);
        counters.count(EventOutcome::Aggregated);
        tally.note(now, &counters.stats());
        assert_eq!(tally.due(), None);
        counters.count(EventOutcome::RateLimited);
        tally.note(now, &counters.stats());
        for outcome in [EventOutcome::RateLimited, EventOutcome::Failed] {
            counters.count(outcome);
        }
        tally.note(now + QUIET / 2, &counters.stats());
        assert_eq!(tally.due(), Some(now + QUIET));
        let line = "Kubernetes Events that are on no pod: 2 rate-limited (at most 60 in a minute, \
                    6 for one pod), 1 failed; the reports are complete";
        assert_eq!(tally.tell(&counters.stats()).as_deref(), Some(line));
        assert_eq!((tally.due(), tally.tell(&counters.stats())), (None, None));
    }
}
