//! One entry of a file of expectations.

use toml::Value;

use crate::process::ProcessLine;

const VERDICTS: [&str; 3] = ["graceful", "forced", "unknown"];
const CONFIDENCES: [&str; 2] = ["certain", "likely"];
const INIT_FIELDS: [&str; 3] = ["kind", "disposition", "disposition_at_end"];

/// How null and a cause that is not there are written: TOML has no null.
pub(crate) const NONE: &str = "none";

/// A field of the report with the values that are right.
pub(crate) type Field = (String, Vec<serde_json::Value>);

/// What a report must say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) verdict: Vec<String>,
    pub(crate) cause: Vec<String>,
    /// Empty when no cause is expected.
    pub(crate) confidence: Vec<String>,
    /// Numbers; null is one that is not known.
    pub(crate) lost_cleanup: Vec<serde_json::Value>,
    pub(crate) processes: Vec<ProcessLine>,
    pub(crate) fix: Vec<String>,
    pub(crate) summary: Vec<String>,
    pub(crate) findings: Vec<String>,
    pub(crate) named: Option<Vec<String>>,
    pub(crate) stop: Vec<Field>,
    pub(crate) init: Vec<Field>,
    /// How many reports, each of which must say it.
    pub(crate) reports: usize,
}

impl Entry {
    /// An error names the key.
    pub(crate) fn read(table: &toml::Table) -> Result<Self, String> {
        let mut keys = Keys {
            table,
            seen: Vec::new(),
        };
        let entry = Self {
            verdict: keys.words_among("verdict", &VERDICTS)?,
            cause: keys.required("cause", words)?,
            confidence: keys.optional("confidence", words)?.unwrap_or_default(),
            lost_cleanup: keys.required("lost_cleanup", counts)?,
            processes: keys.required("processes", processes)?,
            fix: keys.optional("fix", words)?.unwrap_or_default(),
            summary: keys.optional("summary", words)?.unwrap_or_default(),
            findings: keys.optional("findings", words)?.unwrap_or_default(),
            named: keys.optional("named", words)?,
            stop: keys.optional("stop", fields)?.unwrap_or_default(),
            init: keys.optional("init", fields)?.unwrap_or_default(),
            reports: keys.optional("reports", several)?.unwrap_or(1),
        };
        keys.nothing_else()?;
        entry.confidence_fits()?;
        let unknown = |(name, _): &&Field| !INIT_FIELDS.contains(&name.as_str());
        if let Some((name, _)) = entry.init.iter().find(unknown) {
            return Err(format!(
                "`init` has no `{name}`; it has {}",
                INIT_FIELDS.join(", ")
            ));
        }
        Ok(entry)
    }

    /// A cause has a confidence, and no cause has none.
    fn confidence_fits(&self) -> Result<(), String> {
        let any_cause = self.cause.iter().any(|cause| cause != NONE);
        if any_cause == self.confidence.is_empty() {
            return Err(if any_cause {
                "`confidence` is missing".to_owned()
            } else {
                "`confidence` is of no use without a cause; leave it out".to_owned()
            });
        }
        among("confidence", &self.confidence, &CONFIDENCES)
    }
}

/// The keys of an entry, and which of them were asked for.
struct Keys<'a> {
    table: &'a toml::Table,
    seen: Vec<&'static str>,
}

impl Keys<'_> {
    fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        self.seen.push(key);
        let value = self.table.get(key).map(read).transpose();
        value.map_err(|why| format!("`{key}` {why}"))
    }

    fn required<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Result<T, String> {
        self.optional(key, read)?
            .ok_or_else(|| format!("`{key}` is missing"))
    }

    fn words_among(&mut self, key: &'static str, known: &[&str]) -> Result<Vec<String>, String> {
        let words = self.required(key, words)?;
        among(key, &words, known)?;
        Ok(words)
    }

    fn nothing_else(&self) -> Result<(), String> {
        match self
            .table
            .keys()
            .find(|key| !self.seen.contains(&key.as_str()))
        {
            Some(key) => Err(format!(
                "`{key}` is no key; there are {}",
                self.seen.join(", ")
            )),
            None => Ok(()),
        }
    }
}

fn among(key: &str, words: &[String], known: &[&str]) -> Result<(), String> {
    match words.iter().find(|word| !known.contains(&word.as_str())) {
        Some(word) => Err(format!(
            "`{key}` has `{word}`, which is none of {}",
            known.join(", ")
        )),
        None => Ok(()),
    }
}

/// A value, or a list of at least one.
fn one_or_more(value: &Value) -> Result<&[Value], String> {
    match value {
        Value::Array(list) if list.is_empty() => Err("is an empty list".to_owned()),
        Value::Array(list) => Ok(list),
        one => Ok(std::slice::from_ref(one)),
    }
}

fn words(value: &Value) -> Result<Vec<String>, String> {
    let word = |value: &Value| {
        let word = value.as_str().filter(|word| !word.is_empty());
        word.map(str::to_owned)
            .ok_or_else(|| "is neither a text nor a list of texts".to_owned())
    };
    one_or_more(value)?.iter().map(word).collect()
}

/// As a report has them.
fn counts(value: &Value) -> Result<Vec<serde_json::Value>, String> {
    let count = |value: &Value| match value {
        Value::String(word) if word == NONE => Ok(serde_json::Value::Null),
        Value::Integer(count) if *count >= 0 => Ok((*count).into()),
        _ => Err("is neither a count nor a list of counts".to_owned()),
    };
    one_or_more(value)?.iter().map(count).collect()
}

fn several(value: &Value) -> Result<usize, String> {
    let count = value
        .as_integer()
        .and_then(|number| usize::try_from(number).ok());
    count
        .filter(|count| *count > 1)
        .ok_or_else(|| "is no count of two or more".to_owned())
}

fn processes(value: &Value) -> Result<Vec<ProcessLine>, String> {
    let line =
        |value: &Value| ProcessLine::read(value.as_str().ok_or("has an entry that is no text")?);
    value
        .as_array()
        .ok_or("is no list")?
        .iter()
        .map(line)
        .collect()
}

fn fields(value: &Value) -> Result<Vec<Field>, String> {
    let table = value.as_table().ok_or("is no table")?;
    let field = |(name, value): (&String, &Value)| {
        let values = one_or_more(value).and_then(|list| list.iter().map(scalar).collect());
        let values = values.map_err(|why| format!("has `{name}`, which {why}"))?;
        Ok((name.clone(), values))
    };
    table.iter().map(field).collect()
}

/// The value as a report has it.
fn scalar(value: &Value) -> Result<serde_json::Value, String> {
    match value {
        Value::String(word) if word == NONE => Ok(serde_json::Value::Null),
        Value::String(word) => Ok(word.as_str().into()),
        Value::Boolean(truth) => Ok((*truth).into()),
        _ => Err("is neither a text nor true nor false".to_owned()),
    }
}
