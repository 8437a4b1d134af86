//! Who lives in workloads: one look at `/proc` for many of them, since it is that look that takes
//! long, and a hundred containers may be stopped at once.

use std::collections::{HashMap, HashSet, VecDeque};

use rinit_trace_core::model::ProcessNames;

use super::{MAX_MEMBERS, Proc};

/// Most processes of one look.
const MAX_SEEN: usize = 8 * MAX_MEMBERS;

/// Whose processes are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Residence {
    /// Those of a pid namespace, by its inum, and of namespaces within.
    Namespace(u32),
    /// Those of a container in a shared one, by its full id.
    Container(String),
}

/// A process of the look.
struct Seen {
    namespace: u32,
    container: Option<String>,
    names: ProcessNames,
}

/// All of them, and who is whose.
struct Look {
    seen: Vec<Seen>,
    /// Our own pid namespace: whoever is in it is in no container's.
    own: Option<u32>,
    /// Children by their parent's pid.
    children: HashMap<u32, Vec<usize>>,
}

impl Proc {
    /// The processes of each that have not ended, in the order of the question. Blocking: one scan.
    pub fn members_of(&self, wanted: &[Residence]) -> Vec<Vec<ProcessNames>> {
        let look = self.look(wanted);
        let members = wanted.iter().map(|residence| match residence {
            Residence::Namespace(inum) => self.of_namespace(&look, *inum),
            Residence::Container(id) => self.of_container(&look, id),
        });
        members.collect()
    }

    /// The processes of a pid namespace. Blocking: one scan.
    pub fn members(&self, inum: u32) -> Vec<ProcessNames> {
        let mut found = self.members_of(&[Residence::Namespace(inum)]);
        found.pop().unwrap_or_default()
    }

    /// The processes of one container, by its full id. Blocking: one scan.
    pub fn members_of_container(&self, id: &str) -> Vec<ProcessNames> {
        let mut found = self.members_of(&[Residence::Container(id.to_owned())]);
        found.pop().unwrap_or_default()
    }

    fn look(&self, wanted: &[Residence]) -> Look {
        let own = self.own_namespace().ok();
        let (mut namespaces, mut containers) = (HashSet::new(), HashSet::new());
        for residence in wanted {
            match residence {
                Residence::Namespace(inum) => namespaces.insert(*inum),
                Residence::Container(id) => containers.insert(id.as_str()),
            };
        }
        let mut seen = Vec::new();
        let mut counted: HashMap<(u32, Option<String>), usize> = HashMap::new();
        for process in self.processes() {
            let Ok(namespace) = process.namespace() else {
                continue;
            };
            let container = if containers.is_empty() {
                None
            } else {
                let id = process.cgroup().and_then(|cgroup| cgroup.container_id);
                id.filter(|id| containers.contains(id.as_str()))
            };
            // Elsewhere it may be in a namespace within one of them.
            let is_elsewhere = !namespaces.is_empty() && Some(namespace) != own;
            let is_meant = is_elsewhere || namespaces.contains(&namespace) || container.is_some();
            if !is_meant || seen.len() >= MAX_SEEN {
                continue;
            }
            let count = counted.entry((namespace, container.clone())).or_default();
            // One that forks without end must not take the room of all.
            if *count < MAX_MEMBERS
                && let Some(names) = process.names()
            {
                *count += 1;
                seen.push(Seen {
                    namespace,
                    container,
                    names,
                });
            }
        }
        let mut children: HashMap<u32, Vec<usize>> = HashMap::new();
        for (index, process) in seen.iter().enumerate() {
            children.entry(process.names.ppid).or_default().push(index);
        }
        Look {
            seen,
            own,
            children,
        }
    }

    fn of_namespace(&self, look: &Look, inum: u32) -> Vec<ProcessNames> {
        let mut members = look.names(|process| process.namespace == inum);
        let mut inside: HashSet<u32> = members.iter().map(|member| member.pid).collect();
        for member in &mut members {
            member.parent_inside =
                inside.contains(&member.ppid) || !self.is_parent_outside(member, inum);
        }
        look.add_descendants(inum, &mut inside, &mut members);
        members.truncate(MAX_MEMBERS);
        members
    }

    fn of_container(&self, look: &Look, id: &str) -> Vec<ProcessNames> {
        let mut members = look.names(|process| process.container.as_deref() == Some(id));
        let inside: HashSet<u32> = members.iter().map(|member| member.pid).collect();
        for member in &mut members {
            // An orphan has gone to PID 1 of the namespace, which is another container's; who enters has a runtime as parent.
            let is_outside = || {
                self.namespace(member.pid)
                    .is_some_and(|own| self.is_parent_outside(member, own))
            };
            member.parent_inside = inside.contains(&member.ppid) || !is_outside();
        }
        members
    }

    /// Whether the parent of a process is known to live outside of its pid namespace. A parent that
    /// was seen may have ended since, and who has inherited its child counts then; whose parent cannot be
    /// told is not taken for one that entered.
    fn is_parent_outside(&self, member: &ProcessNames, inum: u32) -> bool {
        const TRIES: usize = 4;
        let mut ppid = member.ppid;
        for _ in 0..TRIES {
            let found = self.namespace(ppid);
            let parent = self.open(member.pid).ok().and_then(|child| child.stat());
            let Some(now) = parent.map(|stat| stat.ppid) else {
                return false;
            };
            if now != ppid {
                ppid = now;
                continue;
            }
            // Still the parent: what was found is its.
            return found.is_some_and(|found| found != inum);
        }
        false
    }
}

impl Look {
    fn names(&self, is_meant: impl Fn(&Seen) -> bool) -> Vec<ProcessNames> {
        let meant = self.seen.iter().filter(|process| is_meant(process));
        meant
            .take(MAX_MEMBERS)
            .map(|process| process.names.clone())
            .collect()
    }

    /// Who of other namespaces descends from processes that are inside, and is so inside, too.
    fn add_descendants(
        &self,
        inum: u32,
        inside: &mut HashSet<u32>,
        members: &mut Vec<ProcessNames>,
    ) {
        let mut parents: VecDeque<u32> = members.iter().map(|member| member.pid).collect();
        while let Some(parent) = parents.pop_front() {
            let children = self.children.get(&parent).into_iter().flatten();
            for child in children.filter_map(|index| self.seen.get(*index)) {
                let is_below = child.namespace != inum && Some(child.namespace) != self.own;
                if !is_below || !inside.insert(child.names.pid) {
                    continue;
                }
                parents.push_back(child.names.pid);
                members.push(ProcessNames {
                    parent_inside: true,
                    // Known in the numbering of its own namespace alone.
                    sid: None,
                    ..child.names.clone()
                });
            }
        }
    }
}
