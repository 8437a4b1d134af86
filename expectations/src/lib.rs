//! What the reports of the demo's scenarios must say: data, written by the report contract and not by what the program
//! prints, and the comparison with a report's JSON.
//!
//! # Format
//! One TOML table per scenario, by its name:
//!
//! | key | |
//! |---|---|
//! | `verdict` | a verdict, or a list of those that are right |
//! | `cause` | the cause's id, or `none`; or a list |
//! | `confidence` | of the cause; left out where there is none |
//! | `lost_cleanup` | a number, `none` where it is not known, or a list |
//! | `processes` | all processes of the report, in any order: `COMM: OUTCOME [by KILLED_BY] [with SIGNAL] [ROLE]`; each of the words may be alternatives, `java\|python3`; without `by` nobody killed it, without a role it is a `member` |
//! | `fix`, `summary` | optional: a text that the cause's fixes, its summary contain, or a list of such |
//! | `findings` | optional: ids that are among the findings |
//! | `named` | optional: names of the processes whose pids the cause lists, all of them |
//! | `stop` | optional: a table of fields of the report's `stop`; a value may be a list; `none` is null |
//! | `init` | optional: a table of the init's `kind`, `disposition`, `disposition_at_end` |
//! | `reports` | optional: how many reports there are, where it is not one; each must be as the entry says |
//!
//! Where a true race decides, `either` is a list of whole entries: `[[NAME.either]]`. They cannot be mixed. Where several
//! reports say different things, `each` is such a list: there is one report for each, in any order.

mod compare;
mod entry;
mod process;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value;

pub use compare::{words_of, words_of_all};
use entry::Entry;

/// What is wrong with a text of expectations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// Expectations by the name of their scenario.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expectations(BTreeMap<String, Expectation>);

/// What one scenario's reports must say.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// One, or several of which one must fit as a whole.
    entries: Vec<Entry>,
    /// Each of them is of a report of its own.
    of_each: bool,
}

/// Reads a text of expectations. An error names the scenario and the key.
pub fn parse(text: &str) -> Result<Expectations, Error> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error
            .span()
            .map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        let what = error.message().lines().next().unwrap_or_default();
        Error(format!("line {line} is no TOML: {what}"))
    })?;
    let mut expectations = BTreeMap::new();
    for (name, value) in table {
        let expectation =
            Expectation::read(&value).map_err(|why| Error(format!("{name}: {why}")))?;
        expectations.insert(name, expectation);
    }
    Ok(Expectations(expectations))
}

impl Expectations {
    /// The scenarios' names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What is expected of a scenario.
    pub fn get(&self, name: &str) -> Option<&Expectation> {
        self.0.get(name)
    }
}

/// How a report differs from an entry.
type Compare = fn(&Entry, &Value) -> Vec<String>;

impl Expectation {
    fn read(value: &toml::Value) -> Result<Self, String> {
        let toml::Value::Table(table) = value else {
            return Err("is no table; write `[NAME]` above its keys".to_owned());
        };
        for (key, of_each) in [("either", false), ("each", true)] {
            if let Some(list) = table.get(key) {
                let entries = read_list(table, key, list)?;
                return Ok(Self { entries, of_each });
            }
        }
        Ok(Self {
            entries: vec![Entry::read(table)?],
            of_each: false,
        })
    }

    /// How the reports of a scenario differ, one line each; empty when there are as many as expected, and each is as
    /// expected.
    pub fn check(&self, reports: &[Value]) -> Vec<String> {
        self.check_by(reports, compare::differences)
    }

    /// The same where records may be lost, as the contract has it: a report that says how many were may be
    /// `unknown`, or `likely`, but never says anything else for certain.
    pub fn check_with_losses(&self, reports: &[Value]) -> Vec<String> {
        self.check_by(reports, compare::differences_with_losses)
    }

    fn check_by(&self, reports: &[Value], compare: Compare) -> Vec<String> {
        let expected = match self.entries.as_slice() {
            entries if self.of_each => entries.len(),
            entries => entries.first().map_or(1, |entry| entry.reports),
        };
        let mut found = Vec::new();
        if reports.len() != expected {
            found.push(format!(
                "reports: expected {expected}, seen {}",
                reports.len()
            ));
        }
        for (at, differences) in self.differences(reports, compare).into_iter().enumerate() {
            found.extend(differences.into_iter().map(|line| match reports.len() {
                1 => line,
                count => format!("report {} of {count}: {line}", at + 1),
            }));
        }
        found
    }

    /// How each report differs from the entry that fits it best.
    fn differences(&self, reports: &[Value], compare: Compare) -> Vec<Vec<String>> {
        let of = compare;
        if !self.of_each {
            let best = |report| {
                self.entries
                    .iter()
                    .map(|entry| of(entry, report))
                    .min_by_key(Vec::len)
            };
            let best = reports.iter().map(best);
            return best.map(Option::unwrap_or_default).collect();
        }
        // An entry is taken by one report: whoever fits best chooses first.
        let mut pairs: Vec<(usize, usize, Vec<String>)> = Vec::new();
        for (at, report) in reports.iter().enumerate() {
            let entries = self.entries.iter().enumerate();
            pairs.extend(entries.map(|(nth, entry)| (at, nth, of(entry, report))));
        }
        pairs.sort_by_key(|(_, _, differences)| differences.len());
        let mut found = vec![vec!["no entry of `each` is left for it".to_owned()]; reports.len()];
        let (mut told, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for (at, nth, differences) in pairs {
            if !told.contains(&at) && !taken.contains(&nth) {
                told.insert(at);
                taken.insert(nth);
                found[at] = differences;
            }
        }
        found
    }

    /// The causes that are right, each once; none for a stop without a cause.
    pub fn causes(&self) -> BTreeSet<&str> {
        let causes = self.entries.iter().flat_map(|entry| &entry.cause);
        let causes = causes.map(String::as_str);
        causes.filter(|cause| *cause != entry::NONE).collect()
    }

    /// What is expected in short, as [`words_of`] tells it of a report: one line per entry, without those that would
    /// be told twice.
    pub fn words(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for line in self.entries.iter().map(compare::words) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }
}

/// The entries of `either` or `each`.
fn read_list(table: &toml::Table, key: &str, list: &toml::Value) -> Result<Vec<Entry>, String> {
    if let Some(other) = table.keys().find(|other| *other != key) {
        return Err(format!(
            "`{other}` is beside `{key}`; move it into each of its entries"
        ));
    }
    let list = list.as_array().filter(|entries| entries.len() > 1);
    let list = list.ok_or_else(|| {
        format!("`{key}` is no list of two entries or more; write `[[NAME.{key}]]` above each")
    })?;
    let read = |entry: &toml::Value| match entry.as_table() {
        Some(entry) => Entry::read(entry),
        None => Err(format!("`{key}` has an entry that is no table")),
    };
    let entries: Vec<Entry> = list.iter().map(read).collect::<Result<_, String>>()?;
    if entries.iter().any(|entry| entry.reports > 1) {
        return Err(format!("`reports` is in `{key}`, which is of one report"));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests;
