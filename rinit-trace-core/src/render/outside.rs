//! SIGKILLs of a workload that lives on: one line, and the note of a Kubernetes Event.

use super::{escape, words};
use crate::{
    knowledge::causes::oom::MORE_MEMORY,
    model::{KilledBy, KilledOutsideStop, KillsOutsideStop, Role},
};

/// Victims that fit in a line.
const MAX_NAMED: usize = 3;

pub(super) fn line(kills: &KillsOutsideStop) -> String {
    let names = kills.names.as_ref();
    let workload = words::called(
        names.and_then(|names| names.container_id.as_deref()),
        names.and_then(|names| names.name.as_deref()),
        names.and_then(|names| names.pod.as_ref()),
        kills.pid_namespace,
    );
    let named: Vec<String> = kills.victims.iter().take(MAX_NAMED).map(victim).collect();
    let rest = kills.victims.len().saturating_sub(MAX_NAMED);
    format!(
        "{workload}: killed by SIGKILL outside a stop: {}{}",
        named.join("; "),
        and_more(rest, kills.more)
    )
}

fn and_more(rest: usize, others: u64) -> String {
    let rest = u64::try_from(rest).unwrap_or(u64::MAX);
    match rest.saturating_add(others) {
        0 => String::new(),
        more => format!(", and {more} more"),
    }
}

/// What the OOM killer took of a container, without its exec sessions. Of those that are not told one
/// by one nobody knows who killed them.
pub(super) fn oom_note(kills: &KillsOutsideStop, max_bytes: usize) -> Option<String> {
    let pod = kills.names.as_ref()?.pod.as_ref()?;
    let is_victim = |victim: &&KilledOutsideStop| {
        victim.killed_by == KilledBy::Oom && victim.role != Role::Exec
    };
    let victims: Vec<&KilledOutsideStop> = kills.victims.iter().filter(is_victim).collect();
    if victims.is_empty() {
        return None;
    }
    let named = victims.iter().take(MAX_NAMED).map(|victim| {
        let comm = escape::name(&victim.comm);
        format!("{comm} (pid {} in the container)", victim.ns_pid)
    });
    let named: Vec<String> = named.collect();
    let note = format!(
        "container {} lives on, and the OOM killer ended {} of it: {}{}. Change: {}",
        escape::label(&pod.container),
        words::processes(victims.len()),
        named.join("; "),
        and_more(victims.len().saturating_sub(MAX_NAMED), 0),
        MORE_MEMORY.text
    );
    Some(escape::cut(&note, max_bytes))
}

fn victim(victim: &KilledOutsideStop) -> String {
    let by = match victim.killed_by {
        KilledBy::Oom => "by the OOM killer".to_owned(),
        KilledBy::Itself => "by itself".to_owned(),
        KilledBy::ParentDeath => "since its parent had died (PR_SET_PDEATHSIG)".to_owned(),
        KilledBy::PidnsTeardown => {
            format!(
                "with the pid namespace of {}",
                escape::name(&victim.sender.comm)
            )
        }
        KilledBy::Kernel | KilledBy::Unknown => "by the kernel".to_owned(),
        KilledBy::CgroupKill => format!("through cgroup.kill by {}", sender(victim)),
        KilledBy::Runtime | KilledBy::Peer | KilledBy::Tracer | KilledBy::External => {
            format!("by {}", sender(victim))
        }
    };
    let session = if victim.role == Role::Exec {
        ", of an exec session,"
    } else {
        ""
    };
    format!(
        "{} (pid {}){session} {by}",
        escape::name(&victim.comm),
        victim.pid
    )
}

fn sender(victim: &KilledOutsideStop) -> String {
    format!(
        "{} (pid {})",
        escape::name(&victim.sender.comm),
        victim.sender.pid
    )
}
