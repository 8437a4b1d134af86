//! What came of a guest, as results of tests: each scenario is one, and how it was attached, and the random stops.

use std::fmt;

use super::answers::{Answer, Answers};
use super::info::Info;
use super::kernels::Kernel;
use super::libtest;
use super::plan::{Plan, Step};
use super::scenarios::{self, Came, Scenario};

/// Of random stops that failed so much is shown: lines, and characters of each, which may be a report. All of it is in a file.
const LINES: usize = 60;
const WIDTH: usize = 16_000;
/// From here on the test runner says what failed.
const FAILURES: &str = "\nfailures:\n";

/// How a test went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    /// With what is known of it.
    Failed(String),
    /// With the reason.
    Skipped(String),
}

/// A test: `6.1/plain/shell-no-trap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) name: String,
    pub(super) outcome: Outcome,
}

impl fmt::Display for Test {
    /// As Rust's test runner, and with a skipped one as the tests have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "test {} ... ", self.name)?;
        match &self.outcome {
            Outcome::Passed => f.write_str("ok"),
            Outcome::Failed(_) => f.write_str("FAILED"),
            Outcome::Skipped(reason) => write!(f, "skipped: {}", printable(reason)),
        }
    }
}

/// A row: a guest with all that came of it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) kernel: Kernel,
    pub(super) plan: Plan,
    pub(super) tests: Vec<Test>,
    /// `None` when it did not come to that.
    pub(super) info: Option<Info>,
    pub(super) scenarios: Vec<Scenario>,
    pub(super) seconds: f64,
}

impl Row {
    /// Judges what a guest has answered; `broke` says why it did not come to its end. The scenarios are all that there
    /// are.
    pub(super) fn new(
        kernel: Kernel,
        plan: Plan,
        answers: &Answers,
        broke: &str,
        scenarios: &[&str],
    ) -> Self {
        let mut row = Self {
            kernel,
            plan,
            tests: Vec::new(),
            info: None,
            scenarios: Vec::new(),
            seconds: 0.0,
        };
        let broke = if broke.is_empty() {
            "the guest did not run it"
        } else {
            broke
        };
        for step in row.plan.steps.clone() {
            match (step, answers.of(&step.name())) {
                (Step::Scenarios, answer) => row.judge_scenarios(answer, broke, scenarios),
                (_, None) => row.add(&step.name(), Outcome::Failed(broke.to_owned())),
                (Step::Attached, Some(answer)) => row.judge_attached(answer),
                (Step::Random(..), Some(answer)) => row.judge_random(step, answer, broke),
                (Step::Pods(_) | Step::Podman, Some(answer)) => row.judge_pods(step, answer, broke),
            }
        }
        row
    }

    /// The tests that failed, with what is known of each.
    pub(super) fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tests.iter().filter_map(|test| match &test.outcome {
            Outcome::Failed(text) => Some((&*test.name, &**text)),
            Outcome::Passed | Outcome::Skipped(_) => None,
        })
    }

    /// What this row's tests are called, and the table.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.kernel.series, self.plan.name)
    }

    fn add(&mut self, name: &str, outcome: Outcome) {
        self.tests.push(Test {
            name: format!("{}/{name}", self.name()),
            outcome,
        });
    }

    fn judge_attached(&mut self, answer: &Answer) {
        self.info = Info::parse(&answer.stdout);
        let wrong = match &self.info {
            None => vec![format!(
                "system-info told nothing: {}",
                printable(&answer.stderr).trim()
            )],
            Some(info) => info.wrong(self.plan.attached),
        };
        let outcome = if wrong.is_empty() {
            Outcome::Passed
        } else {
            Outcome::Failed(printable(&wrong.join("\n")))
        };
        self.add(&Step::Attached.name(), outcome);
    }

    fn judge_scenarios(&mut self, answer: Option<&Answer>, broke: &str, names: &[&str]) {
        let nothing = Answer::default();
        let answer = answer.unwrap_or(&nothing);
        self.scenarios = scenarios::parse(&answer.stdout, names.iter().copied());
        for name in names {
            let came = self.scenarios.iter().find(|one| one.name == *name);
            let outcome = match came.map(|one| &one.came) {
                Some(Came::NotHere) => continue,
                Some(Came::NoReport) if self.plan.is_silent(name) => continue,
                Some(Came::AsExpected) => Outcome::Passed,
                Some(Came::Skipped(reason)) => Outcome::Skipped(reason.clone()),
                Some(Came::Wrong | Came::NoReport) => Outcome::Failed(about(answer, name)),
                None if answer.code.is_some() => Outcome::Failed(format!(
                    "the demo said nothing of it: {}",
                    printable(&answer.stderr).trim()
                )),
                None => Outcome::Failed(broke.to_owned()),
            };
            self.add(name, outcome);
        }
    }

    fn judge_random(&mut self, step: Step, answer: &Answer, broke: &str) {
        let skipped = answer
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix("skipped: "));
        let outcome = match (answer.code, skipped) {
            (Some(0), None) => Outcome::Passed,
            (Some(0), Some(reason)) => Outcome::Skipped(reason.to_owned()),
            (Some(_), _) => Outcome::Failed(end_of(answer)),
            (None, _) => Outcome::Failed(format!("{broke}\n{}", end_of(answer))),
        };
        self.add(&step.name(), outcome);
    }

    /// Each test is one, and the program that has them is another.
    fn judge_pods(&mut self, step: Step, answer: &Answer, broke: &str) {
        let step = step.name();
        let ran = libtest::parse(&answer.stdout);
        let has_failed = ran.iter().any(|test| test.failure.is_some());
        for test in ran {
            let outcome = match test.failure {
                None => Outcome::Passed,
                Some(said) => Outcome::Failed(shortened(&said)),
            };
            self.add(&format!("{step}/{}", test.name), outcome);
        }
        // The runner does not say which of its tests could not run, and calls them passed.
        let skips = libtest::skips(&answer.stdout);
        for reason in &skips {
            self.add(&step, Outcome::Skipped((*reason).to_owned()));
        }
        match answer.code {
            Some(0) if skips.is_empty() => self.add(&step, Outcome::Passed),
            Some(0) => {}
            Some(_) if has_failed => {}
            Some(_) => self.add(&step, Outcome::Failed(end_of(answer))),
            None => {
                let said = end_of(answer);
                self.add(&step, Outcome::Failed(format!("{broke}\n{said}")));
            }
        }
    }
}

/// What the demo says of a wrong scenario.
fn about(answer: &Answer, name: &str) -> String {
    let told = scenarios::about(&answer.stdout, name);
    if told.is_empty() {
        return "the demo was ended before it said more".to_owned();
    }
    printable(told)
}

/// What random stops say of those that are wrong, or the end of what they said.
fn end_of(answer: &Answer) -> String {
    let said = answer.stdout.split_once(FAILURES);
    let text = said.map_or(&*answer.stderr, |(_, failures)| failures);
    shortened(text)
}

/// As much of a text as is shown.
fn shortened(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .filter(|line| !line.is_empty())
        .take(LINES)
        .map(|line| line.chars().take(WIDTH).collect())
        .collect();
    printable(&lines.join("\n"))
}

/// A text from a guest, for a terminal.
pub(super) fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', "?")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const INFO: &str = r#"{"lockdown": "none", "probes": [{"hook": "signal:signal_generate", "mechanism": "btf-tracepoint",
        "refused": [], "verified_instructions": 1234, "instructions": 99}], "self_test": {"passed": true}, "problems": []}"#;
    const TABLE: &str = "scenario  expected          seen\n\
                         a         graceful, 0 lost  graceful, 0 lost    ok\n\
                         b         unknown, ? lost   unknown, ? lost     ok\n\
                         c         graceful, 0 lost  forced              WRONG\n\
                         d         graceful, 0 lost  skipped (needs docker)\n\
                         e         graceful, 0 lost  skipped (needs tini)\n\
                         f-1       graceful, 0 lost  no report           WRONG\n\
                         \n── WRONG c\n\nverdict: \u{1b}[31mforced\n";
    const PODS: &str = "test a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\nwrong\n\nfailures:\n    b\n";
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f-1"];

    fn answer(step: &str, stdout: &str, code: Option<i32>) -> Answer {
        Answer {
            step: step.to_owned(),
            stdout: stdout.to_owned(),
            code,
            ..Answer::default()
        }
    }

    /// A row of a kernel 6.1 with a plan of all steps.
    pub(in super::super) fn row(steps: Vec<Answer>, broke: &str) -> Row {
        let kernel = Kernel {
            series: "6.1",
            release: "6.1.0-56-cloud-amd64".to_owned(),
            version: "6.1.192-2".to_owned(),
            image: "/k".into(),
            modules: None,
        };
        let plan = Plan {
            name: "plain",
            cpus: 1,
            steps: vec![
                Step::Attached,
                Step::Scenarios,
                Step::Random(7, 1),
                Step::Pods("runc"),
            ],
            silent: &["f-"],
            ..Plan::default()
        };
        let answers = Answers {
            steps,
            is_over: broke.is_empty(),
        };
        Row::new(kernel, plan, &answers, broke, &NAMES)
    }

    /// One in which all has come that can.
    pub(in super::super) fn whole() -> Row {
        let steps = vec![
            answer("attached", INFO, Some(0)),
            answer("scenarios", TABLE, Some(1)),
            answer("random-7", "test result: ok. 1 passed\n", Some(0)),
            answer("runc", PODS, Some(101)),
        ];
        row(steps, "")
    }

    fn lines(row: &Row) -> Vec<String> {
        row.tests.iter().map(Test::to_string).collect()
    }

    #[test]
    fn each_scenario_is_a_test() {
        let row = whole();
        assert_eq!(
            lines(&row),
            [
                "test 6.1/plain/attached ... ok",
                "test 6.1/plain/a ... ok",
                "test 6.1/plain/b ... ok",
                "test 6.1/plain/c ... FAILED",
                "test 6.1/plain/e ... skipped: needs tini",
                "test 6.1/plain/random-7 ... ok",
                "test 6.1/plain/runc/a ... ok",
                "test 6.1/plain/runc/b ... FAILED",
            ]
        );
        let failed: Vec<(&str, &str)> = row.failed().collect();
        let expected = [
            ("6.1/plain/c", "verdict: ?[31mforced"),
            ("6.1/plain/runc/b", "wrong"),
        ];
        assert_eq!(failed, expected);
    }

    #[test]
    fn no_report_has_failed_where_there_should_be_one() {
        let mut row = whole();
        let answer = answer("scenarios", TABLE, Some(1));
        row.tests.clear();
        row.plan.silent = &["x"];
        row.judge_scenarios(Some(&answer), "", &["f-1"]);
        assert_eq!(lines(&row), ["test 6.1/plain/f-1 ... FAILED"]);
    }

    #[test]
    fn what_a_broken_guest_has_not_told_has_failed() {
        let cut = TABLE.find("c  ").unwrap();
        let steps = vec![
            answer("attached", INFO, Some(0)),
            answer("scenarios", &TABLE[..cut], None),
        ];
        let row = row(steps, "the guest had not ended after 9 s");
        let failed: Vec<&str> = row.failed().map(|(name, _)| name).collect();
        let names =
            ["c", "d", "e", "f-1", "random-7", "runc"].map(|name| format!("6.1/plain/{name}"));
        assert_eq!(failed, names);
        assert!(
            row.failed()
                .all(|(_, text)| text == "the guest had not ended after 9 s")
        );
    }

    #[test]
    fn a_guest_that_never_answered_has_failed_in_all() {
        let row = row(Vec::new(), "the guest ended in the middle");
        assert_eq!(row.failed().count(), row.tests.len());
        assert_eq!(row.tests.len(), 3 + NAMES.len());
    }

    #[test]
    fn random_stops_fail_with_the_end_of_what_they_said() {
        let mut steps = vec![answer(
            "random-7",
            "x\n\nfailures:\n\nseed 3: wrong\n",
            Some(101),
        )];
        let failed = |steps: &[Answer]| {
            let row = row(steps.to_vec(), "");
            let mut tests = row.tests.iter();
            let test = tests.find(|test| test.name.ends_with("random-7")).unwrap();
            test.outcome.clone()
        };
        assert_eq!(failed(&steps), Outcome::Failed("seed 3: wrong".to_owned()));
        steps[0] = answer("random-7", "skipped: needs root\n", Some(0));
        assert_eq!(failed(&steps), Outcome::Skipped("needs root".to_owned()));
    }

    #[test]
    fn tests_with_pods_are_told_one_by_one_and_what_ended_them() {
        let outcomes = |text: &str, code| {
            let row = row(vec![answer("runc", text, code)], "it hung");
            let of_pods = row.tests.iter().filter(|test| test.name.contains("/runc"));
            of_pods.map(Test::to_string).collect::<Vec<_>>()
        };
        let name = |end: &str| format!("test 6.1/plain/runc{end}");
        let skipped = "skipped: needs x\ntest a ... ok\n";
        let told = [name("/a ... ok"), name(" ... skipped: needs x")];
        assert_eq!(outcomes(skipped, Some(0)), told);
        let told = [name("/a ... ok"), name(" ... FAILED")];
        assert_eq!(outcomes("test a ... ok\n", None), told);
        assert_eq!(outcomes("test a ... ok\n", Some(101)), told);
    }
}
