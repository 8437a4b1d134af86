//! How stops come out: when they are ripe, when the table is full, when tracing ends.

use super::{Correlator, Output, assemble, workload::Workload};
use crate::model::WorkloadId;

impl Correlator {
    /// Closes a stop that has ended, when its names have come or are given up.
    pub(super) fn close_ripe(&mut self, id: WorkloadId) {
        let is_ripe = |workload: &Workload| workload.is_ripe(self.now);
        if self.workloads.get(id).is_some_and(is_ripe) {
            self.close(id);
        }
    }

    /// Tracing is about to end: stops whose init was killed or has ended are closed with what is known
    /// of them, and what waits to be seen as no part of a stop is told. A workload that was only asked
    /// to end may live on: it has no report.
    pub fn handle_finish(&mut self) {
        let mut ending = Vec::new();
        for workload in self.workloads.values_mut() {
            if workload.is_ending() {
                // What would have followed is missing.
                workload.episode.dropped += 1;
            }
            if workload.is_ending() || (workload.is_over() && !workload.is_closed()) {
                ending.push(workload.id);
            }
        }
        ending.sort_unstable();
        for id in ending {
            self.close(id);
            self.schedule(id);
        }
        for workload in self.workloads.values_mut() {
            let outside = workload.tell_outside(&self.oom);
            self.outputs.extend(outside.map(Output::KilledOutsideStop));
        }
    }

    /// Drops the workload that is worth least, when the table is full: closed ones first, then the
    /// one that was quiet for longest. One with an open stop goes last, and is closed with what is
    /// known rather than forgotten.
    pub(super) fn make_room(&mut self, is_of_root: bool) {
        let max = self.config.max_workloads;
        while let Some(id) = self.workloads.excess(max, is_of_root) {
            if let Some(mut workload) = self.remove(id) {
                // What would have followed is missing.
                workload.episode.dropped += 1;
                self.give_out(id, &mut workload);
            }
            self.evicted += 1;
        }
    }

    fn close(&mut self, id: WorkloadId) {
        if let Some(mut workload) = self.workloads.remove(id) {
            self.facts -= workload.episode.len();
            self.give_out(id, &mut workload);
            workload.close(self.now);
            self.workloads.insert(id, workload);
        }
    }

    /// The stop that is open, if there is one, with what is known of it, and the kills that are no part
    /// of it.
    fn give_out(&mut self, id: WorkloadId, workload: &mut Workload) {
        let closed = if workload.is_stopping() {
            assemble::closed_stop(workload, &self.oom, &self.nobodys_losses, &self.config)
        } else {
            None
        };
        let listed = closed.iter().flat_map(|closed| &closed.report.processes);
        let listed = listed.map(|process| process.pid).collect();
        let outside = workload.take_outside_but(&listed, &self.oom);
        self.outputs.extend(outside.map(Output::KilledOutsideStop));
        self.outputs.push_back(Output::CloseGate { id });
        if let Some(closed) = closed {
            self.outputs.push_back(Output::Closed(Box::new(closed)));
        }
    }
}
