//! One file per cause: what it sees, what it cannot know, the check.

pub(super) mod grace_exceeded;
pub(super) mod init_exited;
pub(super) mod init_ignores_signal;
pub(super) mod init_no_handler;
pub(super) mod no_stop_signal;
pub(super) mod not_forwarded;
pub(super) mod unexplained;

use crate::model::{ClosedStop, KilledBy};

/// Whether the runtime's SIGKILL ended the init, after a stop signal.
fn runtime_gave_up(stop: &ClosedStop) -> bool {
    stop.report.stop.signal.is_some()
        && stop.facts.killed_by_runtime
        && super::init(&stop.report)
            .is_some_and(|(_, init)| init.killed_by == Some(KilledBy::Runtime))
}
