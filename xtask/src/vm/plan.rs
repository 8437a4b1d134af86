//! What is run in which guest: a plan is one guest, and one row of the table.

use super::guest;
use super::kernels::Series;

/// Seconds that a command may take in a guest, where all is some ten times slower.
const INFO_TIME: u64 = 60;
const SCENARIOS_TIME: u64 = 900;
/// For a hundred random stops.
const RANDOM_TIME: u64 = 900;
/// And beside them the guest's start and end.
const BOOT_TIME: u64 = 120;

/// How many random stops a guest makes.
pub(super) const RANDOM_STOPS: u64 = 100;
/// The test that makes them.
const RANDOM_TEST: &str = "random_stops_are_reported_as_they_were";

/// Something that a guest runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// `system-info`: how it is attached.
    Attached,
    /// `demo all`, compared with what it must say.
    Scenarios,
    /// So many random stops from a seed on.
    Random(u64, u64),
}

/// One guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// As the table calls it.
    pub(super) name: &'static str,
    /// Words for the kernel.
    pub(super) command_line: &'static str,
    pub(super) cpus: usize,
    /// Lines of shell that come first.
    pub(super) before: &'static [&'static str],
    pub(super) steps: Vec<Step>,
    pub(super) attached: Attached,
}

/// How the program must be attached, as `system-info` tells it; what is empty may be any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Attached {
    pub(super) lockdown: &'static str,
    /// Or, in place of that, what the program must say when it refuses this kernel.
    pub(super) refused: &'static str,
}

impl Step {
    /// As tests and frames call it.
    pub(super) fn name(self) -> String {
        match self {
            Self::Attached => "attached".to_owned(),
            Self::Scenarios => "scenarios".to_owned(),
            Self::Random(count, _) => format!("random-{count}"),
        }
    }

    fn seconds(self) -> u64 {
        match self {
            Self::Attached => INFO_TIME,
            Self::Scenarios => SCENARIOS_TIME,
            Self::Random(count, _) => RANDOM_TIME.max(RANDOM_TIME * count / RANDOM_STOPS),
        }
    }

    fn command(self) -> String {
        match self {
            Self::Attached => "rinit-trace system-info -o json".to_owned(),
            Self::Scenarios => format!("rinit-trace demo all --expect {}", guest::EXPECTATIONS),
            Self::Random(count, seed) => format!(
                "env RINIT_TRACE_BIN={} RINIT_TRACE_TEST_RANDOM={count} RINIT_TRACE_TEST_SEED={seed} {} {RANDOM_TEST} --exact",
                guest::PROGRAM,
                guest::RANDOM
            ),
        }
    }
}

impl Plan {
    /// Its file in a guest.
    pub(super) fn id(&self) -> String {
        self.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
    }

    /// What the guest's init runs.
    pub(super) fn script(&self) -> String {
        let before = self.before.iter().map(|line| format!("{line}\n"));
        let steps = self.steps.iter().map(|step| {
            let (name, seconds, command) = (step.name(), step.seconds(), step.command());
            format!("step {name} {seconds} {command}\n")
        });
        before.chain(steps).collect()
    }

    /// Seconds after which the guest hangs.
    pub(super) fn seconds(&self) -> u64 {
        let steps: u64 = self.steps.iter().map(|step| step.seconds()).sum();
        steps + BOOT_TIME
    }
}

/// What is run on a kernel.
pub(super) fn plans(series: Series, seed: u64) -> Vec<Plan> {
    let random = Step::Random(RANDOM_STOPS, seed);
    let plan = Plan {
        name: "plain",
        cpus: 1,
        steps: vec![Step::Attached, Step::Scenarios, random],
        ..Plan::default()
    };
    if series.name == "5.10" {
        return vec![Plan {
            steps: vec![Step::Attached],
            attached: Attached {
                refused: "rinit-trace needs 6.1 or newer",
                ..Attached::default()
            },
            ..plan
        }];
    }
    let locked = |name, command_line, lockdown| Plan {
        name,
        command_line,
        steps: vec![Step::Attached, Step::Scenarios],
        attached: Attached {
            lockdown,
            ..Attached::default()
        },
        ..plan.clone()
    };
    vec![
        locked("lockdown-integrity", "lockdown=integrity", "integrity"),
        locked(
            "lockdown-confidentiality",
            "lockdown=confidentiality",
            "confidentiality",
        ),
        Plan {
            name: "4-cpus",
            cpus: 4,
            ..plan.clone()
        },
        Plan {
            name: "few-pids",
            // Fewer than a run starts: each pid is used again and again.
            before: &["echo 600 >/proc/sys/kernel/pid_max"],
            steps: vec![Step::Attached, random],
            ..plan.clone()
        },
        plan,
    ]
}

/// The shortest run that shows a broken kernel: everything once.
pub(super) fn quick(series: Series, seed: u64) -> Vec<Plan> {
    let mut plans = plans(series, seed);
    plans.retain(|plan| plan.name == "plain");
    plans
}

#[cfg(test)]
mod tests {
    use super::super::kernels::SERIES;
    use super::*;

    #[test]
    fn plans_of_a_kernel_have_names_of_their_own() {
        for series in SERIES {
            let mut ids: Vec<String> = plans(*series, 1).iter().map(Plan::id).collect();
            let count = ids.len();
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), count, "{}", series.name);
            assert_eq!(quick(*series, 1).len(), 1, "{}", series.name);
        }
    }

    #[test]
    fn a_script_has_a_line_for_each_step() {
        let plan = Plan {
            name: "x",
            before: &["echo 600 >/proc/sys/kernel/pid_max"],
            steps: vec![Step::Attached, Step::Random(7, 42)],
            ..Plan::default()
        };
        let script = plan.script();
        let lines: Vec<&str> = script.lines().collect();
        assert_eq!(lines[0], "echo 600 >/proc/sys/kernel/pid_max");
        assert_eq!(lines[1], "step attached 60 rinit-trace system-info -o json");
        assert!(lines[2].starts_with("step random-7 900 env "), "{script}");
        assert!(lines[2].contains(" RINIT_TRACE_TEST_RANDOM=7 RINIT_TRACE_TEST_SEED=42 "));
        assert_eq!(lines.len(), 3);
        assert_eq!(plan.seconds(), 60 + 900 + BOOT_TIME);
    }
}
