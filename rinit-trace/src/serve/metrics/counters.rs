//! What is counted for one label set, and the words that its series are told apart by.

use std::collections::BTreeMap;

use rinit_trace_core::model::{
    FindingId, KilledBy, KillsOutsideStop, Role, StopReport, Trigger, Verdict,
};

/// Counters of one label set. What has no entry is 0, and has no series yet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// In the order of [`VERDICTS`].
    pub(super) stops: [u64; VERDICTS.len()],
    pub(super) self_exits: u64,
    pub(super) lost_cleanup: u64,
    pub(super) signals_ignored: u64,
    pub(super) causes: BTreeMap<FindingId, u64>,
    pub(super) killed: BTreeMap<&'static str, u64>,
    pub(super) killed_outside: BTreeMap<&'static str, u64>,
}

/// Values of the label `verdict`, in the order of [`Verdict`].
pub(super) const VERDICTS: [&str; 3] = ["graceful", "forced", "unknown"];

impl Counters {
    /// Whether nothing was counted yet.
    pub(super) fn is_untouched(&self) -> bool {
        *self == Self::default()
    }

    /// Counts a stop, or an end that nobody caused.
    pub(super) fn stop(&mut self, report: &StopReport) {
        if is_self_exit(report) {
            self.self_exits += 1;
            return;
        }
        if let Some(count) = self.stops.get_mut(report.verdict as usize) {
            *count += 1;
        }
        self.lost_cleanup += u64::from(report.lost_cleanup.unwrap_or(0));
        if let Some(cause) = &report.cause {
            *self.causes.entry(cause.id).or_default() += 1;
        }
        for process in &report.processes {
            if process.role != Role::Exec && process.outcome.is_killed() {
                let by = process.killed_by.unwrap_or(KilledBy::Unknown);
                *self.killed.entry(killed_by(by)).or_default() += 1;
            }
        }
    }

    /// Counts kills of a workload that lives on. Of those beyond the first nobody knows who did it.
    pub(super) fn killed_outside(&mut self, kills: &KillsOutsideStop) {
        for victim in &kills.victims {
            if victim.role != Role::Exec {
                let by = killed_by(victim.killed_by);
                *self.killed_outside.entry(by).or_default() += 1;
            }
        }
        if kills.more > 0 {
            let unknown = killed_by(KilledBy::Unknown);
            *self.killed_outside.entry(unknown).or_default() += kills.more;
        }
    }
}

/// Whether the workload ended by itself, and nobody was killed by that: a job that is done.
pub(super) fn is_self_exit(report: &StopReport) -> bool {
    let by_itself = matches!(
        report.stop.trigger,
        Trigger::InitExit | Trigger::MainChildExit
    );
    by_itself && report.verdict == Verdict::Graceful
}

/// Value of the label `killed_by`: the word of the report.
pub(super) fn killed_by(by: KilledBy) -> &'static str {
    match by {
        KilledBy::PidnsTeardown => "pidns-teardown",
        KilledBy::Runtime => "runtime",
        KilledBy::CgroupKill => "cgroup-kill",
        KilledBy::Oom => "oom",
        KilledBy::Peer => "peer",
        KilledBy::Itself => "self",
        KilledBy::ParentDeath => "parent-death",
        KilledBy::Tracer => "tracer",
        KilledBy::External => "external",
        KilledBy::Kernel => "kernel",
        KilledBy::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_the_words_of_the_report() {
        for by in [
            KilledBy::PidnsTeardown,
            KilledBy::Runtime,
            KilledBy::CgroupKill,
            KilledBy::Oom,
            KilledBy::Peer,
            KilledBy::Itself,
            KilledBy::ParentDeath,
            KilledBy::Tracer,
            KilledBy::External,
            KilledBy::Kernel,
            KilledBy::Unknown,
        ] {
            assert_eq!(serde_json::to_value(by).unwrap(), killed_by(by));
        }
        for verdict in [Verdict::Graceful, Verdict::Forced, Verdict::Unknown] {
            let word = VERDICTS[verdict as usize];
            assert_eq!(serde_json::to_value(verdict).unwrap(), word);
        }
    }
}
