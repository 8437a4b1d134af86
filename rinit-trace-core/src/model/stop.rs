//! A stop that has closed: the report as far as it was observed, and the facts beside it that the
//! rules of the diagnosis look at.

use std::time::Duration;

use super::{ProcessKey, StopReport};

/// What the correlator hands to the diagnosis. `report` has neither cause nor findings yet, and
/// its init no kind.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedStop {
    /// The observed part.
    pub report: StopReport,
    /// What the rules need beside it.
    pub facts: StopFacts,
}

/// Observations that have no field of their own in the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent observations, each read by a rule of its own"
)]
pub struct StopFacts {
    /// The init.
    pub init: ProcessKey,
    /// `SIGNAL_UNKILLABLE` was set on the init when the stop signal was dropped.
    pub unkillable: bool,
    /// The init had blocked the stop signal for a moment, and it was dropped when that unblocked it
    /// without a handler.
    pub dropped_at_delivery: bool,
    /// The init has exec'd between its stop signal and its end; `None` when one was not seen.
    pub exec_since: Option<bool>,
    /// The first SIGKILL to the init came from the container's runtime.
    pub killed_by_runtime: bool,
    /// A stop signal may have been sent before the tracer looked: the workload is older than the
    /// trace, and the trace younger than a grace period.
    pub may_have_missed_begin: bool,
    /// A stop signal that the init had taken long before is not counted to this stop.
    pub unlinked_stop_signal: Option<Duration>,
    /// Facts of this stop that were not kept because a table was full.
    pub dropped_facts: u64,
}

impl ClosedStop {
    /// Whether something about this stop was not seen: then no finding is certain.
    pub fn is_incomplete(&self) -> bool {
        self.report.observation.lost_records > 0 || self.facts.dropped_facts > 0
    }
}
