//! Which processes entered a namespace from outside: `docker exec`, exec probes.

use std::collections::VecDeque;

use crate::model::{ProcessKey, TICK_NS};

/// Most that are remembered, the newest: a probe every ten seconds makes 360 in an hour, and the
/// end of one is not seen while nothing stops.
const MAX_ENTERED: usize = 256;

/// One that entered. Its start is kept in ticks: `/proc` knows no better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) tgid: u32,
    pub(super) start_ticks: u64,
}

#[derive(Debug, Default)]
pub(super) struct Entered {
    recent: VecDeque<Entry>,
}

impl Entered {
    pub(super) fn note_process(&mut self, key: ProcessKey) {
        self.note(key.tgid, key.start / TICK_NS);
    }

    pub(super) fn note(&mut self, tgid: u32, start_ticks: u64) {
        let entry = Entry { tgid, start_ticks };
        if self.recent.contains(&entry) {
            return;
        }
        if self.recent.len() >= MAX_ENTERED {
            self.recent.pop_front();
        }
        self.recent.push_back(entry);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.recent.iter()
    }

    pub(super) fn contains(&self, key: ProcessKey) -> bool {
        self.recent.contains(&Entry {
            tgid: key.tgid,
            start_ticks: key.start / TICK_NS,
        })
    }
}
