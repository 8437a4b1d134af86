//! The preStop hook was still running when its grace period was over, and was killed with its container.
//!
//! Likely, never certain: a hook is a session from outside like any other. It is taken for the hook where
//! one is configured and it had begun a whole grace period before the stop signal: then the kubelet gives
//! the hook up, without ending it, and has the container stopped in what is left, 2 s
//! (`executePreStopHook` and `killContainer` in `pkg/kubelet/kuberuntime/kuberuntime_container.go`). A
//! shell of somebody who looks around has another age.

use std::time::Duration;

use crate::{
    diagnose::{Rule, words},
    knowledge::{causes::grace_exceeded::MORE_TIME, remarks::pre_stop_cut::SHORTER_HOOK},
    model::{
        ClosedStop, Confidence, Evidence, Finding, FindingId, GraceSource, KilledBy, Process,
        ProcessKey, Role, millis,
    },
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::PreStopCut,
    check,
};

/// How much later than its grace period a hook may be given up: the runtime is asked in between.
const LATE_MS: f64 = 5000.0;
/// How much earlier: the period begins before the runtime has started the hook.
const EARLY_MS: f64 = 2000.0;
/// And no younger than this share of the period: of a short one, a probe may be as old.
const LEAST: f64 = 0.8;

fn check(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let details = &report.stop;
    let grace = details
        .grace_ms
        .filter(|_| details.grace_source == Some(GraceSource::Pod))?;
    if !stop.facts.has_pre_stop {
        return None;
    }
    let is_as_old = |age: f64| {
        let least = (grace - EARLY_MS).max(LEAST * grace);
        grace > 0.0 && (least..=grace + LATE_MS).contains(&age)
    };
    let processes = report.processes.iter().zip(&stop.facts.processes);
    let found = processes.enumerate().find_map(|(index, (process, key))| {
        let age = age_at_begin(stop, *key).filter(|age| is_as_old(*age))?;
        let is_cut = is_killed_session(process) && entered_itself(stop, process);
        is_cut.then_some((index, process, age))
    });
    let (index, hook, age) = found?;
    Some(Finding {
        id: RULE.id,
        confidence: Confidence::Likely,
        summary: format!(
            "the preStop hook ({}) had not ended after {}, all of the grace period of {}, when the stop began, and was killed with the container",
            hook.comm,
            words::duration(age),
            words::duration(grace)
        ),
        fix: vec![SHORTER_HOOK.plain(), MORE_TIME.plain()],
        pids: vec![hook.pid],
        evidence: vec![Evidence::Process(index)],
    })
}

/// How long before the stop's begin a process had started, in milliseconds; `None` when it had not, or
/// that is not known.
fn age_at_begin(stop: &ClosedStop, key: ProcessKey) -> Option<f64> {
    let init = stop.facts.init;
    let begin = Duration::from_nanos(init.start) + stop.facts.init_age?;
    let start = Some(key.start).filter(|start| *start > 0)?;
    begin.checked_sub(Duration::from_nanos(start)).map(millis)
}

/// Whether it was a session from outside until the container's end took it along.
fn is_killed_session(process: &Process) -> bool {
    let with_container = matches!(
        process.killed_by,
        Some(KilledBy::PidnsTeardown | KilledBy::Runtime | KilledBy::CgroupKill)
    );
    process.role == Role::Exec && process.outcome.is_killed() && with_container
}

/// Whether its parent is outside: another session's child has that for one, or PID 1 once it is an orphan.
fn entered_itself(stop: &ClosedStop, process: &Process) -> bool {
    let mut processes = stop.report.processes.iter();
    !processes.any(|other| other.pid == process.ppid)
}
