//! What tests that failed have said, kept to be told once more at the end: in the log of a long run it is far above, and
//! of a long log the end alone may be kept.

use std::fmt;

/// So many tests are told of.
const TESTS: usize = 10;
/// So many lines of each, the first: there is the reason, and what its programs have said comes after it.
const LINES: usize = 60;
/// So many characters of each line, which may be a whole report.
const WIDTH: usize = 8_000;

/// Said before what the tests that failed have said, and once more after it, before a list of their names.
const SECTION: &str = "failures:";
/// Said at the end of a test program.
const SUMS: &str = "test result: ";

/// Tests that failed.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    tests: Vec<Failure>,
    is_in_section: bool,
}

#[derive(Debug)]
struct Failure {
    name: String,
    lines: Vec<String>,
    more: usize,
}

impl Failures {
    /// Takes one line of a test runner's output into account.
    pub(crate) fn see(&mut self, line: &str) {
        if line == SECTION {
            self.is_in_section = !self.is_in_section;
        } else if line.starts_with(SUMS) {
            self.is_in_section = false;
        } else if !self.is_in_section {
            // Of tests that passed, or of cargo.
        } else if let Some(name) = name_of(line) {
            self.tests.push(Failure::new(name));
        } else if let Some(last) = self.tests.last_mut() {
            last.add(line);
        }
    }
}

impl fmt::Display for Failures {
    /// Nothing when none failed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for test in self.tests.iter().take(TESTS) {
            write!(
                f,
                "---- {} ----\n{}\n",
                test.name,
                test.lines.join("\n").trim()
            )?;
            if test.more > 0 {
                writeln!(f, "… and {} more lines, see above", test.more)?;
            }
        }
        let more = self.tests.len().saturating_sub(TESTS);
        if more > 0 {
            writeln!(f, "… and {more} more tests that failed, see above")?;
        }
        Ok(())
    }
}

/// The test whose output follows.
fn name_of(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" stdout ----")
}

impl Failure {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            lines: Vec::new(),
            more: 0,
        }
    }

    fn add(&mut self, line: &str) {
        if self.lines.len() < LINES {
            self.lines.push(line.chars().take(WIDTH).collect());
        } else {
            self.more += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "running 3 tests\ntest a ... FAILED\ntest b ... ok\ntest c ... FAILED\n\nfailures:\n\n\
                          ---- a stdout ----\nthread 'a' panicked\nis not b\n\n---- c stdout ----\nthread 'c' panicked\n\n\n\
                          failures:\n    a\n    c\n\ntest result: FAILED. 1 passed; 2 failed\nrunning 1 test\n---- d stdout ----\n";

    fn told(output: &str) -> String {
        let mut failures = Failures::default();
        output.lines().for_each(|line| failures.see(line));
        failures.to_string()
    }

    #[test]
    fn what_failed_is_told_with_its_output_and_nothing_else_is() {
        assert_eq!(
            told(OUTPUT),
            "---- a ----\nthread 'a' panicked\nis not b\n---- c ----\nthread 'c' panicked\n"
        );
        assert_eq!(told("running 1 test\ntest b ... ok\n"), "");
    }

    #[test]
    fn failures_of_a_second_program_are_told_too() {
        let twice = told(&[OUTPUT, OUTPUT].join("\n"));
        assert_eq!(twice.matches("---- a ----").count(), 2);
    }

    #[test]
    fn however_much_failed_the_end_stays_short() {
        let line = format!("{}\n", "é".repeat(WIDTH + 1));
        let text = line.repeat(LINES + 3);
        let tests = (0..TESTS + 2).map(|test| format!("---- t{test} stdout ----\n{text}"));
        let output = format!("failures:\n{}", tests.collect::<String>());
        let told = told(&output);
        assert!(told.contains("… and 3 more lines, see above"));
        assert!(told.ends_with("… and 2 more tests that failed, see above\n"));
        assert!(told.chars().count() < TESTS * (LINES + 2) * (WIDTH + 1));
    }
}
