//! What is expected of the scenarios, by a file that is named on the command line.

use std::{fs, path::Path};

use rinit_trace_core::model::StopReport;
use rinit_trace_expectations::{Expectation, Expectations, words_of_all};
use serde_json::Value;

use crate::demo::Scenario;

/// A file of expectations, or none.
pub(super) struct Expected {
    all: Option<Expectations>,
    /// Records may be lost.
    allow_loss: bool,
}

impl Expected {
    /// Reads a file that has an entry for each scenario.
    pub(super) fn read(
        file: Option<&Path>,
        allow_loss: bool,
        scenarios: &[&Scenario],
    ) -> Result<Self, String> {
        let Some(file) = file else {
            return Ok(Self {
                all: None,
                allow_loss,
            });
        };
        let shown = file.display();
        let text = fs::read_to_string(file)
            .map_err(|error| format!("cannot read expectations from {shown}: {error}"))?;
        let expectations = rinit_trace_expectations::parse(&text)
            .map_err(|error| format!("cannot use the expectations in {shown}: {error}"))?;
        let missing = scenarios
            .iter()
            .find(|scenario| expectations.get(scenario.name).is_none());
        match missing {
            Some(scenario) => Err(format!(
                "{shown} says nothing of {}; add an entry for it",
                scenario.name
            )),
            None => Ok(Self {
                all: Some(expectations),
                allow_loss,
            }),
        }
    }

    /// Whether there is a file.
    pub(super) fn is_given(&self) -> bool {
        self.all.is_some()
    }

    /// In short, one line per right answer.
    pub(super) fn words(&self, scenario: &Scenario) -> Vec<String> {
        self.of(scenario)
            .map(Expectation::words)
            .unwrap_or_default()
    }

    /// How reports differ; nothing when they are as expected, or nothing is expected.
    pub(super) fn differences(&self, scenario: &Scenario, reports: &[StopReport]) -> Vec<String> {
        match (self.of(scenario), values(reports)) {
            (None, _) => Vec::new(),
            (Some(expectation), Ok(reports)) if self.allow_loss => {
                expectation.check_with_losses(&reports)
            }
            (Some(expectation), Ok(reports)) => expectation.check(&reports),
            (Some(_), Err(error)) => vec![format!("a report is no JSON: {error}")],
        }
    }

    fn of(&self, scenario: &Scenario) -> Option<&Expectation> {
        self.all.as_ref()?.get(scenario.name)
    }
}

/// Reports in short, in the words of expectations.
pub(super) fn seen(reports: &[StopReport]) -> String {
    values(reports).map_or_else(|error| error.to_string(), |reports| words_of_all(&reports))
}

fn values(reports: &[StopReport]) -> serde_json::Result<Vec<Value>> {
    reports.iter().map(serde_json::to_value).collect()
}
