//! Who entered a namespace from outside: `docker exec`, exec probes.

use std::collections::VecDeque;

use crate::model::{ProcessKey, TICK_NS, Task};

/// Most that are remembered, the newest: a probe every ten seconds makes 360 in an hour, and the
/// end of one is not seen while nothing stops.
const MAX_ENTERED: usize = 256;

/// One that entered. Its start is kept in ticks: `/proc` knows no better.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) tgid: u32,
    pub(super) start_ticks: u64,
    /// Its session, in the numbering of the namespace.
    sid: Option<u32>,
    /// Its own number there: that of a session which it makes later.
    number: Option<u32>,
}

#[derive(Debug, Default)]
pub(super) struct Entered {
    recent: VecDeque<Entry>,
}

impl Entered {
    pub(super) fn note_task(&mut self, task: &Task) {
        let number = Some(task.ns_tgid);
        self.add(task.key.tgid, task.key.start / TICK_NS, task.sid, number);
    }

    pub(super) fn note(&mut self, tgid: u32, start_ticks: u64, sid: Option<u32>) {
        self.add(tgid, start_ticks, sid, None);
    }

    fn add(&mut self, tgid: u32, start_ticks: u64, sid: Option<u32>, number: Option<u32>) {
        let known = self
            .recent
            .iter_mut()
            .find(|entry| entry.tgid == tgid && entry.start_ticks == start_ticks);
        if let Some(entry) = known {
            // It may have made a session of its own since; the same whichever is told first.
            entry.sid = entry.sid.max(sid);
            entry.number = entry.number.or(number);
            return;
        }
        if self.recent.len() >= MAX_ENTERED {
            self.recent.pop_front();
        }
        self.recent.push_back(Entry {
            tgid,
            start_ticks,
            sid,
            number,
        });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.recent.iter()
    }

    pub(super) fn contains(&self, key: ProcessKey) -> bool {
        self.recent
            .iter()
            .any(|entry| entry.tgid == key.tgid && entry.start_ticks == key.start / TICK_NS)
    }

    /// Whether a process belongs to a session that came from outside, and not to an older one of
    /// the same number. Session 1 is the init's.
    pub(super) fn has_session_of(&self, task: &Task) -> bool {
        let Some(sid) = task.sid.filter(|sid| *sid > 1) else {
            return false;
        };
        self.recent.iter().any(|entry| {
            let is_its = entry.sid == Some(sid) || entry.number == Some(sid);
            is_its && entry.start_ticks <= task.key.start / TICK_NS
        })
    }
}
