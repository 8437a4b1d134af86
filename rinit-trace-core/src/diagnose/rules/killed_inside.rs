//! A member SIGKILLed another (a supervisor, a watchdog, itself), or the death of its parent did
//! (`PR_SET_PDEATHSIG`), or that of the init of a pid namespace within the container.

use crate::{
    diagnose::{
        Rule, passed,
        view::{self, Listed},
        words,
    },
    knowledge::causes::killed_inside as fixes,
    model::{ClosedStop, Confidence, Finding, FindingId, KilledBy, Process, Role, StopReport},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::KilledInside,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let victims: Vec<Listed> = view::killed(report)
        .filter(|(_, process)| match process.killed_by {
            Some(KilledBy::Peer | KilledBy::Itself | KilledBy::ParentDeath) => true,
            Some(KilledBy::PidnsTeardown) => nested_init(stop, process).is_some(),
            _ => false,
        })
        .collect();
    let (_, first) = victims.first()?;
    let how = match first.killed_by {
        Some(KilledBy::ParentDeath) => {
            "was to die with its parent (PR_SET_PDEATHSIG), which had ended".to_owned()
        }
        Some(KilledBy::Itself) => "sent SIGKILL to itself".to_owned(),
        Some(KilledBy::PidnsTeardown) => format!(
            "was killed by the kernel with a pid namespace within the container, whose init ({}) had ended",
            nested_init(stop, first).unwrap_or_default()
        ),
        _ => format!("was sent SIGKILL by {}", killer(report, first)),
    };
    let others = match victims.len() - 1 {
        0 => String::new(),
        1 => "; one more was killed from inside the container".to_owned(),
        count => format!("; {count} more were killed from inside the container"),
    };
    let (pids, evidence) = words::about(report, victims.iter().copied());
    Some(Finding {
        id: RULE.id,
        confidence: Confidence::Certain,
        summary: format!("{} {how}{others}", first.comm),
        fix: fix(&victims),
        pids,
        evidence,
    })
}

/// The init of a namespace within the container that took a process along.
fn nested_init<'a>(stop: &'a ClosedStop, process: &Process) -> Option<&'a str> {
    let torn_down = view::torn_down_by_another(stop, process)?;
    torn_down.is_inside.then_some(torn_down.by_comm.as_str())
}

/// What to change, by who killed them.
fn fix(victims: &[Listed]) -> Vec<String> {
    let ways = [
        (KilledBy::Peer, &fixes::MORE_TIME_BEFORE),
        (KilledBy::Itself, &fixes::NOT_BY_SIGKILL),
        (KilledBy::ParentDeath, &fixes::PARENT_WAITS),
        (KilledBy::PidnsTeardown, &fixes::INNER_INIT_WAITS),
    ];
    ways.into_iter()
        .filter(|(way, _)| victims.iter().any(|(_, one)| one.killed_by == Some(*way)))
        .map(|(_, fix)| fix.plain())
        .collect()
}

/// Who sent the SIGKILL, by name where it is a process of the report.
fn killer(report: &StopReport, victim: &Process) -> String {
    let kill = words::kills(report).get(&victim.pid).copied();
    let Some(kill) = kill.and_then(|index| report.signals.get(index)) else {
        return "another member".to_owned();
    };
    let sender = report
        .processes
        .iter()
        .find(|process| process.pid == kill.from);
    match sender {
        Some(sender) if sender.role == Role::Exec => {
            format!("{}, of a session that entered from outside", sender.comm)
        }
        Some(sender) => passed::name(sender),
        None => format!("process {} of the container", kill.from),
    }
}
