//! The part of each member: the init, a member, or an exec session and its descendants.

use std::collections::{HashMap, HashSet};

use super::{entered::TICK_NS, members::Member, workload::Workload};
use crate::model::Role;

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
    let own_sessions = own_sessions(workload, members);
    let mut is_exec = vec![false; members.len()];
    // Parents whose children are still to be looked at, with their start.
    let mut parents: Vec<(u32, u64)> = workload
        .entered
        .iter()
        .map(|entry| (entry.tgid, entry.start_ticks))
        .collect();
    for (index, member) in members.iter().enumerate() {
        let own = member
            .task
            .sid
            .is_some_and(|sid| own_sessions.contains(&sid));
        if !own && workload.is_exec(member.task) {
            is_exec[index] = true;
            parents.push((member.key.tgid, member.key.start / TICK_NS));
        }
    }
    while let Some((pid, start_ticks)) = parents.pop() {
        for index in children.get(&pid).into_iter().flatten() {
            let member = &members[*index];
            let ticks = member.key.start / TICK_NS;
            let is_candidate =
                member.key != workload.init && !workload.is_other_container(member.task);
            // A child is not older than its parent: else the pid was another's.
            if is_candidate && ticks >= start_ticks && !is_exec[*index] {
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

/// Sessions led by a process of the workload: a number that an ended exec session had before.
fn own_sessions(workload: &Workload, members: &[Member]) -> HashSet<u32> {
    members
        .iter()
        .filter(|member| !workload.entered.contains(member.key))
        .filter_map(|member| member.task.sid.filter(|sid| *sid == member.task.ns_tgid))
        .collect()
}
