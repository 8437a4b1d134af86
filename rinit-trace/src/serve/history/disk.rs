//! A history on a disk, as its user sees it.

use std::{
    io,
    path::Path,
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use rinit_trace_core::{model::StopReport, render};

use super::{
    HistoryError,
    files::Files,
    queue::Queue,
    writer::{Counters, Writer},
};

/// How long a dropped [`Disk`] waits for its writer, which [`Disk::flush`] may have been waiting for
/// before: the daemon has a second for all that it ends.
const PATIENCE: Duration = Duration::from_millis(100);

/// Bounds of a [`Disk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskOptions {
    /// Size of a file at which the next is begun; also the longest line that is written.
    pub max_file_bytes: u64,
    /// Most files; the oldest are removed.
    pub max_files: usize,
    /// Most reports that wait for the disk.
    pub max_waiting: usize,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self {
            max_file_bytes: 8 << 20,
            max_files: 8,
            max_waiting: 1024,
        }
    }
}

/// Counters of a [`Disk`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskStats {
    /// Reports on the disk.
    pub written: u64,
    /// Writes and removals that failed.
    pub errors: u64,
    /// Reports that were given up: the disk was too slow, full or gone for too long.
    pub dropped: u64,
    /// Half lines that were found at the end of a file, from a crash.
    pub torn: u64,
}

/// Writes stops to a directory, on a thread of its own: no call here waits for the disk but
/// [`flush`](Self::flush), which says for how long.
#[derive(Debug)]
pub struct Disk {
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    max_line: u64,
}

impl Disk {
    /// Opens a directory, which is made when it is not there. One process may write it.
    pub fn open(dir: &Path, options: DiskOptions) -> Result<Self, HistoryError> {
        let files = Files::open(dir, options.max_file_bytes, options.max_files)?;
        let queue = Arc::new(Queue::new(options.max_waiting));
        let counters = Arc::new(Counters::default());
        let writer = Writer::new(files, Arc::clone(&queue), Arc::clone(&counters));
        let spawned = thread::Builder::new()
            .name("history".into())
            .spawn(move || writer.run());
        if let Err(error) = spawned {
            return Err(HistoryError::Unusable {
                action: "write",
                dir: dir.to_owned(),
                error,
            });
        }
        Ok(Self {
            queue,
            counters,
            max_line: options.max_file_bytes,
        })
    }

    /// Hands a report to the writer. When too many wait it is dropped, and counted.
    pub fn append(&self, report: &StopReport) {
        let line = render::jsonl(report).map_err(io::Error::other);
        let is_taken = match line {
            Ok(line) if line.len() as u64 <= self.max_line => self.queue.push(line),
            _ => false,
        };
        if !is_taken {
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until what was handed over is on the disk, or given up; `false` when it is not in time.
    pub fn flush(&self, most: Duration) -> bool {
        self.queue.flush(most)
    }

    /// Opens the file again, by its name: somebody has moved it away.
    pub fn reopen(&self) {
        self.queue.reopen();
    }

    /// Counters.
    pub fn stats(&self) -> DiskStats {
        let Counters {
            written,
            errors,
            dropped,
            torn,
        } = &*self.counters;
        DiskStats {
            written: written.load(Ordering::Relaxed),
            errors: errors.load(Ordering::Relaxed),
            dropped: dropped.load(Ordering::Relaxed),
            torn: torn.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.queue.close();
        // A disk that hangs must not keep the program: the thread ends with it.
        self.queue.wait_for_end(PATIENCE);
    }
}

#[cfg(test)]
mod tests;
