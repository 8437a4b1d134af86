//! Processes that entered a pid namespace from outside before the trace, and what descends from them.
//!
//! At one moment the number of a session means one session, whose processes descend from one another.
//! Later it may mean another one: so sessions are looked at once, and what is found is followed by the
//! kernel side from parent to child.

use std::collections::{HashMap, VecDeque};

use super::{Proc, Process};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Entered {
    /// Host pid.
    pub pid: u32,
    /// Start time in clock ticks of 10 ms since boot (`/proc/PID/stat`, field 22).
    pub start_ticks: u64,
}

/// A process outside of our own pid namespace.
struct Seen {
    entered: Entered,
    ppid: u32,
    namespace: u32,
    depth: usize,
    is_init: bool,
    /// Session in its own namespace; `None` when that comes from outside.
    session: Option<u32>,
    container: Option<String>,
}

impl Proc {
    /// All of them, by one scan. `mains`: host pids of main processes of containers that share a
    /// namespace, which come from outside, too, and have not entered another's. Blocking.
    pub fn entered(&self, mains: &[u32]) -> Vec<Entered> {
        let Ok(own) = self.own_namespace() else {
            return Vec::new();
        };
        let seen: Vec<Seen> = self
            .processes()
            .filter(|process| process.namespace().is_ok_and(|other| other != own))
            .filter_map(|process| describe(&process))
            .collect();
        let mut relatives: HashMap<Relation, Vec<usize>> = HashMap::new();
        for (index, process) in seen.iter().enumerate() {
            for relation in process.relations() {
                relatives.entry(relation).or_default().push(index);
            }
        }
        let mut found = vec![false; seen.len()];
        let mut next: VecDeque<usize> = VecDeque::new();
        for (index, process) in seen.iter().enumerate() {
            if !mains.contains(&process.entered.pid) && self.is_from_outside(process) {
                found[index] = true;
                next.push_back(index);
            }
        }
        while let Some(index) = next.pop_front() {
            let one = &seen[index];
            let asked = one.session.map(|sid| Relation::Session(one.namespace, sid));
            let asked = asked
                .into_iter()
                .chain([Relation::ChildOf(one.entered.pid)]);
            for other in asked
                .filter_map(|relation| relatives.get(&relation))
                .flatten()
            {
                // A container that was started within a session is a workload of its own.
                if seen[*other].container == one.container
                    && !std::mem::replace(&mut found[*other], true)
                {
                    next.push_back(*other);
                }
            }
        }
        let all = seen.into_iter().zip(found);
        all.filter_map(|(process, found)| found.then_some(process.entered))
            .collect()
    }

    /// Whether its parent lives in a namespace around its own. An orphan has gone to the init of its own.
    fn is_from_outside(&self, process: &Seen) -> bool {
        let parent = self.depth_of(process.ppid);
        !process.is_init && parent.is_some_and(|parent| (parent as usize) + 1 < process.depth)
    }
}

/// What two processes may have in common.
#[derive(PartialEq, Eq, Hash)]
enum Relation {
    ChildOf(u32),
    /// Of a namespace, and its number there.
    Session(u32, u32),
}

impl Seen {
    fn relations(&self) -> impl Iterator<Item = Relation> {
        let session = self
            .session
            .map(|sid| Relation::Session(self.namespace, sid));
        session.into_iter().chain([Relation::ChildOf(self.ppid)])
    }
}

fn describe(process: &Process) -> Option<Seen> {
    let stat = process.stat().filter(|stat| !stat.has_ended())?;
    let ns_pids = process.ns_ids("NSpid:")?;
    let session = process.ns_ids("NSsid:")?.last().copied();
    Some(Seen {
        entered: Entered {
            pid: process.pid,
            start_ticks: stat.start_ticks,
        },
        ppid: stat.ppid,
        namespace: process.namespace().ok()?,
        depth: ns_pids.len(),
        is_init: ns_pids.last() == Some(&1),
        // Session 1 is the init's, 0 one from outside.
        session: session.filter(|sid| *sid > 1),
        container: process.cgroup().and_then(|cgroup| cgroup.container_id),
    })
}
