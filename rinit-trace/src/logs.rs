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
use tracing_subscriber::{EnvFilter, filter::ParseError};

use crate::{cli::LogFormat, lines::Lines};

/// Errors of Kubernetes' API, of one word and about nothing that is named: whoever asks it tells what
/// they are about, and how many. Logged all the same where somebody asks for exactly these.
const NOT_LOGGED: &str = "kube_client::client::builder=off";

/// Most bytes of logs that wait to be written: some thousand lines.
const MAX_WAITING: usize = 1 << 20;

/// How long the last lines may take.
const FLUSH: Duration = Duration::from_millis(100);

/// Logs are the whole process's, and so is the thread that writes them.
static BACKGROUND: OnceLock<Lines> = OnceLock::new();

/// Begins to log from a level on, or what `RINIT_TRACE_LOG` says in place of it.
pub fn init(level: &str, format: LogFormat) {
    let asked = std::env::var("RINIT_TRACE_LOG").unwrap_or_default();
    let filter = match asked.as_str() {
        "" => filter(level),
        asked => filter(asked).or_else(|_| filter(level)),
    };
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_default())
        .with_writer(|| Stderr)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Json => logs.json().flatten_event(true).init(),
        LogFormat::Text => logs.init(),
    }
}

/// What is logged at a level, or by directives of `RINIT_TRACE_LOG`.
pub(crate) fn filter(directives: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(format!("{NOT_LOGGED},{directives}"))
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
