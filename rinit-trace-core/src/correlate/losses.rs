//! Records that were lost.

use std::{collections::VecDeque, time::Duration};

use crate::model::BootTime;

/// Moments of loss that are remembered of one namespace.
const MAX_MOMENTS: usize = 16;

/// Workloads with losses that no record has shown yet.
const MAX_UNKNOWN: usize = 1024;

/// When records of one workload were lost, and how many; or of any that there was.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses {
    moments: VecDeque<(BootTime, u64)>,
}

impl Losses {
    /// Kept few: neighbours in time are one.
    pub(super) fn note(&mut self, count: u64, at: BootTime) {
        match self.moments.back_mut() {
            Some((last, sum)) if at.since(*last) < Duration::from_secs(1) => {
                *sum = sum.saturating_add(count);
                // Of neighbours the later one counts: too many are told rather than none.
                *last = at.max(*last);
            }
            _ => {
                if self.moments.len() >= MAX_MOMENTS {
                    self.moments.pop_front();
                }
                self.moments.push_back((at, count));
            }
        }
    }

    /// Those that may be of a workload that is older than this, in nanoseconds since boot.
    pub(super) fn of_one_since(&self, start: u64) -> Self {
        let moments = self.moments.iter().filter(|(at, _)| at.0 >= start);
        Self {
            moments: moments.copied().collect(),
        }
    }

    /// Records lost during a stop that began at `begin`, or so shortly before that one of them may
    /// have begun it.
    pub(super) fn since(&self, begin: BootTime, gap: Duration) -> u64 {
        self.moments
            .iter()
            .filter(|(at, _)| *at >= begin || begin.since(*at) < gap)
            .map(|(_, count)| count)
            .fold(0, |sum, count| sum.saturating_add(*count))
    }
}

/// Losses of workloads that no record has shown yet.
#[derive(Debug, Default)]
pub(super) struct UnknownLosses {
    pending: VecDeque<((u64, u64), u64, BootTime)>,
}

impl UnknownLosses {
    pub(super) fn note(&mut self, key: (u64, u64), count: u64, at: BootTime) {
        if let Some(entry) = self.pending.iter_mut().find(|entry| entry.0 == key) {
            entry.1 = entry.1.saturating_add(count);
            entry.2 = at;
            return;
        }
        if self.pending.len() >= MAX_UNKNOWN {
            self.pending.pop_front();
        }
        self.pending.push_back((key, count, at));
    }

    pub(super) fn take(&mut self, key: (u64, u64)) -> Option<(u64, BootTime)> {
        let index = self.pending.iter().position(|entry| entry.0 == key)?;
        self.pending.remove(index).map(|(_, count, at)| (count, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn what_was_lost_before_a_workload_began_is_none_of_its() {
        let mut losses = Losses::default();
        for (at, count) in [(SECOND, 1), (SECOND + 1, 2), (5 * SECOND, 4)] {
            losses.note(count, BootTime(at));
        }
        let of_one_since = |start| {
            let own = losses.of_one_since(start);
            own.since(BootTime(6 * SECOND), Duration::from_mins(1))
        };
        assert_eq!(of_one_since(0), 7);
        // What was told together cannot be told apart.
        assert_eq!(of_one_since(SECOND + 1), 7);
        assert_eq!(of_one_since(SECOND + 2), 4);
        assert_eq!(of_one_since(5 * SECOND + 1), 0);
    }
}
