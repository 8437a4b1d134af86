//! An entry beside a report.

use serde_json::Value;

use crate::{
    entry::{Entry, Field, NONE},
    process::{self, ProcessLine},
};

/// How a report differs from an entry, one line each.
pub(crate) fn differences(entry: &Entry, report: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let verdict = text(report, "/verdict").unwrap_or("missing");
    if !contains(&entry.verdict, verdict) {
        found.push(differs("verdict", &entry.verdict.join(" or "), verdict));
    }
    cause(entry, report, &mut found);
    let lost = report.get("lost_cleanup");
    if !lost.is_some_and(|lost| entry.lost_cleanup.contains(lost)) {
        let expected: Vec<String> = entry.lost_cleanup.iter().map(count).collect();
        let seen = lost.map_or_else(|| "missing".to_owned(), count);
        found.push(differs("lost_cleanup", &expected.join("|"), &seen));
    }
    processes(&entry.processes, report, &mut found);
    let ids: Vec<&str> = list(report, "/findings")
        .iter()
        .filter_map(|one| text(one, "/id"))
        .collect();
    for id in entry
        .findings
        .iter()
        .filter(|id| !ids.contains(&id.as_str()))
    {
        found.push(format!(
            "findings: expected {id} among them, seen {}",
            or_none(&ids.join(", "))
        ));
    }
    for field in &entry.stop {
        value(
            "stop",
            field,
            report.pointer(&format!("/stop/{}", field.0)),
            &mut found,
        );
    }
    for field in &entry.init {
        value("init", field, init_field(report, &field.0), &mut found);
    }
    found
}

/// The same of a report that may lack records, when it says that it does.
pub(crate) fn differences_with_losses(entry: &Entry, report: &Value) -> Vec<String> {
    let lost = report.pointer("/observation/lost_records");
    if lost.and_then(Value::as_u64).unwrap_or(0) == 0 {
        return differences(entry, report);
    }
    let mut found = Vec::new();
    let verdict = text(report, "/verdict").unwrap_or("missing");
    if verdict != "unknown" && !contains(&entry.verdict, verdict) {
        found.push(differs("verdict", &entry.verdict.join(" or "), verdict));
    }
    if verdict == "graceful" {
        found.push(
            "verdict: expected unknown or forced of an incomplete report, seen graceful".to_owned(),
        );
    }
    let findings = list(report, "/findings").iter().chain(report.get("cause"));
    for finding in findings.filter(|one| text(one, "/confidence") == Some("certain")) {
        let id = text(finding, "/id").unwrap_or("missing");
        found.push(format!(
            "confidence: expected likely of an incomplete report, seen {id} certain"
        ));
    }
    found
}

/// What is expected in short.
pub(crate) fn words(entry: &Entry) -> String {
    let verdict = entry.verdict.join("|");
    let cause = entry.cause.join("|");
    let confidence = entry.confidence.join("|");
    let lost: Vec<String> = entry.lost_cleanup.iter().map(short_count).collect();
    let words = in_short(&verdict, &cause, &confidence, &lost.join("|"));
    times(entry.reports, &words)
}

/// What a report says in short: verdict, cause with confidence, lost cleanup.
pub fn words_of(report: &Value) -> String {
    in_short(
        text(report, "/verdict").unwrap_or("?"),
        text(report, "/cause/id").unwrap_or(NONE),
        text(report, "/cause/confidence").unwrap_or("?"),
        &report
            .get("lost_cleanup")
            .map_or_else(|| "?".to_owned(), short_count),
    )
}

fn in_short(verdict: &str, cause: &str, confidence: &str, lost: &str) -> String {
    let cause = if cause == NONE {
        String::new()
    } else {
        format!(" {cause} ({confidence})")
    };
    format!("{verdict}{cause}, {lost} lost")
}

fn cause(entry: &Entry, report: &Value, found: &mut Vec<String>) {
    let id = text(report, "/cause/id").unwrap_or(NONE);
    if !contains(&entry.cause, id) {
        found.push(differs("cause", &entry.cause.join(" or "), id));
    } else if id != NONE {
        let confidence = text(report, "/cause/confidence").unwrap_or("missing");
        if !contains(&entry.confidence, confidence) {
            found.push(differs(
                "confidence",
                &entry.confidence.join(" or "),
                confidence,
            ));
        }
    }
    let summary = text(report, "/cause/summary").unwrap_or_default();
    for part in entry
        .summary
        .iter()
        .filter(|part| !summary.contains(part.as_str()))
    {
        found.push(format!(
            "summary: expected `{part}` in it, seen `{summary}`"
        ));
    }
    let fixes: Vec<&str> = list(report, "/cause/fix")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for part in &entry.fix {
        if !fixes.iter().any(|fix| fix.contains(part.as_str())) {
            found.push(format!(
                "fix: expected `{part}` in one, seen {}",
                or_none(&fixes.join("; "))
            ));
        }
    }
    if let Some(named) = &entry.named {
        let mut expected: Vec<&str> = named.iter().map(String::as_str).collect();
        let mut seen = named_by_cause(report);
        expected.sort_unstable();
        seen.sort_unstable();
        if expected != seen {
            found.push(differs(
                "named",
                &expected.join(", "),
                &or_none(&seen.join(", ")),
            ));
        }
    }
}

/// Names of the processes whose pids the cause lists.
fn named_by_cause(report: &Value) -> Vec<&str> {
    let name = |pid: &Value| {
        let process = list(report, "/processes")
            .iter()
            .find(|process| process["pid"] == *pid);
        process
            .and_then(|process| text(process, "/comm"))
            .unwrap_or("a pid of no process")
    };
    list(report, "/cause/pids").iter().map(name).collect()
}

/// Pairs expected and seen processes as far as possible, and tells what is left of both.
fn processes(expected: &[ProcessLine], report: &Value, found: &mut Vec<String>) {
    let seen = list(report, "/processes");
    // By expected line, the process that it is paired with.
    let mut pairs: Vec<Option<usize>> = vec![None; expected.len()];
    let mut left: Vec<usize> = (0..seen.len()).collect();
    left.retain(|process| {
        !pair(
            expected,
            seen,
            *process,
            &mut pairs,
            &mut vec![false; expected.len()],
        )
    });
    let unpaired = expected
        .iter()
        .zip(&pairs)
        .filter(|(_, pair)| pair.is_none());
    found.extend(unpaired.map(|(line, _)| format!("processes: expected `{line}`, not seen")));
    let words = left
        .iter()
        .filter_map(|at| seen.get(*at))
        .map(process::words_of);
    found.extend(words.map(|words| format!("processes: not expected `{words}`, seen")));
}

/// Finds a line for a process, and another one for a process that has to make room: alternatives may overlap.
fn pair(
    expected: &[ProcessLine],
    seen: &[Value],
    process: usize,
    pairs: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for (at, line) in expected.iter().enumerate() {
        if tried[at] || !line.fits(&seen[process]) {
            continue;
        }
        tried[at] = true;
        if pairs[at].is_none_or(|other| pair(expected, seen, other, pairs, tried)) {
            pairs[at] = Some(process);
            return true;
        }
    }
    false
}

fn value(of: &str, (name, expected): &Field, seen: Option<&Value>, found: &mut Vec<String>) {
    match seen {
        Some(seen) if expected.contains(seen) => {}
        seen => {
            let expected: Vec<String> = expected.iter().map(Value::to_string).collect();
            let seen = seen.map_or_else(|| "no such field".to_owned(), Value::to_string);
            found.push(differs(
                &format!("{of}.{name}"),
                &expected.join(" or "),
                &seen,
            ));
        }
    }
}

fn init_field<'a>(report: &'a Value, name: &str) -> Option<&'a Value> {
    if name == "kind" {
        return report.pointer("/workload/init/kind");
    }
    let init = list(report, "/processes")
        .iter()
        .find(|process| process["role"] == "init")?;
    init.pointer(&format!("/stop_signal/{name}"))
}

fn differs(what: &str, expected: &str, seen: &str) -> String {
    format!("{what}: expected {expected}, seen {seen}")
}

/// What several reports say in short: those that say the same are counted.
pub fn words_of_all(reports: &[Value]) -> String {
    let mut said: Vec<(String, usize)> = Vec::new();
    for words in reports.iter().map(words_of) {
        match said.iter_mut().find(|(other, _)| *other == words) {
            Some((_, count)) => *count += 1,
            None => said.push((words, 1)),
        }
    }
    let said: Vec<String> = said
        .iter()
        .map(|(words, count)| times(*count, words))
        .collect();
    said.join(" + ")
}

fn times(count: usize, words: &str) -> String {
    if count == 1 {
        words.to_owned()
    } else {
        format!("{count} x {words}")
    }
}

fn count(lost: &Value) -> String {
    lost.as_u64()
        .map_or_else(|| "not known".to_owned(), |lost| lost.to_string())
}

fn short_count(lost: &Value) -> String {
    lost.as_u64()
        .map_or_else(|| "?".to_owned(), |lost| lost.to_string())
}

fn or_none(text: &str) -> String {
    if text.is_empty() {
        "none".to_owned()
    } else {
        text.to_owned()
    }
}

fn contains(words: &[String], word: &str) -> bool {
    words.iter().any(|one| one == word)
}

fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path)?.as_str()
}

fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    let list = value.pointer(path).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}
