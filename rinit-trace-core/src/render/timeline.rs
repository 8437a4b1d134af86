//! Signals and exits of a stop in one order of time, and few enough of them to read.

use super::{
    layout::{Cell, DIM, PLAIN, Row},
    lines::{self, Line},
    words::{Names, offset},
};
use crate::model::{Exit, Process, Signal, SignalEntry, StopReport};

/// More rows than this, and what is alike is told in one, then the middle is folded: a page that
/// still shows begin and end.
const ROWS_MAX: usize = 40;
/// Rows before the fold: how the stop began says more than how it ended.
const ROWS_BEFORE: usize = 24;
const ROWS_AFTER: usize = 14;
/// Rows that the fold spares.
const SPARED_MAX: usize = 4;

/// What happened at one time.
enum Moment<'a> {
    /// A signal, and how many times it was sent to the same process.
    Signal(&'a SignalEntry, usize),
    Exit(&'a Process, Exit),
}

impl Moment<'_> {
    fn at_ms(&self) -> f64 {
        match self {
            Self::Signal(entry, _) => entry.at_ms,
            Self::Exit(_, exit) => exit.at_ms,
        }
    }

    /// Whether the stop cannot be understood without it: SIGKILL to the init, and its end.
    fn is_turn(&self, init: u32) -> bool {
        match self {
            Self::Signal(entry, _) => entry.signal == Signal::KILL && entry.to == init,
            Self::Exit(process, _) => process.pid == init,
        }
    }
}

/// Consecutive moments that differ only in the process, or in nothing but the time.
struct Group<'a> {
    first: Moment<'a>,
    /// `comm` of the processes: those of one name are one kind.
    comm: Option<&'a str>,
    line: Line,
    last_target: String,
    until_ms: f64,
    count: usize,
}

impl Group<'_> {
    /// Whether `next` may be told in the same row: the same again, or the same of one more process.
    fn takes(&self, next: &Group<'_>, init: u32) -> bool {
        let (a, b) = (&self.line, &next.line);
        let alike = (&a.what, &a.source, &a.note) == (&b.what, &b.source, &b.note);
        let repeats = b.target == self.last_target;
        alike
            && self.comm == next.comm
            && (self.count == 1 || repeats == self.repeats())
            && !self.first.is_turn(init)
            && !next.first.is_turn(init)
    }

    fn repeats(&self) -> bool {
        self.last_target == self.line.target
    }

    fn row(&self) -> Row {
        let line = &self.line;
        let mut who = line.target.clone();
        if !line.source.is_empty() {
            who = format!("{} → {who}", line.source);
        }
        let mut notes = vec![line.note.clone()];
        if self.count > 1 {
            if self.repeats() {
                notes.insert(0, format!("{} times", self.count));
            } else {
                who = format!("{who} and {} more", self.count - 1);
            }
            if offset(self.until_ms) != offset(self.first.at_ms()) {
                notes.push(format!("until {}", offset(self.until_ms)));
            }
        }
        notes.retain(|note| !note.is_empty());
        Row::Cells(vec![
            Cell::right(DIM, offset(self.first.at_ms())),
            Cell::new(line.style, line.what.as_str()),
            Cell::new(PLAIN, who),
            Cell::new(line.note_style, notes.join(", ")),
        ])
    }
}

pub(super) fn rows(report: &StopReport, names: &Names<'_>) -> Vec<Row> {
    let init = report.workload.init.pid;
    let groups = moments(report).into_iter();
    let mut groups: Vec<Group<'_>> = groups.map(|moment| group(report, names, moment)).collect();
    if groups.len() > ROWS_MAX {
        groups = merge(groups, init);
    }
    match groups.len() {
        0 => vec![Row::Note("nothing was seen".to_owned())],
        1..=ROWS_MAX => groups.iter().map(Group::row).collect(),
        _ => fold(&groups, init),
    }
}

/// Begin and end, and of what is between them the turns of the stop.
fn fold(groups: &[Group<'_>], init: u32) -> Vec<Row> {
    let (before, rest) = groups.split_at(ROWS_BEFORE);
    let (folded, after) = rest.split_at(rest.len() - ROWS_AFTER);
    let turns = folded
        .iter()
        .filter(|group| group.first.is_turn(init))
        .take(SPARED_MAX);
    let turns: Vec<Row> = turns.map(Group::row).collect();
    let hidden = folded.iter().map(|group| group.count).sum::<usize>() - turns.len();
    let mut rows: Vec<Row> = before.iter().map(Group::row).collect();
    if turns.is_empty() {
        rows.push(Row::Note(format!("… {hidden} more")));
    } else {
        rows.push(Row::Note(format!("… {hidden} more, and among them")));
        rows.extend(turns);
        rows.push(Row::Note("…".to_owned()));
    }
    rows.extend(after.iter().map(Group::row));
    rows
}

fn group<'a>(report: &StopReport, names: &Names<'a>, first: Moment<'a>) -> Group<'a> {
    let (pid, line) = match &first {
        Moment::Signal(entry, times) => (entry.to, lines::of_signal(report, names, entry, *times)),
        Moment::Exit(process, exit) => (process.pid, lines::of_exit(names, process, *exit)),
    };
    let comm = names.process(pid).map(|process| process.comm.as_str());
    Group {
        until_ms: first.at_ms(),
        last_target: line.target.clone(),
        first,
        comm,
        line,
        count: 1,
    }
}

fn merge(groups: Vec<Group<'_>>, init: u32) -> Vec<Group<'_>> {
    let mut merged: Vec<Group<'_>> = Vec::new();
    for next in groups {
        match merged.last_mut() {
            Some(last) if last.takes(&next, init) => {
                last.until_ms = next.until_ms;
                last.last_target = next.last_target;
                last.count += 1;
            }
            _ => merged.push(next),
        }
    }
    merged
}

/// The merged order; at the same time a signal comes before the exit it may have caused.
fn moments(report: &StopReport) -> Vec<Moment<'_>> {
    let mut moments: Vec<Moment<'_>> = collapse_kills(&report.signals)
        .into_iter()
        .map(|(entry, times)| Moment::Signal(entry, times))
        .collect();
    moments.extend(
        report
            .processes
            .iter()
            .filter_map(|process| process.exit.map(|exit| Moment::Exit(process, exit))),
    );
    // Stable, and signals went in first.
    moments.sort_by(|a, b| a.at_ms().total_cmp(&b.at_ms()));
    moments
}

/// `cgroup.kill` and teardown send SIGKILL to every thread: one row per process and sender.
fn collapse_kills(signals: &[SignalEntry]) -> Vec<(&SignalEntry, usize)> {
    let mut kept: Vec<(&SignalEntry, usize)> = Vec::with_capacity(signals.len());
    let mut seen = std::collections::HashMap::new();
    for entry in signals {
        if entry.signal == Signal::KILL {
            let key = (entry.to, entry.from, entry.origin);
            let index = *seen.entry(key).or_insert(kept.len());
            if let Some((_, times)) = kept.get_mut(index) {
                *times += 1;
                continue;
            }
        }
        kept.push((entry, 1));
    }
    kept
}
