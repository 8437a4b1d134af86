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
        plan::sees(&self.plan.nodes, process, other)
    }

    /// The inits of the namespaces within the workload's that it is in, of which it may be one, the innermost first.
    pub(crate) fn inits_of(&self, process: usize) -> impl Iterator<Item = usize> {
        plan::namespaces(&self.plan.nodes, process)
    }

    /// The inits whose end takes a process along: of the namespaces within the workload's that are around it.
    pub(crate) fn inits_around(&self, process: usize) -> impl Iterator<Item = usize> {
        self.inits_of(process).filter(move |init| *init != process)
    }

    /// Before this none of these inits had ended. What the end of PID 1 does is not looked at.
    pub(crate) fn nested_init_ended_after(&self, process: usize) -> Option<u64> {
        let ends = self
            .inits_around(process)
            .map(|init| self.ended_after(init));
        ends.min().filter(|after| *after < u64::MAX)
    }

    /// Whether the end of one of these inits killed it, and not that of PID 1.
    pub(crate) fn is_torn_down_inside(&self, process: usize) -> Known {
        let torn_down = self.inits_around(process).map(|init| {
            let after = self.ended_after(init);
            if after == u64::MAX || after > self.ended_by(Some(process)) {
                Known::No
            } else if self.ended_by(Some(init)) < self.init_left_after() {
                // It has not ended before all in its namespace have.
                Known::Yes
            } else {
                Known::Maybe
            }
        });
        torn_down.max().unwrap_or(Known::No)
    }
}
