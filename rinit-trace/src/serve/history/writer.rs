//! The thread that writes a history. It waits for nothing but the disk.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{files::Files, queue::Queue};

/// How long after a failure the lines that wait are tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Most bytes that wait for a disk to work again.
const MAX_WAITING: usize = 8 << 20;

/// Counters that the writer shares.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) written: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) torn: AtomicU64,
}

/// What the thread has.
pub(super) struct Writer {
    pub(super) files: Files,
    pub(super) queue: Arc<Queue>,
    pub(super) counters: Arc<Counters>,
    /// Lines that are not on the disk yet, oldest first.
    waiting: VecDeque<String>,
    /// The last try has failed.
    fails: bool,
}

impl Writer {
    pub(super) fn new(files: Files, queue: Arc<Queue>, counters: Arc<Counters>) -> Self {
        Self {
            files,
            queue,
            counters,
            waiting: VecDeque::new(),
            fails: false,
        }
    }

    /// Until the queue is closed.
    pub(super) fn run(mut self) {
        loop {
            let wait = (!self.waiting.is_empty()).then_some(RETRY);
            let work = self.queue.take(wait);
            if work.reopen {
                self.files.close();
            }
            self.waiting.extend(work.lines);
            self.write();
            self.bound(if work.last { 0 } else { MAX_WAITING });
            if work.last {
                break;
            }
        }
        self.queue.end();
    }

    fn write(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let before = self.waiting.len();
        let result = self.files.write(&mut self.waiting);
        let written = before - self.waiting.len();
        self.counters
            .written
            .fetch_add(written as u64, Ordering::Relaxed);
        let torn = std::mem::take(&mut self.files.torn);
        self.counters.torn.fetch_add(torn, Ordering::Relaxed);
        let failed = std::mem::take(&mut self.files.failed_removals) + u64::from(result.is_err());
        self.counters.errors.fetch_add(failed, Ordering::Relaxed);
        self.queue.settle(written);
        match result {
            Err(error) if !self.fails => {
                self.fails = true;
                tracing::warn!(
                    "cannot write the history: {error}; reports wait, and are dropped when too many do"
                );
            }
            Ok(()) if self.fails => {
                self.fails = false;
                tracing::info!("the history is written again");
            }
            _ => {}
        }
    }

    /// Gives up the oldest lines that wait when there are too many bytes of them.
    fn bound(&mut self, most: usize) {
        let mut bytes: usize = self.waiting.iter().map(String::len).sum();
        let mut dropped = 0;
        while bytes > most
            && let Some(line) = self.waiting.pop_front()
        {
            bytes -= line.len();
            dropped += 1;
        }
        self.counters
            .dropped
            .fetch_add(dropped as u64, Ordering::Relaxed);
        self.queue.settle(dropped);
    }
}
