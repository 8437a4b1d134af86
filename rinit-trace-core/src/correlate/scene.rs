//! A stop as its report is made: the facts of its workload, and what all parts of the report need
//! to know of them.

use std::collections::BTreeMap;

use super::{
    Config,
    begin::{Begin, is_runtime},
    workload::Workload,
};
use crate::model::{ProcessKey, Signal, Task};

pub(super) struct Scene<'a> {
    pub(super) workload: &'a Workload,
    pub(super) begin: Begin<'a>,
    /// What the stop signal is for the members: the init's, or SIGTERM when there was none.
    pub(super) stop: Signal,
    /// Records are missing.
    pub(super) is_incomplete: bool,
    /// Signals that an init was delivered without a handler since the begin.
    pub(super) drops: BTreeMap<(ProcessKey, Signal), u64>,
    /// The init's taking of a signal is recorded.
    pub(super) sees_deliveries: bool,
    /// The init as the first fact about it shows it: its parent tells who the runtime is.
    init: Option<&'a Task>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        workload: &'a Workload,
        begin: Begin<'a>,
        is_incomplete: bool,
        config: &Config,
    ) -> Self {
        let configured = workload.names.as_ref().and_then(|names| names.stop_signal);
        let episode = &workload.episode;
        Self {
            workload,
            begin,
            stop: begin
                .signal
                .and_then(|event| event.signal)
                .or(configured)
                .unwrap_or(Signal::TERM),
            is_incomplete,
            drops: episode.deliveries.drops(begin.at),
            sees_deliveries: config.sees_deliveries,
            init: episode
                .signals
                .iter()
                .map(|event| &event.target)
                .chain(episode.exits.iter().map(|event| &event.task))
                .find(|task| task.key == workload.init),
        }
    }

    /// Whether a sender is this workload's runtime. For a member the init's parent counts.
    pub(super) fn is_by_runtime(&self, sender: &Task, target: &Task) -> bool {
        let is_init = target.key == self.workload.init;
        let init = self.init.filter(|_| !is_init).unwrap_or(target);
        is_runtime(sender, init)
    }
}
