//! The workloads that are known, and which of them goes first when there is no room for more.

use std::collections::{BTreeSet, HashMap};

use super::workload::{Workload, Worth};
use crate::model::WorkloadId;

/// Users' workloads may take the table divided by this: a user may make namespaces without end.
const OF_USERS: usize = 2;

#[derive(Debug, Default)]
pub(super) struct Table {
    all: HashMap<WorkloadId, Workload>,
    /// The same by what the kernel side calls them.
    by_key: HashMap<(u64, u64), WorkloadId>,
    /// Containers in shared namespaces.
    shared: BTreeSet<WorkloadId>,
    /// What goes first comes first: users' workloads, and those of root's containers.
    order: [BTreeSet<(Worth, WorkloadId)>; 2],
}

impl Table {
    pub(super) fn get(&self, id: WorkloadId) -> Option<&Workload> {
        self.all.get(&id)
    }

    /// To be followed by [`settle`](Self::settle) where what it is worth may change.
    pub(super) fn get_mut(&mut self, id: WorkloadId) -> Option<&mut Workload> {
        self.all.get_mut(&id)
    }

    pub(super) fn contains(&self, id: WorkloadId) -> bool {
        self.all.contains_key(&id)
    }

    pub(super) fn id_of(&self, key: (u64, u64)) -> Option<WorkloadId> {
        self.by_key.get(&key).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Workload> {
        self.all.values()
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Workload> {
        self.all.values_mut()
    }

    /// Containers in shared namespaces.
    pub(super) fn shared(&self) -> impl Iterator<Item = WorkloadId> {
        self.shared.iter().copied()
    }

    pub(super) fn insert(&mut self, id: WorkloadId, mut workload: Workload) {
        workload.place = workload.worth();
        self.order[usize::from(workload.is_of_root)].insert((workload.place, id));
        self.by_key.insert(id.kernel_key(), id);
        if id.is_shared() {
            self.shared.insert(id);
        }
        self.all.insert(id, workload);
    }

    pub(super) fn remove(&mut self, id: WorkloadId) -> Option<Workload> {
        let workload = self.all.remove(&id)?;
        self.by_key.remove(&id.kernel_key());
        self.shared.remove(&id);
        self.order[usize::from(workload.is_of_root)].remove(&(workload.place, id));
        Some(workload)
    }

    /// Notes what a workload is worth now.
    pub(super) fn settle(&mut self, id: WorkloadId) {
        if let Some(workload) = self.all.get_mut(&id) {
            let worth = workload.worth();
            let before = std::mem::replace(&mut workload.place, worth);
            if before != worth {
                let order = &mut self.order[usize::from(workload.is_of_root)];
                order.remove(&(before, id));
                order.insert((worth, id));
            }
        }
    }

    /// Which has to go before there is room for another one of that kind in a table of `max`.
    pub(super) fn excess(&self, max: usize, is_of_root: bool) -> Option<WorkloadId> {
        let [users, roots] = &self.order;
        let least = if !is_of_root && users.len() >= (max / OF_USERS).max(1) {
            users.first()
        } else if self.len() >= max.max(1) {
            users.first().into_iter().chain(roots.first()).min()
        } else {
            None
        };
        least.map(|(_, id)| *id)
    }
}
