//! What several rules ask of a report.

use std::collections::HashMap;

use crate::model::{
    ClosedStop, DispositionAtStop, InitKind, KilledBy, Origin, Outcome, Process, Role, Signal,
    StopReport, TornDown,
};

/// A process with its index in the report.
pub(super) type Listed<'a> = (usize, &'a Process);

/// The init's entry.
pub(super) fn init(report: &StopReport) -> Option<Listed<'_>> {
    let mut processes = report.processes.iter().enumerate();
    processes.find(|(_, process)| process.role == Role::Init)
}

/// Who counts for the verdict and was ended by SIGKILL: the init and members, no exec sessions.
pub(super) fn killed(report: &StopReport) -> impl Iterator<Item = Listed<'_>> {
    let processes = report.processes.iter().enumerate();
    processes.filter(|(_, process)| process.role != Role::Exec && process.outcome.is_killed())
}

/// Members, without exec sessions, that SIGKILL ended and that are not the init.
pub(super) fn killed_members(report: &StopReport) -> impl Iterator<Item = Listed<'_>> {
    killed(report).filter(|(_, process)| process.role == Role::Member)
}

/// Members that were killed because the init was: by the kernel, or by the runtime with it. Who was
/// killed for a reason of its own while the init was still there is none of them.
pub(super) fn killed_with_init(stop: &ClosedStop) -> impl Iterator<Item = Listed<'_>> {
    killed_members(&stop.report).filter(|(_, process)| match process.killed_by {
        Some(KilledBy::PidnsTeardown) => torn_down_by_another(stop, process).is_none(),
        Some(KilledBy::Runtime | KilledBy::CgroupKill) => true,
        _ => false,
    })
}

/// Members that the kernel killed because the init had ended.
pub(super) fn torn_down(stop: &ClosedStop) -> impl Iterator<Item = Listed<'_>> {
    killed_members(&stop.report).filter(|(_, process)| {
        process.killed_by == Some(KilledBy::PidnsTeardown)
            && torn_down_by_another(stop, process).is_none()
    })
}

/// Whose end took a process along that the kernel killed with a pid namespace, when that was not its
/// workload's init.
pub(super) fn torn_down_by_another<'a>(
    stop: &'a ClosedStop,
    process: &Process,
) -> Option<&'a TornDown> {
    let mut torn_down = stop.facts.torn_down_by_others.iter();
    torn_down.find(|torn_down| torn_down.pid == process.pid)
}

/// Whether the init ended by itself.
pub(super) fn init_ended_by_itself(report: &StopReport) -> bool {
    init(report)
        .is_some_and(|(_, init)| matches!(init.outcome, Outcome::Exited | Outcome::Terminated))
}

/// Whether a process had a handler for the stop signal, or waited for it, when its end came; `None` when
/// that is not known: only some signals' dispositions are read then, and of others when they are sent.
pub(super) fn would_react(process: &Process) -> Option<bool> {
    let met = &process.stop_signal;
    let disposition = met.disposition_at_end.or(met.disposition)?;
    Some(matches!(
        disposition,
        DispositionAtStop::Handled | DispositionAtStop::Waited
    ))
}

/// Whether PID 1 is a shell.
pub(super) fn is_shell(stop: &ClosedStop) -> bool {
    stop.report.workload.init.kind == InitKind::Shell
}

/// Whether PID 1 is an interpreter that catches SIGINT on its own, whatever the program in it does.
pub(super) fn catches_int_on_its_own(stop: &ClosedStop) -> bool {
    is_shell(stop) || is_python(stop) || is_run_by(stop, "ruby")
}

/// Whether PID 1 is an interpreter that catches SIGWINCH on its own: node and interactive shells do
/// for a terminal.
pub(super) fn catches_winch_on_its_own(stop: &ClosedStop) -> bool {
    is_shell(stop) || is_run_by(stop, "node")
}

/// Whether PID 1 is python: `python3`, `python3.11`.
pub(super) fn is_python(stop: &ClosedStop) -> bool {
    is_run_by(stop, "python")
}

fn is_run_by(stop: &ClosedStop, interpreter: &str) -> bool {
    let init = &stop.report.workload.init;
    let program = init.cmdline.as_ref().and_then(|cmdline| cmdline.first());
    let exe = stop.facts.init_settings.exe.as_ref();
    let mut names = [Some(&init.comm), program, exe].into_iter().flatten();
    names.any(|name| crate::model::base_name(name).starts_with(interpreter))
}

/// The first signal that a process sent to each other one, by its index: no SIGKILL, none of the
/// kernel, none to a dead process.
pub(super) fn first_sent(report: &StopReport, from: u32) -> HashMap<u32, usize> {
    let mut first = HashMap::new();
    for (index, entry) in report.signals.iter().enumerate() {
        let is_sent = entry.from == from
            && entry.signal != Signal::KILL
            && entry.to_dead != Some(true)
            && matches!(entry.origin, Origin::User | Origin::Thread);
        if is_sent {
            first.entry(entry.to).or_insert(index);
        }
    }
    first
}
