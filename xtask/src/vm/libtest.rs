//! What a test program says in a guest: each of its tests.

/// How a test went, as Rust's test runner says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ran {
    pub(super) name: String,
    /// What it said when it failed; `None` when it has passed.
    pub(super) failure: Option<String>,
}

/// What the runner says before the output of a test that failed.
const OUTPUT: (&str, &str) = ("---- ", " stdout ----\n");
/// And after the last.
const FAILURES: &str = "\nfailures:\n";

/// All tests that came to their end. Total: any text has some, if only none.
pub(super) fn parse(text: &str) -> Vec<Ran> {
    let mut all: Vec<Ran> = Vec::new();
    for line in text.lines() {
        let Some((name, end)) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.split_once(" ... "))
        else {
            continue;
        };
        let failure = match end {
            "ok" => None,
            "FAILED" => Some(output_of(text, name).to_owned()),
            // Such as one that has been running for a minute.
            _ => continue,
        };
        if name.contains(' ') || all.iter().any(|ran| ran.name == name) {
            continue;
        }
        all.push(Ran {
            name: name.to_owned(),
            failure,
        });
    }
    all
}

/// The reasons for which tests could not run, each once: the runner does not say which tests.
pub(super) fn skips(text: &str) -> Vec<&str> {
    let mut reasons: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once("skipped: "))
        .filter(|(before, _)| before.is_empty() || before.ends_with(" ... "))
        .map(|(_, reason)| reason)
        .collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons
}

fn output_of<'a>(text: &'a str, name: &str) -> &'a str {
    let head = format!("{}{name}{}", OUTPUT.0, OUTPUT.1);
    let Some((_, output)) = text.split_once(&head) else {
        return "";
    };
    let ends = [format!("\n{}", OUTPUT.0), FAILURES.to_owned()];
    let ends = ends.iter().filter_map(|end| output.find(end));
    let end = ends.min().unwrap_or(output.len());
    output[..end].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "running 3 tests\ntest a::b ... ok\nskipped: needs x\ntest c has been running for over 60 seconds\n\
                        test c ... FAILED\ntest d ... ok\nskipped: needs x\n\nfailures:\n\n---- c stdout ----\npanicked\nat x\n\n\
                        failures:\n    c\n\ntest result: FAILED. 2 passed; 1 failed\n";

    #[test]
    fn each_test_is_read_with_what_it_said() {
        let names: Vec<_> = parse(TEXT).into_iter().map(|ran| ran.name).collect();
        assert_eq!(names, ["a::b", "c", "d"]);
        let failures: Vec<_> = parse(TEXT).into_iter().map(|ran| ran.failure).collect();
        assert_eq!(failures, [None, Some("panicked\nat x".to_owned()), None]);
    }

    #[test]
    fn a_reason_for_not_running_is_told_once() {
        assert_eq!(skips(TEXT), ["needs x"]);
        assert_eq!(skips("test a ... skipped: y\nhe skipped: z\n"), ["y"]);
    }

    #[test]
    fn wherever_it_is_cut_off_only_what_came_is_there() {
        let whole = parse(TEXT);
        for end in 0..TEXT.len() {
            let cut = parse(&TEXT[..end]);
            for (cut, whole) in cut.iter().zip(&whole) {
                assert_eq!(cut.name, whole.name, "{end}");
                assert_eq!(cut.failure.is_some(), whole.failure.is_some(), "{end}");
            }
        }
    }
}
