//! How many Events may be sent: token buckets for all and for each pod.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

/// What a bucket holds when it is full: the Events of so long.
const WINDOW: Duration = Duration::from_mins(1);

/// A full bucket is none: the table holds only pods that had an Event in the last minute, and so at
/// most those which the bucket for all let pass.
#[derive(Debug)]
pub(super) struct Limits {
    all: Rate,
    pod: Rate,
    filled: Option<Instant>,
    pods: HashMap<String, Instant>,
}

/// Time for one token; `None` when there are none.
#[derive(Clone, Copy, Debug)]
struct Rate(Option<Duration>);

impl Rate {
    fn per_minute(tokens: u32) -> Self {
        Self(WINDOW.checked_div(tokens))
    }

    /// When the bucket would be full again after one more token; `None` when it has none. A bucket
    /// is known by the time when it is full, in the past or absent for one that is.
    fn take(self, full: Option<Instant>, now: Instant) -> Option<Instant> {
        let full = full.map_or(now, |full| full.max(now)) + self.0?;
        (full.duration_since(now) <= WINDOW).then_some(full)
    }
}

impl Limits {
    /// So many in a minute for all, and for one pod.
    pub(super) fn new(per_minute: u32, per_pod: u32) -> Self {
        Self {
            all: Rate::per_minute(per_minute),
            pod: Rate::per_minute(per_pod),
            filled: None,
            pods: HashMap::new(),
        }
    }

    /// Takes a token for a pod; false when there is none, and then none is taken.
    pub(super) fn take(&mut self, uid: &str, now: Instant) -> bool {
        self.pods.retain(|_, full| *full > now);
        let pod = self.pod.take(self.pods.get(uid).copied(), now);
        let (Some(pod), Some(all)) = (pod, self.all.take(self.filled, now)) else {
            return false;
        };
        self.filled = Some(all);
        self.pods.insert(uid.to_owned(), pod);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(limits: &mut Limits, uid: &str, now: Instant, tries: usize) -> usize {
        (0..tries).filter(|_| limits.take(uid, now)).count()
    }

    #[test]
    fn a_pod_has_its_share_and_gets_it_back_with_time() {
        let mut limits = Limits::new(60, 6);
        let now = Instant::now();
        assert_eq!(taken(&mut limits, "a", now, 100), 6);
        assert_eq!(taken(&mut limits, "b", now, 100), 6);
        let later = now + Duration::from_secs(10);
        assert_eq!(taken(&mut limits, "a", later, 100), 1);
        let full = now + Duration::from_secs(130);
        assert_eq!(taken(&mut limits, "a", full, 100), 6);
    }

    #[test]
    fn all_pods_share_a_minute() {
        let mut limits = Limits::new(7, 2);
        let now = Instant::now();
        let pods: usize = (0..100)
            .map(|pod| taken(&mut limits, &pod.to_string(), now, 5))
            .sum();
        assert_eq!(pods, 7);
    }

    #[test]
    fn who_was_refused_for_all_keeps_its_own_token() {
        let mut limits = Limits::new(1, 1);
        let now = Instant::now();
        assert!(limits.take("a", now));
        assert!(!limits.take("b", now));
        assert!(limits.take("b", now + WINDOW));
    }

    #[test]
    fn nothing_passes_at_zero() {
        let now = Instant::now();
        assert!(!Limits::new(0, 5).take("a", now));
        assert!(!Limits::new(5, 0).take("a", now));
    }

    #[test]
    fn pods_are_forgotten() {
        let mut limits = Limits::new(1000, 6);
        let mut now = Instant::now();
        for pod in 0..100_000 {
            limits.take(&pod.to_string(), now);
            now += Duration::from_millis(10);
        }
        assert!(limits.pods.len() <= 2000, "{}", limits.pods.len());
    }
}
