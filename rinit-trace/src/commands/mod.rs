//! One file per command. Only `main` comes here.

pub mod daemon;
pub mod demo;
pub mod explain;
mod last;
mod start;
pub mod system_info;
pub mod trace;

use std::{
    borrow::Cow,
    io::{self, IsTerminal as _, Write as _},
};

use anyhow::Result;
use rinit_trace_core::{
    model::{StopReport, Trigger, Verdict},
    render::{self, TextOptions},
};

use crate::cli::{HostArgs, Output};

/// Exit codes, as the report contract has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Graceful, or done.
    Ok,
    /// Forced.
    Forced,
    /// A demo that is not as expected.
    Differs,
    /// Wrong usage.
    Usage,
    /// Could not trace, unknown, timed out or interrupted.
    NotTraced,
}

impl Exit {
    /// What a verdict says.
    fn of(report: &StopReport) -> Self {
        match report.verdict {
            Verdict::Graceful => Self::Ok,
            Verdict::Forced => Self::Forced,
            Verdict::Unknown => Self::NotTraced,
        }
    }

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Forced | Self::Differs => 1,
            Self::Usage => 2,
            Self::NotTraced => 3,
        }
    }
}

/// Prints a report and flushes: a reader of a pipe wants it now.
fn print_report(report: &StopReport, output: Output) -> Result<()> {
    let text = match output {
        Output::Text => render::text(
            report,
            &TextOptions {
                color: wants_color(),
            },
        ),
        Output::Json => render::json(report)?,
        Output::Jsonl => render::jsonl(report)?,
    };
    put(&text)
}

/// A report as it is kept and printed as JSON: no longer than `--report-kib` says.
fn fit<'r>(report: &'r StopReport, host: &HostArgs) -> Cow<'r, StopReport> {
    let bytes = usize::try_from(host.report_kib).unwrap_or(usize::MAX);
    if bytes == 0 {
        return Cow::Borrowed(report);
    }
    let mut fitted = report.clone();
    render::fit(&mut fitted, bytes.saturating_mul(1024));
    Cow::Owned(fitted)
}

/// Whether a workload ended by itself, with nobody killed: not much to tell.
fn by_itself(report: &StopReport) -> bool {
    let is_own_end = matches!(
        report.stop.trigger,
        Trigger::InitExit | Trigger::MainChildExit
    );
    is_own_end && report.verdict == Verdict::Graceful
}

/// The first line of a report for people.
fn one_line(report: &StopReport) -> String {
    let options = TextOptions {
        color: wants_color(),
    };
    let text = render::text(report, &options);
    format!("{}\n", text.lines().next().unwrap_or_default())
}

/// Prints on stdout. `print!` would panic when the reader has gone.
fn put(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// Colour on a terminal, unless the user does not want it.
fn wants_color() -> bool {
    io::stdout().is_terminal()
        && !matches!(
            anstream::AutoStream::choice(&io::stdout()),
            anstream::ColorChoice::Never
        )
}
