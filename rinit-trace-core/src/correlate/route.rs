//! Which workload a process is of.

use std::borrow::Cow;

use super::Correlator;
use crate::model::{Task, WorkloadId, split_container_id};

impl Correlator {
    /// `None` for the host's own processes.
    pub(super) fn route(&self, task: &Task) -> Option<WorkloadId> {
        if task.ns.inum == 0 {
            return None;
        }
        let of_namespace = WorkloadId::from(task.ns);
        let of_container = WorkloadId {
            container: task.container,
            ..of_namespace
        };
        // Before its main process runs there is nothing but the runtime in a container.
        let is_known = task.main != 0 || self.workloads.contains(of_container);
        if of_container.is_shared() && is_known {
            return Some(of_container);
        }
        (task.level > 0).then_some(of_namespace)
    }

    /// An event of a container that is still being set up in the namespace of another: its processes are
    /// made ones of that workload. `away` is the container of the one it is about.
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
        let own = self.workloads.get(id).and_then(|known| known.cgroups);
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
        let workload = self.workloads.get(id);
        let named = || workload?.names.as_ref()?.container_id.clone();
        let by_leaf = || Some(split_container_id(&workload?.leaf)?.1.to_owned());
        named().or_else(by_leaf)
    }
}
