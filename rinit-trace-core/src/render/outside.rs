//! One line for SIGKILLs of a workload that lives on.

use super::{escape, words};
use crate::model::{KilledBy, KilledOutsideStop, KillsOutsideStop, Role};

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
    let more = u64::try_from(rest)
        .unwrap_or(u64::MAX)
        .saturating_add(kills.more);
    let and_more = match more {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!(
        "{workload}: killed by SIGKILL outside a stop: {}{and_more}",
        named.join("; ")
    )
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
