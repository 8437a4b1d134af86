//! A stop as its report is made: the facts of its workload, and what all parts of the report need
//! to know of them.

use super::{
    begin::{Begin, is_runtime},
    oom::OomMarks,
    workload::Workload,
};
use crate::model::{Signal, Task};

pub(super) struct Scene<'a> {
    pub(super) workload: &'a Workload,
    pub(super) begin: Begin<'a>,
    pub(super) oom: &'a OomMarks,
    /// What the stop signal is for the members: the init's, or SIGTERM when there was none.
    pub(super) stop: Signal,
    /// Records are missing.
    pub(super) is_incomplete: bool,
    /// The init as the first fact about it shows it: its parent tells who the runtime is.
    init: Option<&'a Task>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        workload: &'a Workload,
        begin: Begin<'a>,
        oom: &'a OomMarks,
        is_incomplete: bool,
    ) -> Self {
        let configured = workload.names.as_ref().and_then(|names| names.stop_signal);
        let episode = &workload.episode;
        Self {
            workload,
            begin,
            oom,
            stop: begin
                .signal
                .and_then(|event| event.signal)
                .or(configured)
                .unwrap_or(Signal::TERM),
            is_incomplete,
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
        is_runtime(sender, self.init.unwrap_or(target))
    }
}
