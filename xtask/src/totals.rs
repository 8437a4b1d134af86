//! Sums up what `cargo test` prints, one `test result:` line per test program.

use std::fmt;
use std::ops::AddAssign;

use anyhow::{Result, bail};

use crate::run::Told;

/// How many tests did what.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    /// As the test runner counts, those that found they cannot run here included.
    passed: u64,
    failed: u64,
    ignored: u64,
    /// Tests that found they cannot run here.
    skipped: u64,
}

impl Totals {
    /// Takes one line of output into account.
    ///
    /// Rust's test runner knows no skipping at run time: a test that cannot run here prints `skipped: <reason>` past
    /// the runner's capture (to `std::io::stdout()`, not by `println!`) and returns. It counts as skipped, not as passed.
    pub(crate) fn see(&mut self, line: &str) {
        if let Some(result) = parse_result(line) {
            *self += result;
        } else if line.starts_with("skipped: ") || line.contains(" ... skipped: ") {
            self.skipped += 1;
        }
    }

    /// Whether a test could not run here.
    pub(crate) fn any_skipped(self) -> bool {
        self.ignored + self.skipped > 0
    }

    /// Whether a test failed.
    pub(crate) fn any_failed(self) -> bool {
        self.failed > 0
    }
}

/// Runs tests, and prints their sums as the last line whatever happened: an error is told before them, not by the caller
/// after them.
pub(crate) fn conclude(no_skips: bool, run: impl FnOnce(&mut Totals) -> Result<()>) -> Result<()> {
    let mut totals = Totals::default();
    let tested = run(&mut totals).and_then(|()| {
        if totals.any_failed() {
            bail!("tests failed");
        }
        if no_skips && totals.any_skipped() {
            bail!("tests were skipped");
        }
        Ok(())
    });
    let tested = tested.map_err(|error| {
        eprintln!("error: {error:#}");
        anyhow::Error::new(Told)
    });
    println!("{totals}");
    tested
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passed = self.passed.saturating_sub(self.skipped);
        let skipped = self.ignored + self.skipped;
        write!(
            f,
            "{passed} passed, {} failed, {skipped} skipped",
            self.failed
        )
    }
}

/// The counts in a line `test result: ok. 5 passed; 0 failed; 1 ignored; …`.
fn parse_result(line: &str) -> Option<Totals> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let count = |word: &str| {
        counts
            .split("; ")
            .find_map(|part| part.strip_suffix(word)?.trim_end().parse().ok())
    };
    Some(Totals {
        passed: count("passed")?,
        failed: count("failed")?,
        ignored: count("ignored")?,
        skipped: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(output: &str) -> Totals {
        let mut totals = Totals::default();
        output.lines().for_each(|line| totals.see(line));
        totals
    }

    #[test]
    fn results_of_all_programs_are_summed() {
        let totals = sum("test a ... ok\n\
             test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.20s");
        assert_eq!(totals.to_string(), "7 passed, 3 failed, 1 skipped");
        assert!(totals.any_failed());
        assert!(totals.any_skipped(), "ignored is skipped");
    }

    #[test]
    fn a_test_that_cannot_run_here_is_not_passed() {
        let totals = sum("skipped: no containerd\n\
             test a ... skipped: no cgroup v2\n\
             test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        assert_eq!(totals.to_string(), "1 passed, 0 failed, 2 skipped");
        assert!(totals.any_skipped());
    }

    #[test]
    fn other_lines_do_not_count() {
        assert_eq!(
            sum("test result: nonsense\nrunning 5 tests\n5 passed; 1 failed"),
            Totals::default()
        );
    }
}
