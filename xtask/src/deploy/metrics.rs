//! The rules and the dashboard ask for metrics and labels that `docs/metrics.md` explains, which a test of the program compares
//! with what it serves.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use super::dashboard::DASHBOARD;
use super::rules::read;

const DOCUMENTED: &str = "docs/metrics.md";
const USED: [&str; 3] = [
    "deploy/prometheus/rules.yaml",
    "deploy/prometheus/rules_test.yaml",
    DASHBOARD,
];
const PREFIX: &str = "rinit_trace_";
/// What Prometheus appends to the name of a histogram.
const OF_HISTOGRAMS: [&str; 3] = ["_bucket", "_sum", "_count"];
/// Labels that the scrape gives to every series, and the one that the component cri-socket chooses.
const OF_TARGETS: [&str; 7] = [
    "job",
    "instance",
    "node",
    "namespace",
    "workload",
    "pod",
    "container",
];

/// The labels of each metric.
type Documented<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

pub(super) fn check() -> Result<()> {
    let page = read(DOCUMENTED)?;
    let documented = documented(&page);
    for file in USED {
        let unknown = unknown(&read(file)?, &documented);
        if !unknown.is_empty() {
            let unknown: Vec<String> = unknown.into_iter().collect();
            bail!(
                "{file} uses what {DOCUMENTED} does not know: {}",
                unknown.join(", ")
            );
        }
    }
    Ok(())
}

/// The rows of the tables: a metric, its type, its labels.
fn documented(page: &str) -> Documented<'_> {
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.trim_end_matches('`');
        let labels = cells.nth(1)?.split(['`', ' ', ',']);
        let labels = labels.filter(|label| !label.is_empty()).collect();
        name.starts_with(PREFIX).then_some((name, labels))
    });
    rows.collect()
}

/// Metrics in a text that are not documented, and labels that they do not have.
fn unknown(text: &str, documented: &Documented<'_>) -> BTreeSet<String> {
    let mut unknown = BTreeSet::new();
    for (name, selector) in series(text) {
        let of_histogram = || {
            let mut suffixes = OF_HISTOGRAMS.iter();
            suffixes.find_map(|suffix| documented.get(name.strip_suffix(suffix)?))
        };
        let Some(labels) = documented.get(name).or_else(of_histogram) else {
            unknown.insert(name.to_owned());
            continue;
        };
        let known = |label: &&str| labels.contains(label) || OF_TARGETS.contains(label);
        let others = label_names(selector).filter(|label| !known(label));
        unknown.extend(others.map(|label| format!("{name}{{{label}}}")));
    }
    unknown
}

/// The metrics in a text, each with what is in the braces after it; not recorded series, which have colons.
fn series(text: &str) -> Vec<(&str, &str)> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = Vec::new();
    for (at, _) in text.match_indices(PREFIX) {
        let name = text[at..].split(|c| !part(c)).next().unwrap_or_default();
        if text[..at].ends_with(part) || name.contains(':') {
            continue;
        }
        let after = &text[at + name.len()..];
        let selector = after
            .strip_prefix('{')
            .and_then(|rest| rest.split('}').next());
        found.push((name, selector.unwrap_or_default()));
    }
    found
}

/// The labels that a selector compares. Its values hold no commas.
fn label_names(selector: &str) -> impl Iterator<Item = &str> {
    selector
        .split(',')
        .filter_map(|matcher| matcher.split(['=', '!']).next())
        .map(str::trim)
        .filter(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
| metric | type | labels | meaning |
|---|---|---|---|
| `rinit_trace_stops_total` | counter | `namespace` `pod` `verdict` | Stops. |
| `rinit_trace_stop_duration_seconds` | histogram | `verdict` | How long. |
| `rinit_trace_open_stops` | gauge | - | Now. |
";

    fn said_of(text: &str) -> Vec<String> {
        unknown(text, &documented(PAGE)).into_iter().collect()
    }

    #[test]
    fn what_is_documented_is_fine() {
        let used = r#"sum(rinit_trace_stops_total{job=~"a|b", verdict!="forced"}) + ns:rinit_trace_stops:rate1h
                      / rinit_trace_stop_duration_seconds_bucket{verdict="forced"} + rinit_trace_open_stops"#;
        assert_eq!(said_of(used), Vec::<String>::new());
    }

    #[test]
    fn names_and_labels_that_are_not_are_found() {
        assert_eq!(
            said_of("rate(rinit_trace_stop_total[5m])"),
            ["rinit_trace_stop_total"]
        );
        // As in JSON, where the quotes are escaped.
        assert_eq!(
            said_of(r#"rinit_trace_stops_total{verdict=\"forced\", cause=\"oom\"}"#),
            ["rinit_trace_stops_total{cause}"]
        );
    }
}
