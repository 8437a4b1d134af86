//! What workloads say.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::ChildStdout,
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use super::workload::READY;

/// Lines of a standard output.
pub(super) struct Lines(Receiver<String>);

impl Lines {
    /// Reads lines on and on, also after `ready`: a workload must not meet a closed pipe.
    pub(super) fn of(stdout: Option<ChildStdout>) -> Self {
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            let Some(stdout) = stdout else { return };
            let mut reader = BufReader::new(stdout);
            let mut line = String::new();
            // A workload's lines are short; a hostile one is not run here.
            while reader
                .by_ref()
                .take(4096)
                .read_line(&mut line)
                .is_ok_and(|read| read > 0)
            {
                let _ = send.send(line.trim().to_owned());
                line.clear();
            }
        });
        Self(lines)
    }

    /// Whether `ready` is said so often in time.
    pub(super) fn are_ready(&self, count: usize, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut ready = 0;
        while ready < count {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.0.recv_timeout(left) {
                Ok(line) if line == READY => ready += 1,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        true
    }
}
