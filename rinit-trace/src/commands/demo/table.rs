//! The table of `demo all`: a row as soon as its stop is over.

use rinit_trace_core::model::StopReport;

use super::expected::{self, Expected};
use crate::demo::Scenario;

const SCENARIO: &str = "scenario";
const EXPECTED: &str = "expected";
/// Most reports in short are shorter; a longer one moves its own result alone.
const SEEN: usize = 50;

/// Widths of the columns.
pub(super) struct Table {
    name: usize,
    /// None where nothing is expected.
    expected: Option<usize>,
}

impl Table {
    pub(super) fn new(scenarios: &[&Scenario], expected: &Expected) -> Self {
        let names = scenarios.iter().map(|scenario| scenario.name.len());
        let words = scenarios
            .iter()
            .flat_map(|scenario| expected.words(scenario))
            .map(|words| words.len());
        Self {
            name: names.max().unwrap_or(0).max(SCENARIO.len()),
            expected: expected
                .is_given()
                .then(|| words.max().unwrap_or(0).max(EXPECTED.len())),
        }
    }

    pub(super) fn head(&self) -> String {
        self.row(SCENARIO, EXPECTED, "seen", "")
    }

    /// The rows of a scenario's reports; one with several right answers has several.
    pub(super) fn reports(
        &self,
        scenario: &Scenario,
        expected: &Expected,
        reports: &[StopReport],
        is_right: bool,
    ) -> String {
        let result = match (expected.is_given(), is_right) {
            (false, _) => "",
            (true, true) => "ok",
            (true, false) => "WRONG",
        };
        self.rows(scenario, expected, &expected::seen(reports), result)
    }

    pub(super) fn skipped(&self, scenario: &Scenario, expected: &Expected, needs: &str) -> String {
        self.rows(scenario, expected, &format!("skipped (needs {needs})"), "")
    }

    pub(super) fn failed(&self, scenario: &Scenario, expected: &Expected) -> String {
        self.rows(scenario, expected, "no report", "WRONG")
    }

    fn rows(&self, scenario: &Scenario, expected: &Expected, seen: &str, result: &str) -> String {
        let words = expected.words(scenario);
        let (first, more) = words
            .split_first()
            .map_or(("", &[][..]), |(first, more)| (first.as_str(), more));
        let mut rows = self.row(scenario.name, first, seen, result);
        rows.extend(more.iter().map(|words| self.row("", words, "", "")));
        rows
    }

    fn row(&self, name: &str, expected: &str, seen: &str, result: &str) -> String {
        let expected = self
            .expected
            .map_or_else(String::new, |width| format!("{expected:<width$}  "));
        let row = format!(
            "{name:<width$}  {expected}{seen:<SEEN$}  {result}",
            width = self.name
        );
        format!("{}\n", row.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_rows_end_where_they_end() {
        let table = Table {
            name: 10,
            expected: Some(16),
        };
        let head = table.head();
        let row = table.row("init-exits", "graceful, 0 lost", "graceful, 0 lost", "ok");
        assert_eq!(head.find("seen"), Some(30));
        assert_eq!(row.rfind("graceful"), Some(30));
        assert!(row.ends_with("  ok\n"), "{row}");
        assert!(head.ends_with("seen\n"), "{head}");
        // Nothing expected: no column.
        let table = Table {
            name: 10,
            expected: None,
        };
        assert_eq!(table.head().find("seen"), Some(12));
        assert!(!table.head().contains("expected"));
    }
}
