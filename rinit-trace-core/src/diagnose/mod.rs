//! Finds the cause of a closed stop: rules in order of precedence, one file each.
//!
//! A rule looks at the observed part of a report and at the facts beside it, and says what
//! happened when it explains a kill. A wrong cause is worse than none: a rule that cannot be sure
//! says `likely`, and what no rule explains is `unexplained`.

mod init_kind;
mod rules;
mod words;

use crate::model::{
    ClosedStop, Confidence, DispositionAtStop, Finding, FindingId, InitKind, Outcome, Process,
    Role, StopReport, Verdict,
};
pub use init_kind::init_kind;

/// One cause.
pub struct Rule {
    /// Which.
    pub id: FindingId,
    /// What it says of a stop; `None` when it does not explain a kill of it.
    pub check: fn(&ClosedStop) -> Option<Finding>,
}

/// All rules, in order of precedence. A new one is a file in `rules/` and a line here.
pub const RULES: &[Rule] = &[
    rules::no_stop_signal::RULE,
    rules::init_ignores_signal::RULE,
    rules::init_no_handler::RULE,
    rules::grace_exceeded::RULE,
    rules::init_exited::RULE,
    rules::not_forwarded::RULE,
];

/// Completes the report of a closed stop: kind of its init, lost cleanup, cause and findings.
pub fn diagnose(mut stop: ClosedStop) -> StopReport {
    let init = &mut stop.report.workload.init;
    init.kind = init_kind(&init.comm, init.cmdline.as_deref());
    let incomplete = stop.is_incomplete();
    let is_known = !incomplete && stop.report.verdict != Verdict::Unknown;
    stop.report.lost_cleanup = is_known.then(|| lost_cleanup(&stop.report));
    if stop.report.verdict != Verdict::Forced {
        return stop.report;
    }
    let mut findings: Vec<Finding> = RULES
        .iter()
        .filter_map(|rule| (rule.check)(&stop))
        .collect();
    if findings.is_empty() {
        findings.push(rules::unexplained::finding(&stop));
    }
    if incomplete {
        for finding in &mut findings {
            finding.confidence = Confidence::Likely;
        }
    }
    stop.report.cause = findings.first().cloned();
    stop.report.findings = findings;
    stop.report
}

/// Processes that would have cleaned up and were not let: their disposition for the stop signal was
/// handled or waited when SIGKILL came.
fn lost_cleanup(report: &StopReport) -> u32 {
    let counts = |process: &&Process| match process.role {
        Role::Member => true,
        Role::Init => !has_nothing_to_clean_up(report.workload.init.kind),
        Role::Exec => false,
    };
    let had_cleanup = |process: &&Process| {
        process.outcome.is_killed()
            && matches!(
                process.stop_signal.disposition_at_end,
                Some(DispositionAtStop::Handled | DispositionAtStop::Waited)
            )
    };
    let lost = report
        .processes
        .iter()
        .filter(counts)
        .filter(had_cleanup)
        .count();
    u32::try_from(lost).unwrap_or(u32::MAX)
}

/// Inits that only start and reap others.
fn has_nothing_to_clean_up(kind: InitKind) -> bool {
    matches!(
        kind,
        InitKind::Tini
            | InitKind::DockerInit
            | InitKind::DumbInit
            | InitKind::Catatonit
            | InitKind::S6
            | InitKind::Pause
    )
}

/// Members, without exec sessions, that SIGKILL ended and that are not the init.
fn killed_members(report: &StopReport) -> impl Iterator<Item = (usize, &Process)> {
    report
        .processes
        .iter()
        .enumerate()
        .filter(|(_, process)| process.role == Role::Member && process.outcome.is_killed())
}

/// The init's entry.
fn init(report: &StopReport) -> Option<(usize, &Process)> {
    report
        .processes
        .iter()
        .enumerate()
        .find(|(_, process)| process.role == Role::Init)
}

/// Whether the init ended by itself.
fn init_ended_by_itself(report: &StopReport) -> bool {
    init(report)
        .is_some_and(|(_, init)| matches!(init.outcome, Outcome::Exited | Outcome::Terminated))
}
