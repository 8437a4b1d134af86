//! Records that were lost.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

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

/// Whose records were lost, where it is not known of which workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Of any workload.
    Anybodys,
    /// Of one that is no container of root's ([`Task::is_of_root`](crate::model::Task::is_of_root)).
    Users,
}

/// Losses of which it is not known whose they were.
#[derive(Clone, Debug, Default)]
pub(super) struct NobodysLosses {
    anybodys: Losses,
    users: Losses,
}

impl NobodysLosses {
    pub(super) fn note(&mut self, whose: Whose, count: u64, at: BootTime) {
        let losses = match whose {
            Whose::Anybodys => &mut self.anybodys,
            Whose::Users => &mut self.users,
        };
        losses.note(count, at);
    }

    /// Those that may be of a workload, as [`Losses::since`]; `start` is that of its init.
    pub(super) fn since(
        &self,
        start: u64,
        is_of_root: bool,
        begin: BootTime,
        gap: Duration,
    ) -> u64 {
        let since = |losses: &Losses| losses.of_one_since(start).since(begin, gap);
        let of_users = if is_of_root { 0 } else { since(&self.users) };
        since(&self.anybodys).saturating_add(of_users)
    }
}

/// Losses of workloads that no record has shown yet.
#[derive(Debug, Default)]
pub(super) struct UnknownLosses {
    pending: HashMap<(u64, u64), (u64, BootTime)>,
    /// Keys of those, the oldest first.
    order: VecDeque<(u64, u64)>,
}

impl UnknownLosses {
    pub(super) fn note(&mut self, key: (u64, u64), count: u64, at: BootTime) {
        if let Some((sum, last)) = self.pending.get_mut(&key) {
            *sum = sum.saturating_add(count);
            *last = at;
            return;
        }
        if self.order.len() >= MAX_UNKNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.pending.remove(&oldest);
        }
        self.order.push_back(key);
        self.pending.insert(key, (count, at));
    }

    pub(super) fn take(&mut self, key: (u64, u64)) -> Option<(u64, BootTime)> {
        let taken = self.pending.remove(&key)?;
        self.order.retain(|one| *one != key);
        Some(taken)
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
