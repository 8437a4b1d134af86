//! Finds the cause of a closed stop: rules in order of precedence, one file each.
//!
//! A rule looks at the observed part of a report and at the facts beside it, and says what
//! happened when it explains a kill. A wrong cause is worse than none: a rule that cannot be sure
//! says `likely`, and what no rule explains is `unexplained`.

mod inits;
mod left_behind;
mod passed;
mod rules;
mod unheeded;
mod view;
mod words;

use crate::model::{
    ClosedStop, Confidence, Finding, FindingId, Process, Role, StopReport, Verdict, init_kind,
};
pub use inits::{Reach, reach};

/// One cause.
pub struct Rule {
    /// Which.
    pub id: FindingId,
    /// What it says of a stop; `None` when it does not explain a kill of it.
    pub check: fn(&ClosedStop) -> Option<Finding>,
}

/// All rules, in order of precedence. A new one is a file in `rules/` and a line here. The last
/// ones explain less than the others of their name: they come after all that may explain more.
pub const RULES: &[Rule] = &[
    rules::oom::RULE,
    rules::no_stop_signal::RULE,
    rules::killed_outside::RULE,
    rules::traced::RULE,
    rules::init_ignores_signal::RULE,
    rules::startup_window::RULE,
    rules::wrong_stop_signal::RULE,
    rules::init_no_handler::RULE,
    rules::signal_blocked::RULE,
    rules::grace_exceeded::RULE,
    rules::pidns_owner_exited::RULE,
    rules::main_child_exited::RULE,
    rules::init_exited::RULE,
    rules::killed_inside::RULE,
    rules::cgroup_killed::RULE,
    rules::group_escape::RULE,
    rules::forwarded_to_child_only::RULE,
    rules::not_forwarded::RULE,
    rules::init_exited_early::RULE,
    rules::oom::OF_A_MEMBER,
];

/// What explains no kill: beside a cause, or in a graceful report.
const REMARKS: &[Rule] = &[
    rules::startup_window::MAYBE,
    rules::unreaped::RULE,
    rules::signalled_twice::RULE,
    rules::near_miss::RULE,
    rules::pre_stop_cut::RULE,
    rules::forwarded::RULE,
    rules::opaque_sandbox::RULE,
    rules::unverified_identity::RULE,
];

/// Completes the report of a closed stop: kind of its init, lost cleanup, cause and findings.
pub fn diagnose(mut stop: ClosedStop) -> StopReport {
    let init = &mut stop.report.workload.init;
    let exe = stop.facts.init_settings.exe.as_deref();
    init.kind = init_kind(&init.comm, init.cmdline.as_deref(), exe);
    let incomplete = stop.is_incomplete();
    let is_known = !incomplete && stop.report.verdict != Verdict::Unknown;
    stop.report.lost_cleanup = lost_cleanup(&stop.report).filter(|_| is_known);
    let matching = |rules: &[Rule]| -> Vec<Finding> {
        let found = rules.iter().filter_map(|rule| (rule.check)(&stop));
        found.collect()
    };
    let mut findings = Vec::new();
    if stop.report.verdict == Verdict::Forced {
        findings = matching(RULES);
        if findings.is_empty() {
            findings.push(rules::unexplained::finding(&stop));
        }
    }
    let causes = findings.len();
    findings.extend(matching(REMARKS));
    if stop.facts.is_opaque {
        // Whatever else was seen is of what holds the container.
        findings.retain(|finding| finding.id == FindingId::OpaqueSandbox);
    }
    if stop.facts.shares_namespace {
        findings.iter_mut().for_each(words::name_main_process);
    }
    let is_assumed = stop.facts.stop_signal_unknown && stop.report.stop.signal.is_some();
    if incomplete || is_assumed {
        for finding in &mut findings {
            finding.confidence = Confidence::Likely;
        }
    }
    let signal = words::stop_signal(&stop.report);
    for finding in &mut findings[..causes] {
        if stop.report.is_by_terminal() {
            words::name_terminal(finding, signal);
        } else if is_assumed {
            words::name_assumed(finding, signal);
        }
    }
    stop.report.cause = findings[..causes].first().cloned();
    stop.report.findings = findings;
    stop.report
}

/// Processes that would have cleaned up and were not let: their disposition for the stop signal was
/// handled or waited when SIGKILL came. `None` when that is not known of one that was killed.
fn lost_cleanup(report: &StopReport) -> Option<u32> {
    let counts = |process: &&Process| match process.role {
        Role::Member => true,
        Role::Init => !inits::has_nothing_to_clean_up(report.workload.init.kind),
        Role::Exec => false,
    };
    let killed = report.processes.iter().filter(counts);
    let mut lost = 0_u32;
    for process in killed.filter(|process| process.outcome.is_killed()) {
        lost = lost.saturating_add(u32::from(view::would_react(process)?));
    }
    Some(lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contract's order, but for the rules at the end that explain less.
    #[test]
    fn rules_are_in_the_order_of_precedence() {
        let ids: Vec<FindingId> = RULES.iter().map(|rule| rule.id).collect();
        let (last, rest) = ids.split_last().unwrap();
        assert_eq!(*last, FindingId::Oom);
        assert!(rest.is_sorted_by(|one, next| one < next), "{rest:?}");
        assert!(rest.iter().all(|id| *id < FindingId::Unexplained));
    }
}
