//! A program of one's own as PID 1, without an init.

use std::time::Duration;

use super::{AMPLE, DockerForm, Group, Program, SHORT, Scenario, Server, Stop};

const GRACE: Duration = Duration::from_secs(2);
const SECONDS: Duration = Duration::from_secs(10);

pub(super) const STOP_SIGNAL: Group = Group {
    title: "PID 1 and the stop signal",
    scenarios: &[
        Scenario {
            name: "shell-no-trap",
            about: "a shell as PID 1 without a trap: SIGTERM is dropped, SIGKILL ends it",
            program: Program::Bash("echo ready; while :; do sleep 60; done", "sleep"),
            ready: 1,
            stop: SHORT,
            docker: Some(DockerForm {
                script: "echo ready; while :; do sleep 60; done",
                ready: 1,
                init: false,
                grace: GRACE,
            }),
        },
        Scenario {
            name: "shell-trap",
            about: "the same with a trap, which runs when the foreground command has ended",
            program: Program::Bash(
                "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 1; done",
                "sleep",
            ),
            ready: 1,
            stop: AMPLE,
            docker: Some(DockerForm {
                script: "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 1; done",
                ready: 1,
                init: false,
                grace: SECONDS,
            }),
        },
        Scenario {
            name: "shell-over-server",
            about: "an entrypoint script starts a server, a JVM where there is one, and waits: the server never hears of SIGTERM",
            program: Program::Script(
                Server::JavaOrPython,
                "# The usual entrypoint: it prepares something, then starts the server.\nSERVER &\nwait\n",
            ),
            ready: 1,
            stop: Stop::Runtime(GRACE),
            docker: None,
        },
        Scenario {
            name: "python-under-bash",
            about: "the same with a python program that has no handler: nothing to lose but the time",
            program: Program::Script(
                Server::PythonWithoutHandler,
                "SERVER\necho \"the service has ended\"\n",
            ),
            ready: 1,
            stop: Stop::Runtime(GRACE),
            docker: None,
        },
        Scenario {
            name: "python-alone",
            about: "a python program without a handler as PID 1: for it, too, SIGTERM is dropped",
            program: Program::Python,
            ready: 1,
            stop: SHORT,
            docker: None,
        },
        Scenario {
            name: "exec-form",
            about: "the cure: the script ends in `exec`, and the server handles SIGTERM as PID 1",
            program: Program::Script(Server::Python, "exec SERVER\n"),
            ready: 1,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "ignores-term",
            about: "PID 1 has set SIGTERM to SIG_IGN",
            program: Program::Own(&["ignores-term:ignores"]),
            ready: 1,
            stop: SHORT,
            docker: Some(DockerForm {
                script: "trap '' TERM; echo ready; while :; do sleep 60; done",
                ready: 1,
                init: false,
                grace: GRACE,
            }),
        },
        Scenario {
            name: "blocks-term",
            about: "PID 1 blocks SIGTERM and never takes it: it stays pending until SIGKILL",
            program: Program::Own(&["blocks-term:blocks"]),
            ready: 1,
            stop: SHORT,
            docker: None,
        },
        Scenario {
            name: "slow-shutdown",
            about: "PID 1 takes SIGTERM, and its cleanup is longer than the grace period",
            program: Program::Own(&["slow-shutdown:handles=600000"]),
            ready: 1,
            // Of which a slow machine takes some until the handler runs.
            stop: Stop::Runtime(Duration::from_millis(1_200)),
            docker: Some(DockerForm {
                script: "trap 'sleep 600' TERM; echo ready; while :; do sleep 1; done",
                ready: 1,
                init: false,
                grace: GRACE,
            }),
        },
        Scenario {
            name: "stale-dropped",
            about: "SIGTERM is dropped, workers come and go, and only much later (here: 3 s) comes SIGKILL",
            program: Program::Own(&["recycler:recycles=3"]),
            ready: 2,
            stop: Stop::Stale {
                ready: 3,
                age: Duration::from_secs(3),
            },
            docker: None,
        },
    ],
};

pub(super) const THE_OTHERS: Group = Group {
    title: "PID 1 takes the stop signal, and the others?",
    scenarios: &[
        Scenario {
            name: "init-exits",
            about: "PID 1 handles SIGTERM and exits at once; its child, with a handler too, is torn down",
            program: Program::Own(&["init-exits:handles=0", "server:handles=100"]),
            ready: 2,
            stop: Stop::Runtime(GRACE),
            docker: Some(DockerForm {
                script: "sh -c 'trap \"sleep 1; exit 0\" TERM; echo ready; while :; do sleep 0.1; done' & \
                         trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done",
                ready: 2,
                init: false,
                grace: GRACE,
            }),
        },
        Scenario {
            name: "waits-for-all",
            about: "PID 1 passes SIGTERM on to all and leaves when no child is left: how it should be",
            program: Program::Own(&[
                "waits-for-all:handles=0,passes-on",
                "app:handles=0>server:handles=100,own-session",
            ]),
            ready: 3,
            stop: AMPLE,
            docker: Some(DockerForm {
                script: "sh -c 'trap \"exit 0\" TERM; echo ready; while :; do sleep 0.1; done' & child=$!; \
                         trap 'kill -TERM $child; wait $child; exit 0' TERM; echo ready; wait $child",
                ready: 2,
                init: false,
                grace: SECONDS,
            }),
        },
        Scenario {
            name: "waits-for-all-slow",
            about: "the same with cleanups of a second: nobody is in a hurry",
            program: Program::Own(&[
                "waits-for-all:handles=0,passes-on",
                "app:handles=1000>server:handles=1000,own-session",
            ]),
            ready: 3,
            stop: AMPLE,
            docker: Some(DockerForm {
                script: "sh -c 'trap \"sleep 1; exit 0\" TERM; echo ready; while :; do sleep 0.1; done' & child=$!; \
                         trap 'kill -TERM $child; wait $child; exit 0' TERM; echo ready; wait $child",
                ready: 2,
                init: false,
                grace: SECONDS,
            }),
        },
        Scenario {
            name: "zombies",
            about: "PID 1 never reaps: three zombies, which are no processes any more when it is stopped",
            program: Program::Own(&["never-reaps:handles=0,zombies=3"]),
            ready: 1,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "init-ends",
            about: "PID 1 ends by itself, and nobody had asked it to: its child is torn down",
            program: Program::Own(&["app:ends-on-line", "server:handles=100"]),
            ready: 2,
            stop: Stop::ByItself,
            docker: None,
        },
        Scenario {
            name: "cpu-limit",
            about: "a worker needs more processor time to clean up than RLIMIT_CPU leaves it: a SIGKILL without a cause of its own",
            program: Program::Own(&["app:handles=0,passes-on", "worker:handles=0,burns"]),
            ready: 2,
            stop: AMPLE,
            docker: None,
        },
    ],
};
