//! The demo's scenarios.

use std::time::Duration;

/// One workload and how it is stopped.
#[derive(Debug)]
pub struct Scenario {
    /// What to call it.
    pub name: &'static str,
    /// One line for the list.
    pub about: &'static str,
    /// What runs in a namespace of its own.
    pub program: Program,
    /// The same as a shell script, for Docker.
    pub script: &'static str,
    /// Processes that say `ready` before the stop.
    pub ready: usize,
    /// Time between SIGTERM and SIGKILL.
    pub grace: Duration,
}

/// What is PID 1.
#[derive(Debug, Clone, Copy)]
pub enum Program {
    /// One of [`super::workload`].
    Own(&'static str),
    /// `/bin/sh -c`
    Shell(&'static str),
}

/// All scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "shell-no-trap",
        about: "a shell as PID 1 without a trap: SIGTERM is dropped, SIGKILL ends it",
        program: Program::Shell("echo ready; while :; do sleep 1; done"),
        script: "echo ready; while :; do sleep 1; done",
        ready: 1,
        grace: Duration::from_secs(2),
    },
    Scenario {
        name: "init-exits",
        about: "PID 1 handles SIGTERM and exits at once; its child, with a handler too, is torn down",
        program: Program::Own("init-exits"),
        script: "sh -c 'trap \"sleep 1; exit 0\" TERM; echo ready; while :; do sleep 0.1; done' & \
                 trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done",
        ready: 2,
        grace: Duration::from_secs(2),
    },
    Scenario {
        name: "init-waits",
        about: "PID 1 passes SIGTERM on and leaves when its child has cleaned up: how it should be",
        program: Program::Own("init-waits"),
        script: "sh -c 'trap \"exit 0\" TERM; echo ready; while :; do sleep 0.1; done' & child=$!; \
                 trap 'kill -TERM $child; wait $child; exit 0' TERM; echo ready; wait $child",
        ready: 2,
        grace: Duration::from_secs(5),
    },
];

/// A scenario by name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}
