//! Whom the OOM killer chose.
//!
//! Its mark names a host thread and no namespace, so the marks of all workloads are kept together.

use std::{collections::VecDeque, time::Duration};

use crate::model::{BootTime, ExitEvent, Origin, SignalEvent};

/// Marks that are remembered.
const MAX_MARKS: usize = 1024;

/// The mark follows its SIGKILL at once, on the same CPU (`__oom_kill_process()` in `mm/oom_kill.c`);
/// later the thread id may be another's.
const NEAR: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct OomMarks {
    recent: VecDeque<(u32, BootTime)>,
}

impl OomMarks {
    pub(super) fn note(&mut self, tid: u32, at: BootTime) {
        if self.recent.len() >= MAX_MARKS {
            self.recent.pop_front();
        }
        self.recent.push_back((tid, at));
    }

    /// Whether the target of a SIGKILL by the kernel was marked.
    pub(super) fn is_marked(&self, kill: &SignalEvent) -> bool {
        let target = &kill.target;
        self.recent.iter().any(|(tid, at)| {
            (*tid == target.tid || *tid == target.key.tgid)
                && at.since(kill.at) <= NEAR
                && kill.at.since(*at) <= NEAR
        })
    }
}

/// Whether a process was a victim: its SIGKILL says so, else its exit. One that is dying already of
/// another SIGKILL is marked, too, so that its memory comes free (`task_will_free_mem()`): that is
/// not what killed it.
pub(super) fn is_victim(kill: Option<&SignalEvent>, exit: Option<&ExitEvent>) -> bool {
    kill.map_or_else(
        || exit.is_some_and(|exit| exit.state.oom),
        |kill| kill.origin() == Origin::Oom,
    )
}
