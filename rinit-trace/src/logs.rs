//! Logs of the program, on stderr.
//!
//! A daemon's are written by a thread of their own: whoever reads them may stall, as a log driver does
//! on a full disk, and tracing must go on.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::OnceLock,
    time::Duration,
};

use anyhow::Result;
use tracing_subscriber::EnvFilter;

use crate::{cli::LogFormat, lines::Lines};

/// Most bytes of logs that wait to be written: some thousand lines.
const MAX_WAITING: usize = 1 << 20;

/// How long the last lines may take.
const FLUSH: Duration = Duration::from_millis(100);

/// Logs are the whole process's, and so is the thread that writes them.
static BACKGROUND: OnceLock<Lines> = OnceLock::new();

/// Begins to log from a level on, or what `RINIT_TRACE_LOG` says in place of it.
pub fn init(level: &str, format: LogFormat) {
    let filter =
        EnvFilter::try_from_env("RINIT_TRACE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Stderr)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Json => logs.json().flatten_event(true).init(),
        LogFormat::Text => logs.init(),
    }
}

/// From now on a thread writes them. When that thread may be started is the caller's to know.
///
/// # Errors
///
/// When there can be no thread.
pub fn in_background() -> Result<()> {
    if BACKGROUND.get().is_none() {
        let lines = Lines::start("stderr", io::stderr(), MAX_WAITING)?;
        // Another one may have been quicker: then its thread does it.
        let _ = BACKGROUND.set(lines);
    }
    Ok(())
}

/// Writes that failed, and lines that were dropped.
pub(crate) fn stats() -> (u64, u64) {
    BACKGROUND.get().map_or((0, 0), Lines::stats)
}

/// Waits until everything is written; not long, as nobody may read it. The last thing before the
/// program ends.
pub fn finish() {
    if let Some(lines) = BACKGROUND.get() {
        // What is left is nothing that could be told to anybody.
        lines.finish(FLUSH);
    }
}

/// Takes one line at a time, with its newline: so it is handed over by the formatter.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match BACKGROUND.get() {
            Some(lines) => {
                lines.put(line.to_vec());
                Ok(line.len())
            }
            None => io::stderr().write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
