//! What is run in which guest: a plan is one guest, and one row of the table.

use super::kernels::Series;
use super::{containerd, guest};

/// Seconds that a command may take in a guest, where all is some ten times slower.
const INFO_TIME: u64 = 60;
const SCENARIOS_TIME: u64 = 900;
/// For a hundred random stops.
const RANDOM_TIME: u64 = 900;
const PODS_TIME: u64 = 2700;
const PODMAN_TIME: u64 = 900;
/// And beside them the guest's start and end.
const BOOT_TIME: u64 = 120;

/// How many random stops a guest makes.
pub(super) const RANDOM_STOPS: u64 = 100;
/// The guest of the quick run: all is attached as it is where nothing is asked for.
const QUICK: &str = "fentry";
/// The test that makes them.
const RANDOM_TEST: &str = "random_stops_are_reported_as_they_were";

/// Tests with pods at a time: most of the time a pod waits.
const PODS_THREADS: usize = 2;
/// Tests that say nothing of a kernel or a runtime, or the same as another: they take their time on this machine alone, as a pod
/// costs an emulated processor some ten seconds. Those with a socket of CRI rest on its answering within two.
const PODS_SKIPPED: [&str; 9] = [
    "acts::again::",
    "acts::restarts::",
    "acts::signals::",
    "around::",
    "as_pod::",
    "job_of_a_moment",
    "reports::",
    "series_are_there",
    "with_the_socket",
];
/// How many times longer than elsewhere tests wait before they give up.
const PATIENCE: u32 = 5;
/// The runtimes of pods.
const CRUN: &str = "crun";
const RUNTIMES: [&str; 2] = ["runc", CRUN];

/// The program with the options of a plan: tests drop variables that would change what it does.
const WRAPPER: &str = "/run/rinit-trace";

/// Something that a guest runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// `system-info`: how it is attached.
    Attached,
    /// `demo all`, compared with what it must say.
    Scenarios,
    /// So many random stops from a seed on.
    Random(u64, u64),
    /// Pods in a containerd, whose containers a runtime of this name runs.
    Pods(&'static str),
    /// Containers by podman, which runs crun.
    Podman,
}

impl Step {
    /// Whether its tests run containers.
    pub(super) fn has_containers(self) -> bool {
        matches!(self, Self::Pods(_) | Self::Podman)
    }
}

/// What is in a guest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Contents {
    /// The inits of the scenarios.
    #[default]
    Inits,
    /// A container runtime, too.
    Containerd,
}

impl Contents {
    /// How much memory it needs, as QEMU takes it: the image is in it, and all that is written.
    pub(super) fn memory(self) -> &'static str {
        match self {
            Self::Inits => "1G",
            Self::Containerd => "3G",
        }
    }
}

/// One guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// As the table calls it.
    pub(super) name: &'static str,
    pub(super) contents: Contents,
    /// Words for the kernel.
    pub(super) command_line: &'static str,
    pub(super) cpus: usize,
    /// Lines of shell that come first.
    pub(super) before: &'static [&'static str],
    /// Variables that the program takes for options.
    pub(super) options: &'static [(&'static str, &'static str)],
    pub(super) steps: Vec<Step>,
    pub(super) attached: Attached,
    /// How the scenarios begin of which the program says nothing here, as `docs/kernels.md` has it. Whatever it says of
    /// them must be right all the same.
    pub(super) silent: &'static [&'static str],
    /// Tasks can be preempted in a tracepoint, and in QEMU they are often: records may be lost, when the report says so.
    pub(super) may_lose: bool,
}

/// How the program must be attached, as `system-info` tells it; what is empty may be any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Attached {
    pub(super) tracepoints: &'static str,
    pub(super) teardown: &'static str,
    pub(super) lockdown: &'static str,
    /// What the kernel lacks for a mechanism, which is no refusal.
    pub(super) lacks: &'static str,
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
            Self::Pods(runtime) => runtime.to_owned(),
            Self::Podman => "podman".to_owned(),
        }
    }

    fn seconds(self) -> u64 {
        match self {
            Self::Attached => INFO_TIME,
            Self::Scenarios => SCENARIOS_TIME,
            Self::Random(count, _) => RANDOM_TIME.max(RANDOM_TIME * count / RANDOM_STOPS),
            Self::Pods(_) => PODS_TIME,
            Self::Podman => PODMAN_TIME,
        }
    }

    fn command(self) -> String {
        match self {
            Self::Attached => format!("{WRAPPER} system-info -o json"),
            Self::Scenarios => format!("{WRAPPER} demo all --expect {}", guest::EXPECTATIONS),
            Self::Random(count, seed) => format!(
                "env RINIT_TRACE_BIN={WRAPPER} RINIT_TRACE_TEST_RANDOM={count} RINIT_TRACE_TEST_SEED={seed} {} {RANDOM_TEST} --exact",
                guest::test_program(guest::RANDOM)
            ),
            Self::Podman => format!(
                "env RINIT_TRACE_BIN={WRAPPER} RINIT_TRACE_TEST_RUNTIME={CRUN} RINIT_TRACE_TEST_PATIENCE={PATIENCE} {} --test-threads=1",
                guest::test_program(guest::PODMAN)
            ),
            // The static program is what is packaged into an image.
            Self::Pods(runtime) => format!(
                "env RINIT_TRACE_BIN={WRAPPER} RINIT_TRACE_STATIC_BIN={} RINIT_TRACE_TEST_RUNTIME={runtime} RINIT_TRACE_TEST_PATIENCE={PATIENCE} {} --test-threads={PODS_THREADS} {}",
                guest::PROGRAM,
                guest::test_program(guest::PODS),
                PODS_SKIPPED.map(|name| format!("--skip {name}")).join(" ")
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
        let options = self.options.iter();
        let loss = self.may_lose.then_some(&("RINIT_TRACE_ALLOW_LOSS", "true"));
        let options = options
            .chain(loss)
            .map(|(name, value)| format!("export {name}={value}\n"));
        let wrapper = format!(
            "cat >{WRAPPER} <<'END'\n#!/bin/sh\n{}exec {} \"$@\"\nEND\nchmod +x {WRAPPER}\n",
            options.collect::<String>(),
            guest::PROGRAM
        );
        let loss = self
            .may_lose
            .then_some(&"export RINIT_TRACE_TEST_ALLOW_LOSS=true");
        let before = self.before.iter().chain(loss);
        let before = before.map(|line| format!("{line}\n"));
        let steps = self.steps.iter().map(|step| {
            let (name, seconds, command) = (step.name(), step.seconds(), step.command());
            format!("step {name} {seconds} {command}\n")
        });
        [wrapper].into_iter().chain(before).chain(steps).collect()
    }

    /// Whether the program may say nothing of a scenario.
    pub(super) fn is_silent(&self, scenario: &str) -> bool {
        self.silent.iter().any(|start| scenario.starts_with(start))
    }

    /// Seconds after which the guest hangs.
    pub(super) fn seconds(&self) -> u64 {
        let steps: u64 = self.steps.iter().map(|step| step.seconds()).sum();
        steps + BOOT_TIME
    }
}

/// The programs of the newer object, which 5.10's verifier refuses.
const BTF: &str = "btf-tracepoint";
const RAW: &str = "raw-tracepoint";
const FENTRY: &[(&str, &str)] = &[("RINIT_TRACE_TEARDOWN", "fentry")];
const KPROBE: &[(&str, &str)] = &[("RINIT_TRACE_TEARDOWN", "kprobe")];
const INFERRED: &[(&str, &str)] = &[("RINIT_TRACE_TEARDOWN", "inferred")];
const BY_RAW: &[(&str, &str)] = &[("RINIT_TRACE_ATTACH", RAW)];
const BY_FILE: &[(&str, &str)] = &[("RINIT_TRACE_BTF", "/run/btf")];

/// What is run on a kernel: each way to watch a teardown, each way to attach to tracepoints, then what a machine may have.
pub(super) fn plans(series: Series, seed: u64) -> Vec<Plan> {
    let is_old = series.name == "5.10";
    let usual = if is_old { RAW } else { BTF };
    let random = Step::Random(RANDOM_STOPS, seed);
    let plain = Plan {
        name: "plain",
        cpus: 1,
        steps: vec![Step::Attached, Step::Scenarios, random],
        attached: Attached {
            tracepoints: usual,
            ..Attached::default()
        },
        may_lose: series.name == "7",
        ..Plan::default()
    };
    let mut plans = vec![Plan {
        name: "4-cpus",
        cpus: 4,
        ..plain.clone()
    }];
    plans.extend(teardowns(&plain));
    if !is_old {
        plans.push(Plan {
            name: RAW,
            options: BY_RAW,
            attached: Attached {
                tracepoints: RAW,
                ..Attached::default()
            },
            ..plain.clone()
        });
        plans.extend(locked(&plain));
    }
    plans.extend(without_btf(&plain));
    plans.push(with_containerd(&plain));
    plans.push(Plan {
        name: "few-pids",
        // Fewer than a run starts: each pid is used again and again.
        before: &["echo 600 >/proc/sys/kernel/pid_max"],
        steps: vec![Step::Attached, random],
        ..plain
    });
    plans
}

/// Nothing but cgroup v2, and pods.
fn with_containerd(plain: &Plan) -> Plan {
    let pods = RUNTIMES.map(Step::Pods);
    Plan {
        name: "containerd",
        contents: Contents::Containerd,
        cpus: 2,
        before: containerd::BEFORE,
        steps: [&[Step::Attached], &pods[..], &[Step::Podman]].concat(),
        ..plain.clone()
    }
}

/// What the program says of a kernel that was built without BTF.
const NO_BTF: &str = "this kernel has no BTF";

/// A kernel that was built without BTF, with a file of it and without.
fn without_btf(plain: &Plan) -> [Plan; 2] {
    [
        Plan {
            name: "btf-file",
            before: &[
                "cp /sys/kernel/btf/vmlinux /run/btf",
                "mount -t tmpfs none /sys/kernel/btf",
            ],
            options: BY_FILE,
            steps: vec![Step::Attached, Step::Scenarios],
            attached: Attached {
                tracepoints: RAW,
                // Functions are found by the kernel's own.
                lacks: NO_BTF,
                ..Attached::default()
            },
            ..plain.clone()
        },
        Plan {
            name: "no-btf",
            before: &["mount -t tmpfs none /sys/kernel/btf"],
            steps: vec![Step::Attached],
            attached: Attached {
                refused: NO_BTF,
                ..Attached::default()
            },
            ..plain.clone()
        },
    ]
}

/// Each way to watch a teardown.
fn teardowns(plain: &Plan) -> [Plan; 3] {
    [
        ("fentry", FENTRY),
        ("kprobe", KPROBE),
        ("inferred", INFERRED),
    ]
    .map(|(name, options)| Plan {
        name,
        options,
        attached: Attached {
            teardown: name,
            ..plain.attached
        },
        ..plain.clone()
    })
}

/// Containers that share a pid namespace are told apart by names of cgroups, which programs may not read there.
const SHARED: &[&str] = &["shared-", "pid-host"];

/// A kernel that keeps its secrets, as with Secure Boot.
fn locked(plain: &Plan) -> [Plan; 2] {
    [
        (
            "lockdown-integrity",
            "lockdown=integrity",
            "integrity",
            &[][..],
        ),
        (
            "lockdown-confidentiality",
            "lockdown=confidentiality",
            "confidentiality",
            SHARED,
        ),
    ]
    .map(|(name, command_line, lockdown, silent)| Plan {
        name,
        command_line,
        silent,
        steps: vec![Step::Attached, Step::Scenarios],
        attached: Attached {
            lockdown,
            ..plain.attached
        },
        ..plain.clone()
    })
}

/// The shortest run that shows a broken kernel: everything once.
pub(super) fn quick(series: Series, seed: u64) -> Vec<Plan> {
    let mut plans = plans(series, seed);
    plans.retain(|plan| plan.name == QUICK);
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
    fn pods_are_run_on_each_kernel_by_each_runtime_but_not_in_the_quick_run() {
        let has_pods = |plan: &&Plan| plan.contents == Contents::Containerd;
        for series in SERIES {
            let plans = plans(*series, 1);
            let guests: Vec<&Plan> = plans.iter().filter(has_pods).collect();
            let [guest] = guests[..] else {
                panic!("{} guests of {}", guests.len(), series.name);
            };
            let script = guest.script();
            for runtime in RUNTIMES {
                let step = format!("step {runtime} {PODS_TIME} env ");
                assert!(script.contains(&step), "{script}");
                let variable = format!(" RINIT_TRACE_TEST_RUNTIME={runtime} ");
                assert!(script.contains(&variable), "{script}");
            }
            assert!(script.contains("step podman 900 env "), "{script}");
            assert!(!quick(*series, 1).iter().any(|plan| has_pods(&plan)));
        }
    }

    #[test]
    fn a_script_has_a_line_for_each_step() {
        let plan = Plan {
            name: "x",
            before: &["echo 600 >/proc/sys/kernel/pid_max"],
            options: KPROBE,
            steps: vec![Step::Attached, Step::Random(7, 42)],
            ..Plan::default()
        };
        let script = plan.script();
        let lines: Vec<&str> = script.lines().collect();
        assert_eq!(
            lines[..6],
            [
                "cat >/run/rinit-trace <<'END'",
                "#!/bin/sh",
                "export RINIT_TRACE_TEARDOWN=kprobe",
                "exec /usr/bin/rinit-trace \"$@\"",
                "END",
                "chmod +x /run/rinit-trace",
            ]
        );
        assert_eq!(lines[6], "echo 600 >/proc/sys/kernel/pid_max");
        assert_eq!(
            lines[7],
            "step attached 60 /run/rinit-trace system-info -o json"
        );
        assert!(lines[8].starts_with("step random-7 900 env "), "{script}");
        assert!(lines[8].contains(" RINIT_TRACE_TEST_RANDOM=7 RINIT_TRACE_TEST_SEED=42 "));
        assert_eq!(lines.len(), 9);
        assert_eq!(plan.seconds(), 60 + 900 + BOOT_TIME);
    }
}
