//! The part of each member: the init, a member, or an exec session and its descendants.

use std::collections::HashMap;

use super::{members::Member, workload::Workload};
use crate::model::{Role, TICK_NS};

/// The role of every member, in their order.
pub(super) fn roles(workload: &Workload, members: &[Member]) -> Vec<Role> {
    let is_exec = exec_members(workload, members);
    members
        .iter()
        .zip(is_exec)
        .map(|(member, is_exec)| {
            if member.key == workload.init {
                Role::Init
            } else if is_exec {
                Role::Exec
            } else {
                Role::Member
            }
        })
        .collect()
}

fn exec_members(workload: &Workload, members: &[Member]) -> Vec<bool> {
    let children = children(workload, members);
    let mut is_exec = vec![false; members.len()];
    // Parents whose children are still to be looked at, with their start.
    let mut parents: Vec<(u32, u64)> = workload
        .entered
        .iter()
        .map(|entry| (entry.tgid, entry.start_ticks))
        .collect();
    for (index, member) in members.iter().enumerate() {
        if workload.is_exec(member.task) {
            is_exec[index] = true;
            parents.push((member.key.tgid, member.key.start / TICK_NS));
        }
    }
    let starts = starts(members);
    while let Some((pid, start_ticks)) = parents.pop() {
        for index in children.get(&pid).into_iter().flatten() {
            let member = &members[*index];
            let ticks = member.key.start / TICK_NS;
            let is_candidate =
                member.key != workload.init && !workload.is_other_container(member.task);
            if is_candidate && !is_exec[*index] && is_parent(&starts, pid, start_ticks, ticks) {
                is_exec[*index] = true;
                parents.push((member.key.tgid, ticks));
            }
        }
    }
    is_exec
}

/// Members by the host pid of their parent, as the facts show it and as the lookup did: a parent
/// that has ended since left its children to the init.
fn children(workload: &Workload, members: &[Member]) -> HashMap<u32, Vec<usize>> {
    let mut children: HashMap<u32, Vec<usize>> = HashMap::new();
    for (index, member) in members.iter().enumerate() {
        children.entry(member.task.ppid).or_default().push(index);
        if let Some(names) = workload.names_of(member.key) {
            children.entry(names.ppid).or_default().push(index);
        }
    }
    children
}

/// When members with a pid started: it may be used again.
fn starts(members: &[Member]) -> HashMap<u32, Vec<u64>> {
    let mut starts: HashMap<u32, Vec<u64>> = HashMap::new();
    for member in members {
        let ticks = member.key.start / TICK_NS;
        starts.entry(member.key.tgid).or_default().push(ticks);
    }
    starts
}

/// Whether the process that started then is the parent of a child with this parent's pid: it is
/// not younger, and no other has had the pid in between.
fn is_parent(starts: &HashMap<u32, Vec<u64>>, pid: u32, parent: u64, child: u64) -> bool {
    let had_by_another = starts
        .get(&pid)
        .into_iter()
        .flatten()
        .any(|start| *start > parent && *start <= child);
    parent <= child && !had_by_another
}
