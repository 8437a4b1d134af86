//! The rules of the house that no compiler checks: who may use whom, sizes, and what must not be committed.
//!
//! Rules read text, not syntax trees: they are quick, and a finding names a line. Each is a function over the files.

mod layers;
mod markers;
mod paths;
mod safety;
mod size;
mod source;
mod waits;

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use source::SourceFile;

/// Folders that are not part of the project.
const SKIPPED: [&str; 2] = ["target", ".git"];

/// A place that breaks a rule, with what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    text: String,
}

impl Finding {
    fn new(file: &SourceFile, line: usize, text: impl Into<String>) -> Self {
        Self {
            path: file.path.clone(),
            line,
            text: text.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

type Rule = fn(&SourceFile) -> Vec<Finding>;

const RULES: &[Rule] = &[
    size::lines,
    layers::core_dependencies,
    layers::core_is_sans_io,
    layers::core_modules,
    layers::commands,
    layers::kernel_hands_out_bytes,
    safety::every_unsafe_says_why,
    waits::no_sleep_in_tests,
    markers::no_unfinished_work,
    markers::no_ignored_tests,
    markers::no_trailing_whitespace,
    markers::no_home_directories,
];

/// Checks all text files under the repository's top.
pub(crate) fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut files = Vec::new();
    read_into(&mut files, root, "")?;
    let mut findings: Vec<Finding> = files
        .iter()
        .flat_map(|file| RULES.iter().flat_map(|rule| rule(file)))
        .collect();
    findings.sort();
    Ok(findings)
}

fn read_into(files: &mut Vec<SourceFile>, dir: &Path, relative: &str) -> Result<()> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", dir.display()))?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = format!("{relative}{name}");
        let kind = entry
            .file_type()
            .with_context(|| format!("cannot look at {path}"))?;
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            read_into(files, &entry.path(), &format!("{path}/"))?;
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).with_context(|| format!("cannot read {path}"))?;
            // What is not text is a recording or a picture.
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(SourceFile::new(path, text));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a rule says on a file: `line: text` each.
    pub(super) fn findings(rule: Rule, path: &str, text: &str) -> Vec<String> {
        let file = SourceFile::new(path.to_owned(), text.to_owned());
        rule(&file)
            .into_iter()
            .map(|finding| format!("{}: {}", finding.line, finding.text))
            .collect()
    }

    #[test]
    fn a_finding_is_one_line_with_its_place() {
        let file = SourceFile::new("a/b.rs".to_owned(), String::new());
        assert_eq!(
            Finding::new(&file, 3, "too long; split it").to_string(),
            "a/b.rs:3: too long; split it"
        );
    }
}
