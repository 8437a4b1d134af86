//! Tests wait for something to happen, with a deadline; they do not sleep and hope.

use super::{Finding, source::SourceFile};

/// The one place that may sleep between two looks.
const WAIT_HELPER: &str = "wait.rs";

/// No `thread::sleep` in the end-to-end tests but in `wait.rs`. The workloads under `tests/workloads` are the programs
/// that are traced: they may.
pub(super) fn no_sleep_in_tests(file: &SourceFile) -> Vec<Finding> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    if !file.path.starts_with("tests/") || file.path.contains("/workloads/") || name == WAIT_HELPER
    {
        return Vec::new();
    }
    file.code_lines()
        .filter(|(_, code)| code.contains("thread::sleep") || code.contains("time::sleep"))
        .map(|(line, _)| {
            Finding::new(
                file,
                line,
                "a test sleeps; wait for what is expected, by the helper in wait.rs",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;
    use super::*;

    #[test]
    fn sleeping_tests_are_found() {
        let text = "fn f() {\n    thread::sleep(SECOND);\n}\n";
        let found = findings(no_sleep_in_tests, "tests/src/docker.rs", text);
        assert_eq!(
            found,
            ["2: a test sleeps; wait for what is expected, by the helper in wait.rs"]
        );
        for path in [
            "tests/src/wait.rs",
            "tests/workloads/slow.rs",
            "xtask/src/run.rs",
        ] {
            assert!(findings(no_sleep_in_tests, path, text).is_empty(), "{path}");
        }
    }
}
