//! Lines on stdout or stderr, written by a thread of their own: a reader that stalls, or a full disk,
//! must not hold up tracing.

use std::{
    io::{self, ErrorKind, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// How often [`Lines::finish`] looks whether all is written.
const LOOK: Duration = Duration::from_millis(2);

#[derive(Debug, Default)]
struct Counters {
    errors: AtomicU64,
    dropped: AtomicU64,
    waiting: AtomicUsize,
}

/// Where lines are printed.
#[derive(Debug)]
pub(crate) struct Lines {
    queue: Sender<Vec<u8>>,
    counters: Arc<Counters>,
    max_waiting: usize,
}

impl Lines {
    /// Begins to write there. Of what waits to be written, in bytes, there is a limit: what comes on top is
    /// dropped, and counted.
    pub(crate) fn start(
        name: &'static str,
        to: impl Write + Send + 'static,
        max_waiting: usize,
    ) -> Result<Self> {
        let (queue, lines) = channel();
        let counters = Arc::new(Counters::default());
        let counted = Arc::clone(&counters);
        thread::Builder::new()
            .name(name.into())
            .spawn(move || write_all(name, to, &lines, &counted))
            .with_context(|| format!("start the thread that writes to {name}"))?;
        Ok(Self {
            queue,
            counters,
            max_waiting,
        })
    }

    /// Queues text that ends with a newline. Never waits.
    pub(crate) fn put(&self, text: Vec<u8>) {
        let len = text.len();
        let waiting = self.counters.waiting.fetch_add(len, Ordering::Relaxed);
        // The thread lives as long as the queue.
        if waiting + len > self.max_waiting || self.queue.send(text).is_err() {
            self.counters.waiting.fetch_sub(len, Ordering::Relaxed);
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes that failed, and lines that were dropped.
    pub(crate) fn stats(&self) -> (u64, u64) {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (get(&self.counters.errors), get(&self.counters.dropped))
    }

    /// Waits until everything is written, at most so long. `false`: something was left.
    pub(crate) fn finish(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while self.counters.waiting.load(Ordering::Acquire) > 0 {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(LOOK);
        }
        true
    }
}

fn write_all(name: &str, mut to: impl Write, lines: &Receiver<Vec<u8>>, counters: &Counters) {
    for line in lines {
        if !write_line(name, &mut to, &line, counters) {
            counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
        counters.waiting.fetch_sub(line.len(), Ordering::Release);
    }
}

/// `false`: nobody reads any more. Whatever else fails may pass, and a line is never left half
/// written: it is tried again from where it broke off.
fn write_line(name: &str, to: &mut impl Write, mut rest: &[u8], counters: &Counters) -> bool {
    loop {
        let error = match to.write(rest) {
            Ok(0) if !rest.is_empty() => io::Error::from(ErrorKind::WriteZero),
            Ok(written) => {
                rest = rest.get(written..).unwrap_or_default();
                if !rest.is_empty() {
                    continue;
                }
                match to.flush() {
                    Ok(()) => return true,
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        if error.kind() == ErrorKind::Interrupted {
            continue;
        }
        if counters.errors.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!("cannot write to {name}: {error}; trying on");
        }
        if error.kind() == ErrorKind::BrokenPipe {
            return false;
        }
        thread::sleep(RETRY);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// Takes a few bytes at a time, and fails as long as `failures` says.
    #[derive(Clone, Default)]
    struct Disk {
        written: Arc<Mutex<Vec<u8>>>,
        failures: Arc<Mutex<Vec<ErrorKind>>>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(failure) = failures.pop() {
                return Err(failure.into());
            }
            let taken = bytes.len().min(3);
            self.written.lock().unwrap().extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Disk {
        fn text(&self) -> String {
            String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
        }
    }

    #[test]
    fn lines_are_whole_though_the_disk_was_full_for_a_while() {
        let disk = Disk::default();
        disk.failures
            .lock()
            .unwrap()
            .extend([ErrorKind::StorageFull, ErrorKind::Interrupted]);
        let lines = Lines::start("disk", disk.clone(), 1 << 10).unwrap();
        lines.put("first line\n".into());
        lines.put("second\n".into());
        assert!(lines.finish(Duration::from_secs(60)));
        assert_eq!(disk.text(), "first line\nsecond\n");
        assert_eq!(lines.stats(), (1, 0));
    }

    #[test]
    fn what_nobody_reads_is_counted() {
        let disk = Disk::default();
        disk.failures.lock().unwrap().push(ErrorKind::BrokenPipe);
        let lines = Lines::start("disk", disk.clone(), 1 << 10).unwrap();
        lines.put("first\n".into());
        lines.put("second\n".into());
        assert!(lines.finish(Duration::from_secs(60)));
        assert_eq!((disk.text(), lines.stats()), ("second\n".into(), (1, 1)));
    }

    const MOST: usize = 1 << 10;

    /// Never takes anything.
    struct Stuck;

    impl Write for Stuck {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            loop {
                thread::park();
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stalls_holds_nobody_up() {
        let lines = Lines::start("stuck", Stuck, MOST).unwrap();
        let half = vec![b'x'; MOST / 2];
        for _ in 0..3 {
            lines.put(half.clone());
        }
        assert_eq!(lines.stats(), (0, 1));
        assert!(!lines.finish(Duration::from_millis(1)));
    }
}
