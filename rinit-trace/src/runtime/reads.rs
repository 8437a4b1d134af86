//! The readers of this program, and how others use them.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use rinit_trace_core::model::ProcessNames;
use tokio::time::Instant;

use super::{
    proc::Proc,
    reader::{Bounds, ProcessId, ReadStats, Reader},
};

/// Of the memory of processes: arguments and environments. Two at a time: more take CPU time from what
/// is traced. Fourteen processes that hang cost nobody else anything.
const MEMORY: Bounds = Bounds {
    threads: 2,
    most: 16,
    queue: 4096,
    time: Duration::from_secs(1),
};

/// Looks over all processes, which take no lock of a process: each kind is under way once at most. The
/// kernel's own lock of all cgroups may be held for long.
const LOOKS: Bounds = Bounds {
    threads: 4,
    most: 8,
    queue: 64,
    time: Duration::from_secs(10),
};

static SHARED: LazyLock<[Arc<Reader>; 2]> = LazyLock::new(|| {
    [
        Reader::new("arguments", MEMORY),
        Reader::new("processes", LOOKS),
    ]
});

/// That of the memory of this machine's processes.
pub(super) fn memory() -> &'static Arc<Reader> {
    &SHARED[0]
}

/// One for a `/proc` of its own.
pub(super) fn new_memory() -> Arc<Reader> {
    Reader::new("arguments", MEMORY)
}

/// That of looks over all of them.
pub(super) fn looks() -> &'static Arc<Reader> {
    &SHARED[1]
}

/// How reads of processes went so far.
pub fn read_stats() -> ReadStats {
    SHARED.iter().fold(ReadStats::default(), |sum, reader| {
        let stats = reader.stats();
        ReadStats {
            hanging: sum.hanging + stats.hanging,
            hung: sum.hung + stats.hung,
            avoided: sum.avoided + stats.avoided,
            refused: sum.refused + stats.refused,
        }
    })
}

/// Reads one process, and hands it over when it still is that one. Neither waits nor blocks; one that
/// hangs is never handed over.
pub fn read_process(of: ProcessId, deliver: impl FnOnce(ProcessNames) + Send + 'static) {
    let read = move || Proc::default().read_process(of);
    memory().offer(Some(of), read, move |found| {
        if let Some(found) = found {
            deliver(found);
        }
    });
}

/// Has a look over processes done, and what it found handed over. Neither waits nor blocks.
pub fn look<T: Send + 'static>(
    look: impl FnOnce() -> T + Send + 'static,
    deliver: impl FnOnce(T) + Send + 'static,
) {
    looks().offer(None, look, deliver);
}

/// The same for who waits for it, but not for ever.
pub async fn look_in_time<T: Send + 'static>(
    time: Duration,
    look: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let read = looks().read(None, Instant::now() + time, look);
    read.await.ok()
}
