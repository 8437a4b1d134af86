//! The names of metrics in the rules and the dashboard are names that `docs/metrics.md` explains, which a test of the program
//! compares with what it serves.

use std::collections::BTreeSet;

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

pub(super) fn check() -> Result<()> {
    let documented = read(DOCUMENTED)?;
    for file in USED {
        let unknown = unknown(&read(file)?, &documented);
        if !unknown.is_empty() {
            bail!(
                "{file} uses what {DOCUMENTED} does not know: {}",
                unknown.join(", ")
            );
        }
    }
    Ok(())
}

/// Names in a text that the documentation does not have.
fn unknown(text: &str, documented: &str) -> Vec<String> {
    let known = names(documented);
    let is_known = |name: &str| {
        let histogram = OF_HISTOGRAMS
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix));
        known.contains(name) || histogram.is_some_and(|name| known.contains(name))
    };
    let mut unknown = names(text);
    unknown.retain(|name| !is_known(name));
    unknown.into_iter().map(str::to_owned).collect()
}

/// The names of metrics in a text; not those of recorded series, which have colons.
fn names(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .filter(|word| word.starts_with(PREFIX) && !word.contains(':'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_documented_is_found() {
        let documented = "| `rinit_trace_stops_total` | `rinit_trace_stop_duration_seconds` |";
        let used = "sum(rinit_trace_stops_total) / rinit_trace_stop_duration_seconds_bucket \
                    + ns:rinit_trace_stops:rate1h + rinit_trace_stop_total";
        assert_eq!(unknown(used, documented), ["rinit_trace_stop_total"]);
    }
}
