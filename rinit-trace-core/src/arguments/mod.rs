//! How much of the arguments of processes a report shows: they may hold secrets.
//!
//! The diagnosis has all of them. [`limit`] comes between it and every output.

mod names;
mod pieces;
#[cfg(test)]
mod tests;
mod words;

use crate::model::{Arguments, StopReport};

/// Takes out of a report what is not to be shown. What was taken out before stays so.
pub fn limit(report: &mut StopReport, shown: Arguments) {
    let before = report.observation.arguments;
    if shown <= before.unwrap_or(Arguments::Full) {
        return;
    }
    let processes = report.processes.iter_mut();
    let cmdlines = processes
        .map(|process| &mut process.cmdline)
        .chain(std::iter::once(&mut report.workload.init.cmdline));
    for cmdline in cmdlines {
        match (shown, &mut *cmdline) {
            (Arguments::None, _) => *cmdline = None,
            (_, Some(arguments)) => words::mask(arguments),
            (_, None) => {}
        }
    }
    report.observation.arguments = Some(shown);
}
