//! Records that were lost: whose they were, as far as the kernel side could mark that, and what the log says of them.

use std::{collections::HashMap, time::Duration};

use rinit_trace_core::correlate::Whose;
use tokio::time::Instant;

use super::Tracer;
use crate::clock;

/// How often the log tells of lost records, at most.
const SAY: Duration = Duration::from_secs(1);

impl Tracer {
    /// Tells the correlator whose records were lost since the last time.
    pub(super) fn note_losses(&mut self, is_due: bool) {
        self.say_losses();
        let losses = self.kernel.losses(is_due);
        let fresh = losses.total().saturating_sub(self.losses.total());
        let known = self.losses.containers_refused;
        let refused = losses.containers_refused.saturating_sub(known);
        self.losses = losses;
        if refused > 0 {
            tracing::warn!(
                "{refused} containers in a shared pid namespace are not traced: there are too many of them"
            );
        }
        if fresh == 0 {
            return;
        }
        let now = clock::boot_time();
        let counted = [
            losses.total().saturating_sub(losses.of_users),
            losses.of_users,
        ];
        let marks = self.kernel.lost_by_workload();
        let kinds = [Whose::Anybodys, Whose::Users]
            .into_iter()
            .zip(&mut self.seen);
        for (((whose, seen), counted), marks) in kinds.zip(counted).zip(marks) {
            let Fresh { marked, unmarked } = seen.fresh(counted, marks);
            for (key, count) in marked {
                self.correlator.handle_loss(key, whose, count, now);
            }
            if unmarked > 0 {
                self.correlator.handle_unknown_loss(whose, unmarked, now);
            }
        }
        self.unsaid += fresh;
    }

    /// A container can have records lost without end: a line in a second is enough.
    fn say_losses(&mut self) {
        let now = Instant::now();
        if self.unsaid > 0 && self.said_at.is_none_or(|at| now - at >= SAY) {
            self.said_at = Some(now);
            tracing::warn!(
                "{} records were lost: the ring buffer was full, or the kernel left a probe out",
                std::mem::take(&mut self.unsaid)
            );
        }
    }
}

/// Of lost records, those that no workload has marked as its own: they put others in doubt.
///
/// The kernel side marks a loss and then counts it, and user space reads the count and then the marks. So at one look
/// there may be marks of losses that only the next one counts.
#[derive(Debug, Default)]
struct Unmarked {
    /// Marks that are not counted yet.
    ahead: u64,
}

impl Unmarked {
    /// How many of the losses since the last look have no mark. `counted` and `marked`: what is new of each.
    fn of(&mut self, counted: u64, marked: u64) -> u64 {
        let marked = marked.saturating_add(self.ahead);
        self.ahead = marked.saturating_sub(counted);
        counted.saturating_sub(marked)
    }
}

/// A workload, by `WorkloadId::kernel_key`.
type Key = (u64, u64);

/// Losses since the last look: by workload, and how many have no mark.
struct Fresh {
    marked: Vec<(Key, u64)>,
    unmarked: u64,
}

/// What was seen so far of the losses of one kind of workloads.
#[derive(Debug, Default)]
pub(super) struct Seen {
    counted: u64,
    marks: HashMap<Key, u64>,
    unmarked: Unmarked,
}

impl Seen {
    /// Those that are new of all that were counted and marked since the start.
    fn fresh(&mut self, counted: u64, marks: HashMap<Key, u64>) -> Fresh {
        let fresh = counted.saturating_sub(self.counted);
        self.counted = self.counted.max(counted);
        let before = std::mem::replace(&mut self.marks, marks);
        let added = self.marks.iter().filter_map(|(key, count)| {
            let added = count.saturating_sub(before.get(key).copied().unwrap_or(0));
            (added > 0).then_some((*key, added))
        });
        let marked: Vec<(Key, u64)> = added.collect();
        let count = marked.iter().map(|(_, count)| count).sum();
        Fresh {
            marked,
            unmarked: self.unmarked.of(fresh, count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_is_marked_between_the_two_reads_is_nobody_elses() {
        let mut unmarked = Unmarked::default();
        assert_eq!(unmarked.of(10, 13), 0);
        assert_eq!(unmarked.of(3, 0), 0);
        assert_eq!(unmarked.of(5, 5), 0);
    }

    #[test]
    fn what_has_no_mark_is_told_once() {
        let mut unmarked = Unmarked::default();
        assert_eq!(unmarked.of(10, 7), 3);
        assert_eq!(unmarked.of(10, 10), 0);
        assert_eq!(unmarked.of(4, 5), 0);
        assert_eq!(unmarked.of(3, 0), 2);
    }
}
