//! The demo's scenarios: what runs, how it is stopped. What must come of it is no part of the program: the repository
//! has it in `tests/expectations.toml`.

mod groups;
mod inits;
mod kills;
mod pid_one;
mod shared;
mod signals;

use std::time::Duration;

use rinit_trace_core::model::Signal;

/// One workload and how it is stopped.
#[derive(Debug)]
pub struct Scenario {
    /// What to call it.
    pub name: &'static str,
    /// One line for the list.
    pub about: &'static str,
    /// What runs in a namespace of its own.
    pub program: Program,
    /// How often `ready` is said before the stop.
    pub ready: usize,
    /// How it is stopped.
    pub stop: Stop,
    /// The same as a shell script, for Docker.
    pub docker: Option<DockerForm>,
}

/// What is PID 1.
#[derive(Debug, Clone, Copy)]
pub enum Program {
    /// One of [`super::workload`], with its children.
    Own(&'static [&'static str]),
    /// An init from this system with its options, over one of [`super::workload`].
    Under(&'static [&'static str], &'static [&'static str]),
    /// The same where the workload is told of a cgroup with a memory limit: `CGROUP` in it is replaced.
    UnderWithLimit(&'static [&'static str], &'static [&'static str]),
    /// `bash -c`; ready as well only when bash waits for a child of this name.
    Bash(&'static str, &'static str),
    /// `bash run.sh`, beside the program that it starts.
    Script(Server, &'static str),
    /// `python3 app.py`
    Python,
    /// A container, also without `--docker`.
    Docker,
    /// One of [`super::workload`], with its children, as [`Program::UnderWithLimit`] has it.
    OwnWithLimit(&'static [&'static str]),
    /// One of [`super::workload`], with its children; `CGROUP` in them is one that is frozen before the stop.
    OwnWithFreezer(&'static [&'static str]),
    /// One of [`super::workload`], with its children; `CGROUP` in them is that of a container within this one.
    OwnWithContainer(&'static [&'static str]),
    /// One of [`super::workload`], with its children, as a container in the host's pid namespace.
    OnHost(&'static [&'static str]),
    /// The same in a cgroup right below that of the container, as crun has it.
    OnHostBelow(&'static [&'static str]),
    /// A supervisor over one service, which is one of [`super::workload`].
    Supervisor(Supervisor, &'static str),
}

/// Who starts services and looks after them.
#[derive(Debug, Clone, Copy)]
pub enum Supervisor {
    /// `s6-svscan`; it gives a service half a second from SIGTERM to SIGKILL.
    S6,
    /// `runsvdir`
    Runit,
}

/// What `run.sh` starts.
#[derive(Debug, Clone, Copy)]
pub enum Server {
    /// A JVM where there is one, else Python with a handler.
    JavaOrPython,
    /// Python with a handler.
    Python,
    /// Python without.
    PythonWithoutHandler,
}

/// How it is stopped.
#[derive(Debug, Clone, Copy)]
pub enum Stop {
    /// SIGTERM, the grace period, SIGKILL, as a runtime does.
    Runtime(Duration),
    /// Not at all: a line on its input, and it ends by itself.
    ByItself,
    /// SIGTERM; a line on its input, and `ready` is said as often again; when the time is over SIGKILL.
    Stale {
        /// How often.
        ready: usize,
        /// From SIGTERM to SIGKILL, at least.
        age: Duration,
    },
    /// SIGKILL at once, as by `docker kill`.
    Kill,
    /// The same by `docker rm -f`: in Docker only.
    Remove,
    /// A line on its input, and `ready` is said once more; then as [`Stop::Runtime`].
    ToldFirst(Duration),
    /// As [`Stop::Runtime`], while a session is there that entered from outside.
    Entered(Session, Duration),
    /// SIGTERM, when one member is frozen, and nothing more until the report has come.
    Frozen,
    /// As [`Stop::Runtime`], started again at once, and stopped again.
    Restart(Duration),
    /// As [`Stop::Runtime`], so many at one instant.
    Crowd(usize, Duration),
    /// The same as `Runtime` by the configured stop signal, which the tracer is told of.
    RuntimeBy(Signal, Duration),
    /// A process of the host that is no runtime sends this signal. If PID 1 drops it, and that was told, a line on its
    /// input, and it ends by itself.
    Outsider(Signal),
    /// SIGTERM, the grace period, SIGKILL to one of two containers in one pid namespace.
    Guest(Guest),
}

/// Another container in the pid namespace of the workload.
#[derive(Debug, Clone, Copy)]
pub struct Guest {
    /// One of [`super::workload`], with its children.
    pub programs: &'static [&'static str],
    /// The same for `sh -c`, by `docker run --pid=container:X`.
    pub script: &'static str,
    /// How often `ready` is said.
    pub ready: usize,
    /// Who is stopped.
    pub first: First,
    /// From SIGTERM to SIGKILL.
    pub grace: Duration,
}

/// Which of two containers in one pid namespace is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// The one whose init it has: both end, and have a report.
    Owner,
    /// The other; whoever it leaves is killed one by one.
    Guest,
    /// The same, through `cgroup.kill`.
    GuestByCgroupKill,
}

/// What enters a running workload.
#[derive(Debug, Clone, Copy)]
pub struct Session {
    /// One of [`super::workload`], with its children.
    pub programs: &'static [&'static str],
    /// The same for `sh -c`, by `docker exec`.
    pub script: &'static str,
    /// How often `ready` is said.
    pub ready: usize,
}

impl Stop {
    /// From SIGTERM to SIGKILL; none where SIGKILL does not follow.
    pub fn grace(self) -> Option<Duration> {
        match self {
            Self::Runtime(grace)
            | Self::ToldFirst(grace)
            | Self::Entered(_, grace)
            | Self::Restart(grace)
            | Self::Crowd(_, grace)
            | Self::RuntimeBy(_, grace) => Some(grace),
            Self::Stale { age, .. } => Some(age),
            Self::Guest(guest) => Some(guest.grace),
            Self::ByItself | Self::Kill | Self::Remove | Self::Frozen | Self::Outsider(_) => None,
        }
    }

    /// The configured stop signal; none where it is not told.
    pub fn signal(self) -> Option<Signal> {
        match self {
            Self::RuntimeBy(signal, _) => Some(signal),
            _ => None,
        }
    }

    /// How many run at a time.
    pub fn workloads(self) -> usize {
        match self {
            Self::Crowd(count, _) => count,
            _ => 1,
        }
    }

    /// How often each is stopped, and started again.
    pub fn rounds(self) -> usize {
        match self {
            Self::Restart(_) => 2,
            _ => 1,
        }
    }
}

impl Scenario {
    /// How many reports come of it.
    pub fn reports(&self) -> usize {
        let both_end = match self.stop {
            Stop::Guest(guest) => guest.first == First::Owner,
            _ => matches!(self.program, Program::OwnWithContainer(_)),
        };
        let ended = if both_end { 2 } else { 1 };
        ended * self.stop.workloads() * self.stop.rounds()
    }
}

/// How a scenario runs in a container.
#[derive(Debug, Clone, Copy)]
pub struct DockerForm {
    /// For `sh -c`.
    pub script: &'static str,
    /// How often it says `ready`.
    pub ready: usize,
    /// With `--init`.
    pub init: bool,
    /// For `docker stop -t`.
    pub grace: Duration,
}

/// Scenarios that belong together.
#[derive(Debug)]
pub struct Group {
    /// A heading.
    pub title: &'static str,
    /// In the order of the list.
    pub scenarios: &'static [Scenario],
}

/// All scenarios.
pub const GROUPS: &[Group] = &[
    pid_one::STOP_SIGNAL,
    pid_one::THE_OTHERS,
    inits::TINI,
    inits::OTHER_INITS,
    groups::MAIN_CHILD,
    groups::ESCAPES,
    kills::AT_ONCE,
    kills::OUT_OF_MEMORY,
    kills::SUPERVISORS,
    kills::ENTERED,
    shared::SHARED,
    shared::NESTED,
    kills::SEVERAL,
    kills::NEVER,
    signals::OTHERS,
    signals::STARTING,
    signals::TRACED,
    signals::SENDERS,
    signals::MEMBERS,
];

/// For stops that are expected to end by themselves: nobody waits for it.
const AMPLE: Stop = Stop::Runtime(Duration::from_secs(10));

/// For stops that only SIGKILL ends.
const SHORT: Stop = Stop::Runtime(Duration::from_millis(400));

/// All scenarios, in the order of the list.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    GROUPS.iter().flat_map(|group| group.scenarios)
}

/// A scenario by name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    all().find(|scenario| scenario.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Where the programs of the others are, no container is.
    #[test]
    fn what_docker_alone_can_do_runs_in_docker() {
        for scenario in all() {
            let in_docker_only = matches!(scenario.program, Program::Docker);
            assert!(
                !in_docker_only || scenario.docker.is_some(),
                "{}",
                scenario.name
            );
            let removes = matches!(scenario.stop, Stop::Remove);
            assert!(!removes || in_docker_only, "{}", scenario.name);
        }
    }

    #[test]
    fn a_scenario_is_stopped_once_unless_it_says_so() {
        let stops = |name: &str| find(name).map(Scenario::reports);
        assert_eq!(stops("init-exits"), Some(1));
        assert_eq!(stops("shared-owner-first"), Some(2));
        assert_eq!(stops("shared-guest-first"), Some(1));
        assert_eq!(stops("restart"), Some(2));
        assert_eq!(stops("crowd"), Some(50));
    }

    #[test]
    fn names_are_unique_and_no_commands() {
        let names: Vec<&str> = all().map(|scenario| scenario.name).collect();
        let distinct: HashSet<&str> = names.iter().copied().collect();
        assert_eq!(distinct.len(), names.len());
        assert!(!distinct.contains("all"));
        assert!(find("init-exits").is_some_and(|scenario| scenario.name == "init-exits"));
        assert!(find("init-waits").is_none());
    }
}
