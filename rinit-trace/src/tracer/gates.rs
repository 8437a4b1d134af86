//! Gates that were never closed: the end of a workload was lost, or it was given up.

use std::{collections::HashSet, time::Duration};

use tokio::time::Instant;

/// How often they are looked for.
const PERIOD: Duration = Duration::from_secs(60);

/// A gate, by `WorkloadId::kernel_key`.
type Key = (u64, u64);

/// Which gates were found open without a stop.
#[derive(Debug)]
pub(super) struct Sweep {
    next: Instant,
    suspects: HashSet<Key>,
}

impl Sweep {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next: now + PERIOD,
            suspects: HashSet::new(),
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        now >= self.next
    }

    /// Those of the open gates that are found without a stop twice in a row: what opened one that is found for
    /// the first time may still be in the ring.
    pub(super) fn unwanted(
        &mut self,
        now: Instant,
        open: &[Key],
        is_wanted: impl Fn(Key) -> bool,
    ) -> Vec<Key> {
        self.next = now + PERIOD;
        let unwanted = open.iter().copied().filter(|key| !is_wanted(*key));
        let (again, fresh): (Vec<Key>, Vec<Key>) =
            unwanted.partition(|key| self.suspects.contains(key));
        self.suspects = fresh.into_iter().collect();
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_closed_when_nobody_wants_it_twice_in_a_row() {
        let now = Instant::now();
        let mut sweep = Sweep::new(now);
        assert!(!sweep.is_due(now));
        assert!(sweep.is_due(now + PERIOD));
        let open = [(1, 10), (2, 20)];
        let mut look = |wanted: &[Key]| sweep.unwanted(now, &open, |key| wanted.contains(&key));
        assert_eq!(look(&[(1, 10)]), []);
        assert_eq!(look(&[(2, 20)]), []);
        assert_eq!(look(&[(2, 20)]), [(1, 10)]);
    }
}
