//! Reads a history back, also while somebody writes it.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rinit_trace_core::model::{SCHEMA, StopReport};

use super::{
    Filter, HistoryError,
    backwards::{Backwards, Line},
    files,
    filter::Key,
};

/// Stops of a directory, newest first. What is no report is passed over, and counted.
#[derive(Debug)]
pub struct Stops {
    /// Not read yet, oldest first.
    files: Vec<PathBuf>,
    current: Option<Backwards<File>>,
    skipped: u64,
}

/// Opens a directory for reading; its writer is not disturbed.
pub fn read(dir: &Path) -> Result<Stops, HistoryError> {
    let files = files::list(dir).map_err(|error| HistoryError::Unusable {
        action: "read",
        dir: dir.to_owned(),
        error,
    })?;
    Ok(Stops {
        files: files.into_iter().map(|(_, path)| path).collect(),
        current: None,
        skipped: 0,
    })
}

/// The last stop of a container, by its name, its pod's name or the begin of its id.
pub fn last_of(dir: &Path, container: &str) -> Result<Option<StopReport>, HistoryError> {
    let filter = Filter::container(container);
    let mut stops = read(dir)?;
    Ok(stops.find(|report| filter.matches(&Key::from(report))))
}

impl Stops {
    /// Lines so far that were no report: torn by a crash, or of another program; and files that
    /// could not be read.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The next line, if it is a report; `Err` when the file is at its end, or fails.
    fn line(&mut self, lines: &mut Backwards<File>) -> Result<Option<StopReport>, ()> {
        match lines.previous() {
            Ok(Some(Line::Whole(line))) if line.is_empty() => Ok(None),
            Ok(Some(Line::Whole(line))) => {
                let report = serde_json::from_slice::<StopReport>(&line).ok();
                let report = report.filter(|report| report.schema == SCHEMA);
                self.skipped += u64::from(report.is_none());
                Ok(report)
            }
            Ok(Some(Line::TooLong)) => {
                self.skipped += 1;
                Ok(None)
            }
            Ok(None) => Err(()),
            Err(_) => {
                self.skipped += 1;
                Err(())
            }
        }
    }
}

impl Iterator for Stops {
    type Item = StopReport;

    fn next(&mut self) -> Option<StopReport> {
        loop {
            let mut lines = match self.current.take() {
                Some(lines) => lines,
                None => match open(&self.files.pop()?) {
                    Ok(lines) => lines,
                    // Removed by its writer in the meantime.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(_) => {
                        self.skipped += 1;
                        continue;
                    }
                },
            };
            let report = self.line(&mut lines);
            if report.is_ok() {
                self.current = Some(lines);
            }
            if let Ok(Some(report)) = report {
                return Some(report);
            }
        }
    }
}

fn open(path: &Path) -> io::Result<Backwards<File>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    Backwards::new(file)
}
