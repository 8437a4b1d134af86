//! Waiting for something to happen: the only place that sleeps.

use std::{
    env,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

/// For what takes a second or two on an idle machine.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// For what takes a minute or more: `demo all`, in which a report closes only after half a minute.
pub const LONG: Duration = Duration::from_mins(4);

const LOOK: Duration = Duration::from_millis(5);

/// Waits until `look` finds something, and panics after [`DEADLINE`].
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(DEADLINE, look).unwrap_or_else(|| {
        panic!("{what}: not within {} s", patient(DEADLINE).as_secs());
    })
}

/// A deadline on this machine: `RINIT_TRACE_TEST_PATIENCE` times as long. Shorter times are part of what is tested, and stay.
pub(crate) fn patient(time: Duration) -> Duration {
    static PATIENCE: OnceLock<u32> = OnceLock::new();
    if time < DEADLINE {
        return time;
    }
    let told = || env::var("RINIT_TRACE_TEST_PATIENCE").ok()?.parse().ok();
    time * *PATIENCE.get_or_init(|| told().unwrap_or(1))
}

/// Waits until `look` finds something, or the time is over.
pub fn within<T>(time: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let time = patient(time);
    let deadline = Instant::now() + time;
    loop {
        // The answer at the deadline counts.
        let late = Instant::now() >= deadline;
        if let Some(found) = look() {
            return Some(found);
        }
        if late {
            return None;
        }
        thread::sleep(LOOK);
    }
}
