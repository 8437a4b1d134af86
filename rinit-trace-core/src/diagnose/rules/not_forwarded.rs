//! PID 1 took the stop signal and ended; no other member was sent one, and the kernel killed them
//! with the namespace.

use crate::{
    diagnose::{Rule, init, init_ended_by_itself, killed_members, words},
    model::{
        ClosedStop, Confidence, DispositionAtStop, Finding, FindingId, InitKind, KilledBy, Role,
    },
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::NotForwarded,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let (index, init_process) = init(report)?;
    let took_it = report.stop.taken == Some(true) && init_ended_by_itself(report);
    let somebody_signalled = report
        .processes
        .iter()
        .any(|process| process.role == Role::Member && process.stop_signal.received > 0);
    let victims: Vec<_> = killed_members(report).collect();
    let all_torn_down = victims
        .iter()
        .all(|(_, process)| process.killed_by == Some(KilledBy::PidnsTeardown));
    if !took_it || somebody_signalled || victims.is_empty() || !all_torn_down {
        return None;
    }
    let signal = words::stop_signal(report);
    let had_handler = victims
        .iter()
        .filter(|(_, process)| {
            process.stop_signal.disposition_at_end == Some(DispositionAtStop::Handled)
        })
        .count();
    let handlers = match had_handler {
        0 => String::new(),
        count if count == victims.len() && count == 1 => ", which had a handler,".to_owned(),
        count => format!(" ({count} of {} had a handler)", victims.len()),
    };
    let names = words::names(victims.iter().copied());
    let verb = if victims.len() == 1 { "was" } else { "were" };
    let (pids, mut evidence) = words::about(report, victims.iter().copied());
    evidence.extend(words::signal_to(report, init_process.pid, signal));
    evidence.push(crate::model::Evidence::Process(index));
    Some(Finding {
        id: RULE.id,
        confidence: Confidence::Certain,
        summary: format!(
            "PID 1 ({}) took {signal} and ended without passing it on; {names}{handlers} {verb} killed with the pid namespace",
            init_process.comm
        ),
        fix: if report.workload.init.kind == InitKind::Shell {
            vec![
                "in the trap, `kill -TERM \"$child\"` and `wait \"$child\"` before `exit`"
                    .to_owned(),
                "or `exec` the server, so that it is PID 1 and gets the signal itself".to_owned(),
            ]
        } else {
            vec![
                format!(
                    "let PID 1 pass {signal} on to its children and wait for them before it ends"
                ),
                "or let the program that needs the signal be PID 1".to_owned(),
            ]
        },
        pids,
        evidence,
    })
}
