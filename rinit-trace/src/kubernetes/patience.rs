//! When to ask the API server again, and when to say that it failed.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use tokio::time::Instant;

use super::EventsOptions;

/// How long a namespace that we may not write to is left alone.
const DENIED_FOR: Duration = Duration::from_mins(1);
/// Most namespaces remembered so; of more, each Event is tried.
const MAX_DENIED: usize = 256;
/// A failure is logged with its reason, and then none for so long: all are counted.
pub(super) const QUIET: Duration = Duration::from_mins(5);

/// Pauses between tries: doubled with each failure in a row, and ended by a success.
#[derive(Debug)]
pub(super) struct Patience {
    first_pause: Duration,
    longest_pause: Duration,
    give_up_after: Duration,
    pause: Duration,
    not_before: Option<Instant>,
    denied: HashMap<String, Instant>,
    spoken: Option<Instant>,
}

impl Patience {
    pub(super) fn new(options: &EventsOptions) -> Self {
        Self {
            first_pause: options.first_pause,
            longest_pause: options.longest_pause.max(options.first_pause),
            give_up_after: options.give_up_after,
            pause: options.first_pause,
            not_before: None,
            denied: HashMap::new(),
            spoken: None,
        }
    }

    /// When the next request may be sent; `None` for now.
    pub(super) fn not_before(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|at| *at > now)
    }

    /// Whether what came then is too old to be told.
    pub(super) fn is_over(&self, since: Instant, now: Instant) -> bool {
        now.saturating_duration_since(since) > self.give_up_after
    }

    /// The server answered, whatever it said.
    pub(super) fn answered(&mut self) {
        self.pause = self.first_pause;
        self.not_before = None;
    }

    /// The server is not there for us.
    pub(super) fn failed(&mut self, now: Instant) {
        // Many nodes lose the same server at once, and should not come back at once.
        let spread = RandomState::new().hash_one(0_u8) % 1000;
        let spread = f64::from(u32::try_from(spread).unwrap_or(0)) / 2000.0;
        self.not_before = now.checked_add(self.pause.mul_f64(0.75 + spread));
        self.pause = self.pause.saturating_mul(2).min(self.longest_pause);
    }

    /// We may not write to a namespace.
    pub(super) fn deny(&mut self, namespace: &str, now: Instant) {
        self.denied.retain(|_, until| *until > now);
        if self.denied.len() < MAX_DENIED {
            self.denied.insert(namespace.to_owned(), now + DENIED_FOR);
        }
    }

    /// Whether that was so a moment ago.
    pub(super) fn is_denied(&self, namespace: &str, now: Instant) -> bool {
        self.denied.get(namespace).is_some_and(|until| *until > now)
    }

    /// Whether to log the reason of a failure.
    pub(super) fn may_speak(&mut self, now: Instant) -> bool {
        let is_quiet = |spoken: Instant| now.saturating_duration_since(spoken) < QUIET;
        if self.spoken.is_some_and(is_quiet) {
            return false;
        }
        self.spoken = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::Api;
    use super::*;

    fn patience() -> Patience {
        Patience::new(&EventsOptions::new(Api::InCluster, None))
    }

    #[test]
    fn pauses_grow_to_a_bound_and_end_with_an_answer() {
        let mut patience = patience();
        let now = Instant::now();
        let pause = |patience: &mut Patience| {
            patience.failed(now);
            patience.not_before(now).unwrap() - now
        };
        for seconds in [1_u32, 2, 4, 8, 16, 32, 60, 60] {
            let paused = pause(&mut patience).as_secs_f64() / f64::from(seconds);
            assert!((0.75..1.25).contains(&paused), "{paused} of {seconds} s");
        }
        patience.answered();
        assert_eq!(patience.not_before(now), None);
        assert!(pause(&mut patience) < Duration::from_millis(1250));
    }

    #[test]
    fn pauses_of_any_length_do_not_overflow() {
        let mut options = EventsOptions::new(Api::InCluster, None);
        (options.first_pause, options.longest_pause) = (Duration::ZERO, Duration::from_hours(9));
        let mut patience = Patience::new(&options);
        let now = Instant::now();
        for _ in 0..100 {
            patience.failed(now);
        }
        assert_eq!(patience.not_before(now), None);
    }

    #[test]
    fn a_namespace_is_denied_for_some_time_and_few_are_remembered() {
        let mut patience = patience();
        let now = Instant::now();
        for namespace in 0..10_000 {
            patience.deny(&namespace.to_string(), now);
        }
        assert!(patience.is_denied("0", now));
        assert!(!patience.is_denied("9999", now));
        assert_eq!(patience.denied.len(), MAX_DENIED);
        assert!(!patience.is_denied("0", now + DENIED_FOR));
        patience.deny("9999", now + DENIED_FOR);
        assert_eq!(patience.denied.len(), 1);
    }

    #[test]
    fn the_reason_of_failures_is_logged_once_in_a_while() {
        let mut patience = patience();
        let now = Instant::now();
        let spoken = [now, now, now + QUIET / 2, now + QUIET].map(|at| patience.may_speak(at));
        assert_eq!(spoken, [true, false, false, true]);
    }
}
