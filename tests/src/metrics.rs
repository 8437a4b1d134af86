//! Reading a scrape: the text format of Prometheus, version 0.0.4.

use std::collections::{BTreeMap, BTreeSet};

/// One scrape.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics(Vec<Sample>);

/// One line of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Name of the family; of a histogram with `_bucket`, `_sum` or `_count`.
    pub name: String,
    /// What tells it from the others.
    pub labels: BTreeMap<String, String>,
    /// What it says.
    pub value: f64,
}

impl Metrics {
    /// Reads all samples, and panics when there is one twice: Prometheus refuses the whole scrape then.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples: Vec<Sample> = lines
            .map(|line| sample(line).unwrap_or_else(|| panic!("no sample: {line}")))
            .collect();
        let mut known = BTreeSet::new();
        for sample in &samples {
            let series = (&sample.name, &sample.labels);
            assert!(known.insert(series), "twice: {sample:?}");
        }
        Self(samples)
    }

    /// The samples of a name that have these labels, and maybe others.
    pub fn samples(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Sample> {
        let has = |sample: &Sample, (key, value): &(&str, &str)| {
            sample.labels.get(*key).is_some_and(|own| own == value)
        };
        self.0
            .iter()
            .filter(|sample| sample.name == name && labels.iter().all(|label| has(sample, label)))
            .collect()
    }

    /// Their sum.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let samples = self.samples(name, labels);
        samples.iter().fold(0.0, |sum, sample| sum + sample.value)
    }

    /// The same of a counter, which is a whole number.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let sum = self.sum(name, labels);
        let count = format!("{sum}").parse();
        count.unwrap_or_else(|_| panic!("{name} with {labels:?} is {sum}"))
    }

    /// Those of any name with these labels.
    pub fn with(&self, labels: &[(&str, &str)]) -> Vec<&Sample> {
        let names = self.0.iter().map(|sample| sample.name.as_str());
        let names: BTreeSet<&str> = names.collect();
        let of = |name| self.samples(name, labels);
        names.into_iter().flat_map(of).collect()
    }
}

/// `NAME{KEY="VALUE",…} NUMBER`, with or without labels.
fn sample(line: &str) -> Option<Sample> {
    let name_ends = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(name_ends);
    let mut labels = BTreeMap::new();
    let number = match rest.strip_prefix('{') {
        None => rest,
        Some(mut rest) => {
            while !rest.starts_with('}') {
                let (key, after) = rest.split_once("=\"")?;
                let (value, after) = quoted(after)?;
                labels.insert(key.to_owned(), value);
                rest = after.strip_prefix(',').unwrap_or(after);
            }
            &rest[1..]
        }
    };
    Some(Sample {
        name: name.to_owned(),
        labels,
        value: number.trim().parse().ok()?,
    })
}

/// Text up to its closing quotation mark, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}
