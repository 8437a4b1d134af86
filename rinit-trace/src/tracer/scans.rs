//! Looks for the members of workloads: one at a time, for all that were asked for since the last
//! one began.

use std::time::Duration;

use rinit_trace_core::model::{ProcessNames, WorkloadId};
use tokio::sync::mpsc;

use super::Answer;
use crate::runtime::{self, Residence};

/// How long a look may hold up the next.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is asked for, and whether a look is under way.
#[derive(Debug, Default)]
pub(super) struct Scans {
    wanted: Vec<(WorkloadId, Residence)>,
    is_under_way: bool,
}

impl Scans {
    /// Asks for the members of a workload; `container` is its id, where it shares its namespace.
    pub(super) fn ask(
        &mut self,
        id: WorkloadId,
        container: Option<String>,
        answer: &mpsc::Sender<Answer>,
    ) {
        let residence = match container.filter(|_| id.is_shared()) {
            Some(container) => Residence::Container(container),
            None => Residence::Namespace(id.ns.inum),
        };
        self.wanted.push((id, residence));
        self.begin(answer);
    }

    /// The look that was under way has answered.
    pub(super) fn done(&mut self, answer: &mpsc::Sender<Answer>) {
        self.is_under_way = false;
        self.begin(answer);
    }

    fn begin(&mut self, answer: &mpsc::Sender<Answer>) {
        if self.is_under_way || self.wanted.is_empty() {
            return;
        }
        self.is_under_way = true;
        let wanted = std::mem::take(&mut self.wanted);
        let answer = answer.clone();
        tokio::spawn(async move {
            let (ids, residences): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
            let look = move || runtime::members_of(&residences);
            let found = runtime::look_in_time(PATIENCE, look).await;
            let found = found.unwrap_or_default();
            let members: Vec<(WorkloadId, Vec<ProcessNames>)> =
                ids.into_iter().zip(found).collect();
            // The tracer is gone: nobody wants to know.
            let _ = answer.send(Answer::Members(members)).await;
        });
    }
}
