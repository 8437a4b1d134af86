//! The table of processes: who they were, how they met the stop signal, how they ended.

use super::{
    escape,
    layout::{BAD, Cell, DIM, GOOD, PLAIN, Row, STRONG, WARN},
    words::word,
};
use crate::model::{
    DispositionAtStop, KilledBy, Origin, Outcome, Process, Role, SendResult, SignalEntry,
    StopReport, StopSignal,
};

/// More rows than this, and the rest is only counted.
const ROWS_MAX: usize = 30;

pub(super) fn rows(report: &StopReport) -> Vec<Row> {
    let mut processes: Vec<&Process> = report.processes.iter().collect();
    if processes.len() > ROWS_MAX {
        // Stable: within a group the order in which they ended stays.
        processes.sort_by_key(|process| importance(process));
    }
    let (shown, folded) = processes.split_at(processes.len().min(ROWS_MAX));
    if shown.is_empty() {
        return vec![Row::Note("none was seen".to_owned())];
    }
    let mut rows = vec![heading()];
    rows.extend(shown.iter().map(|process| row(report, process)));
    if !folded.is_empty() {
        rows.push(Row::Note(fold_note(folded)));
    }
    rows
}

/// What to show first where not all can be.
fn importance(process: &Process) -> u8 {
    match process {
        Process {
            role: Role::Init, ..
        } => 0,
        Process { outcome, .. } if outcome.is_killed() => 1,
        Process {
            outcome: Outcome::Alive,
            ..
        } => 2,
        _ => 3,
    }
}

/// `… 70 more: 60 killed-unsignalled, 10 exited`
fn fold_note(folded: &[&Process]) -> String {
    let mut counts: Vec<(Outcome, usize)> = Vec::new();
    for process in folded {
        match counts
            .iter_mut()
            .find(|(outcome, _)| *outcome == process.outcome)
        {
            Some((_, count)) => *count += 1,
            None => counts.push((process.outcome, 1)),
        }
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(outcome, count)| format!("{count} {}", word(outcome)))
        .collect();
    format!("… {} more: {}", folded.len(), counts.join(", "))
}

/// The command line comes last: it is the only wide one, and rows stay aligned before it.
fn heading() -> Row {
    Row::Cells(vec![
        Cell::new(DIM, "ROLE"),
        Cell::new(DIM, "NAME"),
        Cell::right(DIM, "PID"),
        Cell::right(DIM, "NS"),
        Cell::new(DIM, "STOP SIGNAL"),
        Cell::new(DIM, "OUTCOME"),
        Cell::new(DIM, "COMMAND"),
    ])
}

fn row(report: &StopReport, process: &Process) -> Row {
    let style = match process.outcome {
        Outcome::Exited => GOOD,
        Outcome::Terminated => PLAIN,
        Outcome::Alive => WARN,
        _ => BAD,
    };
    let command = process
        .cmdline
        .as_deref()
        .map_or_else(|| "-".to_owned(), escape::cmdline);
    Row::Cells(vec![
        Cell::new(PLAIN, word(&process.role)),
        Cell::new(STRONG, escape::name(&process.comm)),
        Cell::right(PLAIN, process.pid.to_string()),
        Cell::right(PLAIN, process.ns_pid.to_string()),
        Cell::new(PLAIN, stop_signal(report, process)),
        Cell::new(style, outcome(report, process)),
        Cell::new(DIM, command),
    ])
}

/// Disposition, then what became of it: `handled, taken`; in front of that the program that it met,
/// where the process has become another one.
fn stop_signal(report: &StopReport, process: &Process) -> String {
    let mut how = how_met(&process.stop_signal);
    let first_at_ms = process.stop_signal.first_at_ms;
    let is_first = |entry: &SignalEntry| Some(entry.at_ms) == first_at_ms;
    if of_terminal(report, process).any(is_first) {
        how.push_str(", from the terminal");
    }
    match &process.stop_signal.comm {
        Some(comm) if *comm != process.comm => format!("as {}: {how}", escape::name(comm)),
        _ => how,
    }
}

fn how_met(stop_signal: &StopSignal) -> String {
    use DispositionAtStop::{Handled, Waited};
    let at_end = stop_signal.disposition_at_end;
    if stop_signal.received == 0 {
        // Would have cleaned up, had anybody told it: worth a word.
        return match at_end {
            Some(Handled | Waited) => "none, had a handler".to_owned(),
            _ => "none".to_owned(),
        };
    }
    let mut parts = vec![
        stop_signal
            .disposition
            .as_ref()
            .map_or("sent".to_owned(), word),
    ];
    match (stop_signal.result, stop_signal.taken) {
        // `SIG_IGN` is dropped always; "ignored, ignored" would tell nothing.
        (Some(SendResult::Ignored), _)
            if stop_signal.disposition == Some(DispositionAtStop::Ignored) => {}
        (Some(SendResult::Ignored), _) => parts.push("ignored".to_owned()),
        (_, Some(true)) => parts.push("taken".to_owned()),
        (_, Some(false)) => parts.push("not taken".to_owned()),
        (_, None) => {}
    }
    if stop_signal.received > 1 {
        parts.push(format!("sent {} times", stop_signal.received));
    }
    match at_end {
        Some(at_end) if stop_signal.disposition.is_some_and(|first| first != at_end) => {
            parts.push(format!("{} at the end", word(&at_end)));
        }
        _ => {}
    }
    parts.join(", ")
}

/// Signals that a terminal sent to a process.
fn of_terminal<'a>(
    report: &'a StopReport,
    process: &'a Process,
) -> impl Iterator<Item = &'a SignalEntry> {
    let signals = report.signals.iter();
    signals.filter(|entry| entry.origin == Origin::Terminal && entry.to == process.pid)
}

fn outcome(report: &StopReport, process: &Process) -> String {
    let outcome = word(&process.outcome);
    let exit = process.exit;
    match process.outcome {
        Outcome::Exited => match exit.and_then(|exit| exit.code) {
            Some(code) => format!("{outcome} {code}"),
            None => outcome,
        },
        Outcome::Terminated => match exit.and_then(|exit| exit.signal) {
            Some(signal) => {
                let is_it = |entry: &SignalEntry| entry.signal == signal;
                // A stop signal is told of in its own column.
                let is_told = process.stop_signal.received > 0;
                let whose = if !is_told && of_terminal(report, process).any(is_it) {
                    " of the terminal"
                } else {
                    ""
                };
                format!("{outcome} by {signal}{whose}")
            }
            None => outcome,
        },
        _ => match process.killed_by {
            // The outcome says it.
            None | Some(KilledBy::Oom) => outcome,
            Some(killed_by) => format!("{outcome} by {}", word(&killed_by)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stop_signal_shows_as_disposition_and_what_became_of_it() {
        use DispositionAtStop::{Blocked, Default, Handled, Ignored, Waited};
        let sent = |disposition, at_end, taken, result| StopSignal {
            disposition: Some(disposition),
            disposition_at_end: Some(at_end),
            received: 1,
            taken,
            result: Some(result),
            ..StopSignal::default()
        };
        let (queued, dropped) = (SendResult::Delivered, SendResult::Ignored);
        for (how, shown) in [
            (sent(Handled, Handled, Some(true), queued), "handled, taken"),
            (sent(Handled, Handled, None, queued), "handled"),
            (sent(Waited, Waited, Some(true), queued), "waited, taken"),
            (
                sent(Blocked, Blocked, Some(false), queued),
                "blocked, not taken",
            ),
            (
                sent(Default, Default, Some(false), dropped),
                "default, ignored",
            ),
            (
                sent(Default, Handled, Some(false), dropped),
                "default, ignored, handled at the end",
            ),
            (sent(Ignored, Ignored, Some(false), dropped), "ignored"),
            (StopSignal::default(), "none"),
        ] {
            assert_eq!(how_met(&how), shown);
        }
        let twice = StopSignal {
            received: 2,
            ..sent(Handled, Handled, Some(true), queued)
        };
        assert_eq!(how_met(&twice), "handled, taken, sent 2 times");
    }
}
