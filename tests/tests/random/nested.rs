//! Pid namespaces within the workload's: who is in one, and what its end does.

use crate::{
    drive::Ran,
    plan,
    times::{Known, Who},
};

impl Ran {
    /// The init of the namespace within the workload's that a process is in, which may be itself.
    pub(crate) fn nested_in(&self, process: usize) -> Option<usize> {
        plan::nested_in(&self.plan.nodes, process)
    }

    /// Whether it is the init of a namespace: it drops signals that it has no handler for.
    pub(crate) fn is_some_init(&self, who: Who) -> bool {
        who.is_some_and(|process| {
            Some(process) == self.own_init() || self.plan.nodes[process].nests
        })
    }

    /// Whether a process sees another, and can signal it.
    pub(crate) fn sees(&self, process: usize, other: usize) -> bool {
        let own = self.nested_in(process);
        own.is_none() || own == self.nested_in(other)
    }

    /// Before this the init of the namespace within the workload's that it is in had not ended. What the end of PID 1 does
    /// is not looked at.
    pub(crate) fn nested_init_ended_after(&self, process: usize) -> Option<u64> {
        let init = self.nested_in(process).filter(|init| *init != process)?;
        let after = self.ended_after(init);
        (after < u64::MAX).then_some(after)
    }

    /// Whether the end of that init killed it, and not that of PID 1.
    pub(crate) fn is_torn_down_inside(&self, process: usize) -> Known {
        let Some(after) = self.nested_init_ended_after(process) else {
            return Known::No;
        };
        let ended_by = self.ended_by(self.nested_in(process));
        if after > self.ended_by(Some(process)) {
            Known::No
        } else if ended_by < self.init_left_after() {
            Known::Yes
        } else {
            Known::Maybe
        }
    }
}
