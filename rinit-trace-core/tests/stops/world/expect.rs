//! What a scenario expects of its reports.

use rinit_trace_core::{
    diagnose::diagnose,
    knowledge::Topic,
    model::{ClosedStop, StopReport},
};
use serde_json::Value;

use super::{World, script};

/// Plays a scenario and holds its reports against the lines that begin with `=`.
pub(crate) fn check(text: &str) -> World {
    let world = script::play(text);
    let mut expectations = 0;
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with('='))
    {
        let line = line.split('#').next().unwrap_or_default().trim();
        let (head, expected) = line.split_once('>').expect("=> PATH VALUE");
        let (path, value) = expected.trim().split_once(' ').expect("=> PATH VALUE");
        expectations += 1;
        if path == "reports" {
            assert_eq!(
                world.reports.len().to_string(),
                value,
                "{:#?}",
                world.reports
            );
            continue;
        }
        let nth: usize = head[1..].parse().unwrap_or(1);
        let Some(report) = world.reports.get(nth - 1) else {
            panic!("{line}: there are {} reports", world.reports.len());
        };
        if let Err(found) = holds(report, path, value.trim()) {
            let json = serde_json::to_string_pretty(report).unwrap();
            panic!("{line}\nfound: {found}\n{json}");
        }
    }
    assert!(expectations > 0, "nothing is expected");
    world
}

/// Arguments are masked where they stand, after the diagnosis: what that says must not hold any.
pub(super) fn quotes_no_argument(mut closed: ClosedStop) {
    const SECRET: &str = "--password=Zq9secret9qZ";
    let report = &mut closed.report;
    let processes = report.processes.iter_mut();
    let cmdlines = processes.map(|process| &mut process.cmdline);
    for cmdline in cmdlines.chain([&mut report.workload.init.cmdline]) {
        let arguments = cmdline.get_or_insert_with(|| vec!["app".to_owned()]);
        arguments.push(SECRET.to_owned());
    }
    let report = diagnose(closed);
    let said = serde_json::to_string(&(&report.cause, &report.findings)).unwrap();
    assert!(!said.contains(SECRET), "{said}");
}

fn holds(report: &StopReport, path: &str, expected: &str) -> Result<(), String> {
    let json = serde_json::to_value(report).unwrap();
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    if let Ok(pid) = first.parse::<u64>() {
        let process = json["processes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|process| process["ns_pid"] == pid);
        return match process {
            None if expected == "absent" => Ok(()),
            None => Err("no such process".to_owned()),
            Some(process) if rest.is_empty() => is_described(process, expected),
            Some(process) => is_value(walk(process, rest), expected),
        };
    }
    is_value(walk(&json, path), expected)
}

fn walk<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.')
        .fold(value, |value, key| match key.parse::<usize>() {
            Ok(index) => &value[index],
            Err(_) => &value[key],
        })
}

/// Outcome, who killed it, role, in any order.
fn is_described(process: &Value, expected: &str) -> Result<(), String> {
    let said = ["outcome", "killed_by", "role"].map(|key| plain(&process[key]));
    if expected
        .split_whitespace()
        .all(|word| said.iter().any(|said| said == word))
    {
        Ok(())
    } else {
        Err(said.join(" "))
    }
}

fn is_value(value: &Value, expected: &str) -> Result<(), String> {
    let found = plain(value);
    let ok = if let Some(part) = expected.strip_prefix("~ ") {
        found.contains(part)
    } else if let (Some(found), Ok(expected)) = (value.as_f64(), expected.parse::<f64>()) {
        (found - expected).abs() < 0.01
    } else {
        found == expected
    };
    if ok { Ok(()) } else { Err(found) }
}

/// A value as a scenario writes it; a list is its length.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.len().to_string(),
        other => other.to_string(),
    }
}

/// A report whose advice is what `rinit-trace explain` says of each finding; any other panics.
pub(super) fn with_known_advice(report: StopReport) -> StopReport {
    for finding in &report.findings {
        let article = Topic::Finding(finding.id).article();
        for advice in &finding.fix {
            // Of a container that shares a pid namespace it is told in other words.
            let of_init = advice.replace("the main process", "PID 1");
            let mut fixes = article.fixes.iter();
            let is_known = fixes.any(|fix| fix.fits(advice) || fix.fits(&of_init));
            assert!(is_known, "{}: {advice}", finding.id);
        }
    }
    report
}
