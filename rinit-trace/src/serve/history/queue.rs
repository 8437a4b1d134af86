//! Lines on their way to the disk. Tracing puts them in and never waits; the writer takes them out.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex},
    time::Duration,
};

use crate::serve::lock;

/// Most bytes that wait.
const MAX_BYTES: usize = 8 << 20;

/// A queue with one writer at its end.
#[derive(Debug)]
pub(super) struct Queue {
    max_lines: usize,
    state: Mutex<State>,
    /// For the writer: there is something to do.
    work: Condvar,
    /// For who waits for the writer: it has done something.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<String>,
    bytes: usize,
    /// Lines put in since the start.
    accepted: u64,
    /// Of those, lines that are on the disk or were given up.
    settled: u64,
    reopen: bool,
    closed: bool,
    ended: bool,
}

/// What a writer has to do.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) lines: VecDeque<String>,
    /// The file is to be opened again.
    pub(super) reopen: bool,
    /// Nothing comes after this.
    pub(super) last: bool,
}

impl Queue {
    pub(super) fn new(max_lines: usize) -> Self {
        Self {
            max_lines: max_lines.max(1),
            state: Mutex::new(State::default()),
            work: Condvar::new(),
            done: Condvar::new(),
        }
    }

    /// Puts a line in; `false` when there is no room.
    pub(super) fn push(&self, line: String) -> bool {
        let mut state = lock(&self.state);
        let bytes = state.bytes + line.len();
        if state.closed || state.lines.len() >= self.max_lines || bytes > MAX_BYTES {
            return false;
        }
        state.bytes = bytes;
        state.accepted += 1;
        state.lines.push_back(line);
        self.work.notify_one();
        true
    }

    /// Waits for something to do, at most so long.
    pub(super) fn take(&self, most: Option<Duration>) -> Work {
        let idle = |state: &mut State| state.lines.is_empty() && !state.reopen && !state.closed;
        let state = lock(&self.state);
        let mut state = match most {
            None => match self.work.wait_while(state, idle) {
                Ok(state) => state,
                Err(poisoned) => poisoned.into_inner(),
            },
            Some(most) => match self.work.wait_timeout_while(state, most, idle) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            },
        };
        state.bytes = 0;
        Work {
            lines: std::mem::take(&mut state.lines),
            reopen: std::mem::take(&mut state.reopen),
            last: state.closed,
        }
    }

    /// The writer is done with so many lines.
    pub(super) fn settle(&self, lines: usize) {
        lock(&self.state).settled += lines as u64;
        self.done.notify_all();
    }

    /// Waits until the writer is done with all that was put in before; `false` when it is not in time.
    pub(super) fn flush(&self, most: Duration) -> bool {
        let state = lock(&self.state);
        let asked = state.accepted;
        self.wait(state, most, |state| state.settled >= asked || state.ended)
    }

    /// Asks the writer to open its file again.
    pub(super) fn reopen(&self) {
        lock(&self.state).reopen = true;
        self.work.notify_one();
    }

    /// Takes no more lines; the writer ends when it has tried those that are there.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.work.notify_one();
    }

    /// The writer has ended.
    pub(super) fn end(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.ended = true;
        self.done.notify_all();
    }

    /// Waits for its end; `false` when that does not come in time.
    pub(super) fn wait_for_end(&self, most: Duration) -> bool {
        self.wait(lock(&self.state), most, |state| state.ended)
    }

    fn wait(
        &self,
        state: std::sync::MutexGuard<'_, State>,
        most: Duration,
        is_done: impl Fn(&State) -> bool,
    ) -> bool {
        let waited = self
            .done
            .wait_timeout_while(state, most, |state| !is_done(state));
        match waited {
            Ok((state, _)) => is_done(&state),
            Err(poisoned) => is_done(&poisoned.into_inner().0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_takes_no_more() {
        let queue = Queue::new(2);
        assert!(queue.push("a".into()) && queue.push("b".into()));
        assert!(!queue.push("c".into()));
        let work = queue.take(None);
        assert_eq!(work.lines, ["a", "b"]);
        assert!(!work.last && !work.reopen);
        assert!(queue.push("c".into()));
        assert!(!queue.push("x".repeat(MAX_BYTES)));
        queue.close();
        assert!(!queue.push("d".into()));
        assert!(queue.take(None).last);
    }

    #[test]
    fn a_flush_waits_for_what_was_put_in_before() {
        let queue = Queue::new(9);
        assert!(queue.flush(Duration::ZERO), "there is nothing");
        queue.push("a".into());
        assert!(!queue.flush(Duration::from_millis(1)));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| queue.flush(Duration::from_secs(60)));
            queue.settle(queue.take(None).lines.len());
            assert!(waits.join().unwrap());
        });
    }
}
