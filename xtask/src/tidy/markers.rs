//! What must not be committed: notes to oneself, tests that do not run, stray spaces, one person's paths.

use super::Finding;
use super::source::{SourceFile, has_word};

/// In two parts each, or this file would find itself.
const UNFINISHED: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];
const HOMES: [&str; 3] = [
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/ro", "ot/"),
];
/// Snapshots and patches are what some program prints, spaces included.
const VERBATIM: [&str; 3] = [".snap", ".patch", ".diff"];

/// No notes on unfinished work.
pub(super) fn no_unfinished_work(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, text) in file.lines() {
        if let Some(word) = UNFINISHED.iter().find(|word| has_word(text, word)) {
            findings.push(Finding::new(
                file,
                line,
                format!("{word}; do it, or open an issue"),
            ));
        }
    }
    findings
}

/// No tests that never run.
pub(super) fn no_ignored_tests(file: &SourceFile) -> Vec<Finding> {
    file.code_lines()
        .filter(|(_, code)| code.contains("#[ignore"))
        .map(|(line, _)| Finding::new(file, line, "ignored test; make it run, or remove it"))
        .collect()
}

/// No spaces at line ends.
pub(super) fn no_trailing_whitespace(file: &SourceFile) -> Vec<Finding> {
    if VERBATIM
        .iter()
        .any(|extension| file.path.ends_with(extension))
    {
        return Vec::new();
    }
    file.text
        .split('\n')
        .zip(1..)
        .filter(|(text, _)| text.ends_with(char::is_whitespace))
        .map(|(_, line)| Finding::new(file, line, "whitespace at the end of the line; remove it"))
        .collect()
}

/// No path of somebody's home directory.
pub(super) fn no_home_directories(file: &SourceFile) -> Vec<Finding> {
    file.lines()
        .filter(|(_, text)| HOMES.iter().any(|home| has_home(text, home)))
        .map(|(line, _)| {
            Finding::new(
                file,
                line,
                "path of a home directory; name it relative to the project or by $HOME",
            )
        })
        .collect()
}

/// Whether an absolute path in the line starts with this folder. `/proc/1/root/` is another's.
fn has_home(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + home.len()..].chars().next();
        let path = |c: char| c.is_alphanumeric() || "_-.}>*)$".contains(c);
        !before.is_some_and(path)
            && after.is_some_and(|c| c.is_alphanumeric() || c == '.' || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;
    use super::*;

    #[test]
    fn unfinished_work_is_found() {
        let bad = format!("fine\n// {}: later\n", UNFINISHED[0]);
        assert_eq!(findings(no_unfinished_work, "a.sh", &bad).len(), 1);
        let good = format!("mktemp {}{}\n", UNFINISHED[2], UNFINISHED[2]);
        assert!(findings(no_unfinished_work, "a.sh", &good).is_empty());
    }

    #[test]
    fn ignored_tests_are_found() {
        assert_eq!(
            findings(no_ignored_tests, "a.rs", "#[ignore = \"slow\"]\n#[test]\n").len(),
            1
        );
        assert!(
            findings(
                no_ignored_tests,
                "a.rs",
                "// #[ignore] is not allowed\n#[test]\n"
            )
            .is_empty()
        );
    }

    #[test]
    fn trailing_whitespace_is_found() {
        let found = findings(no_trailing_whitespace, "a.md", "a\nb \nc\t\r\n");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(findings(no_trailing_whitespace, "a.md", "a\n b\n").is_empty());
        assert!(findings(no_trailing_whitespace, "a.snap", "a \n").is_empty());
    }

    #[test]
    fn home_directories_are_found() {
        for home in HOMES {
            assert_eq!(
                findings(no_home_directories, "a.md", &format!("run {home}ann/x")).len(),
                1
            );
            assert!(findings(no_home_directories, "a.md", &format!("/proc/1{home}etc")).is_empty());
        }
        assert!(findings(no_home_directories, "a.md", "cd $HOME/x; ls ~/y").is_empty());
    }
}
