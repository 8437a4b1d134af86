//! Which workload a process is of.
//!
//! The kernel side knows a cgroup whose name may hold a container's id, and that it is not the one of
//! the namespace's init. That may be another container which shares the namespace, or the same one
//! whose init has moved to a cgroup below (systemd): the ids tell.

use std::borrow::Cow;

use super::Correlator;
use crate::model::{TICK_NS, Task, WorkloadId, split_container_id};

impl Correlator {
    /// `None` for the host's own processes, and for those too deep to be resolved.
    pub(super) fn route(&self, task: &Task, leaf: &str) -> Option<WorkloadId> {
        if task.ns.inum == 0 {
            return None;
        }
        let of_namespace = WorkloadId::from(task.ns);
        let of_container = WorkloadId {
            container: task.container,
            ..of_namespace
        };
        if of_container.is_shared() {
            if self.workloads.contains_key(&of_container) {
                return Some(of_container);
            }
            // Before its main process runs there is nothing but the runtime in it.
            if let Some((_, container)) = split_container_id(leaf)
                && task.main != 0
                && self.container_of(of_namespace).as_deref() != Some(container)
            {
                return Some(of_container);
            }
        }
        (task.level > 0).then_some(of_namespace)
    }

    /// An event whose processes only looked as if they were of another container: they are made ones
    /// of this workload. `away` is what the kernel side took for the container of the one it is about.
    pub(super) fn at_home<'e, E: Clone, const N: usize>(
        &self,
        id: WorkloadId,
        event: &'e E,
        away: u64,
        tasks: impl FnOnce(&mut E) -> [&mut Task; N],
    ) -> Cow<'e, E> {
        let mut event = Cow::Borrowed(event);
        if id.container == away {
            return event;
        }
        let own = self.workloads.get(&id).and_then(|known| known.cgroups);
        for task in tasks(event.to_mut()) {
            if task.container == away {
                task.container = id.container;
                task.cgroups = own.unwrap_or(task.cgroups);
            }
        }
        event
    }

    /// The id of a workload's container, as far as it is known.
    pub(super) fn container_of(&self, id: WorkloadId) -> Option<String> {
        let workload = self.workloads.get(&id);
        let named = || workload?.names.as_ref()?.container_id.clone();
        let by_leaf = || Some(split_container_id(&workload?.leaf)?.1.to_owned());
        let there_before = || {
            let owner = (id.ns.inum, id.ns.init_start / TICK_NS);
            self.owners.get(&owner).filter(|_| !id.is_shared()).cloned()
        };
        named().or_else(by_leaf).or_else(there_before)
    }
}
