//! Which signal stops PID 1, when it comes, who sends it and who meets it.

use std::time::Duration;

use rinit_trace_core::model::Signal;

use super::{AMPLE, DockerForm, Group, Program, SHORT, Scenario, Server, Stop};

const LONG: Duration = Duration::from_secs(10);
const BRIEF: Duration = Duration::from_millis(400);
const DOCKER_BRIEF: Duration = Duration::from_secs(2);

/// With a handler.
macro_rules! handled {
    ($name:literal, $about:literal, $program:literal, $signal:expr, $script:literal) => {
        Scenario {
            name: $name,
            about: $about,
            program: Program::Own(&[$program]),
            ready: 1,
            stop: Stop::RuntimeBy($signal, LONG),
            docker: Some(DockerForm {
                script: $script,
                ready: 1,
                init: false,
                grace: LONG,
            }),
        }
    };
}

/// Without.
macro_rules! unhandled {
    ($name:literal, $about:literal, $program:literal, $signal:expr) => {
        Scenario {
            name: $name,
            about: $about,
            program: Program::Own(&[$program]),
            ready: 1,
            stop: Stop::RuntimeBy($signal, BRIEF),
            docker: Some(DockerForm {
                script: "echo ready; while :; do sleep 60; done",
                ready: 1,
                init: false,
                grace: DOCKER_BRIEF,
            }),
        }
    };
}

pub(super) const OTHERS: Group = Group {
    title: "stop signals that are not SIGTERM",
    scenarios: &[
        Scenario {
            name: "handles-quit-only",
            about: "PID 1 handles SIGQUIT, as nginx does for a graceful end, and is stopped by SIGTERM",
            program: Program::Own(&["quit-only:signal=QUIT,handles=0"]),
            ready: 1,
            stop: SHORT,
            docker: None,
        },
        Scenario {
            name: "handles-winch-only",
            about: "the same with SIGWINCH, as Apache",
            program: Program::Own(&["winch-only:signal=WINCH,handles=0"]),
            ready: 1,
            stop: SHORT,
            docker: None,
        },
        Scenario {
            name: "handles-rtmin3-only",
            about: "the same with SIGRTMIN+3, as systemd",
            program: Program::Own(&["rtmin3-only:signal=RTMIN+3,handles=0"]),
            ready: 1,
            stop: SHORT,
            docker: None,
        },
        Scenario {
            name: "handles-quit-only-shell",
            about: "the same as a script with a trap for SIGQUIT",
            program: Program::Bash(
                "trap 'exit 0' QUIT; echo ready; while :; do sleep 1; done",
                "sleep",
            ),
            ready: 1,
            stop: SHORT,
            docker: Some(DockerForm {
                script: "trap 'exit 0' QUIT; echo ready; while :; do sleep 1; done",
                ready: 1,
                init: false,
                grace: DOCKER_BRIEF,
            }),
        },
        handled!(
            "stop-quit",
            "the cure: STOPSIGNAL SIGQUIT, and PID 1 handles it",
            "stop-quit:signal=QUIT,handles=0",
            Signal::QUIT,
            "trap 'exit 0' QUIT; echo ready; while :; do sleep 0.1; done"
        ),
        Scenario {
            name: "stop-quit-unhandled",
            about: "STOPSIGNAL SIGQUIT, and PID 1 has no handler for it",
            program: Program::Own(&["no-quit"]),
            ready: 1,
            stop: Stop::RuntimeBy(Signal::QUIT, BRIEF),
            docker: None,
        },
        Scenario {
            name: "stop-quit-shell",
            about: "STOPSIGNAL SIGQUIT, as in nginx's image, and PID 1 is a shell: those ignore it by themselves",
            program: Program::Bash("echo ready; while :; do sleep 60; done", "sleep"),
            ready: 1,
            stop: Stop::RuntimeBy(Signal::QUIT, BRIEF),
            docker: Some(DockerForm {
                script: "echo ready; while :; do sleep 60; done",
                ready: 1,
                init: false,
                grace: DOCKER_BRIEF,
            }),
        },
        handled!(
            "stop-usr1",
            "STOPSIGNAL SIGUSR1, as for haproxy, and PID 1 handles it",
            "stop-usr1:signal=USR1,handles=0",
            Signal::USR1,
            "trap 'exit 0' USR1; echo ready; while :; do sleep 0.1; done"
        ),
        unhandled!(
            "stop-usr1-unhandled",
            "STOPSIGNAL SIGUSR1, and PID 1 has no handler for it",
            "no-usr1",
            Signal::USR1
        ),
        handled!(
            "stop-winch",
            "STOPSIGNAL SIGWINCH, as for Apache, and PID 1 handles it",
            "stop-winch:signal=WINCH,handles=0",
            Signal::WINCH,
            "trap 'exit 0' WINCH; echo ready; while :; do sleep 0.1; done"
        ),
        unhandled!(
            "stop-winch-unhandled",
            "STOPSIGNAL SIGWINCH, and PID 1 has no handler for it",
            "no-winch",
            Signal::WINCH
        ),
        handled!(
            "stop-rtmin3",
            "STOPSIGNAL SIGRTMIN+3, as for systemd, and PID 1 handles it",
            "stop-rtmin3:signal=RTMIN+3,handles=0",
            Signal::RTMIN_3,
            "trap 'exit 0' 37; echo ready; while :; do sleep 0.1; done"
        ),
        unhandled!(
            "stop-rtmin3-unhandled",
            "STOPSIGNAL SIGRTMIN+3, and PID 1 has no handler for it",
            "no-rtmin3",
            Signal::RTMIN_3
        ),
    ],
};

pub(super) const STARTING: Group = Group {
    title: "the stop signal comes while PID 1 is starting",
    scenarios: &[
        Scenario {
            name: "startup-window",
            about: "SIGTERM comes before PID 1 has installed its handler, and is dropped",
            program: Program::Own(&["slow-start:handles=0,late"]),
            ready: 1,
            stop: Stop::Stale {
                ready: 1,
                age: BRIEF,
            },
            docker: None,
        },
        Scenario {
            name: "startup-window-exec",
            about: "SIGTERM comes while the entrypoint script prepares, and `exec` of the server comes later",
            program: Program::Script(
                Server::Python,
                "echo ready\nread -r prepared\nexec SERVER\n",
            ),
            ready: 1,
            stop: Stop::Stale {
                ready: 1,
                age: BRIEF,
            },
            docker: None,
        },
        Scenario {
            name: "startup-window-none",
            about: "the same, and SIGKILL comes before any handler has: it may have been starting, or never have one",
            program: Program::Own(&["slow-start:handles=0,late"]),
            ready: 1,
            stop: SHORT,
            docker: None,
        },
    ],
};

pub(super) const TRACED: Group = Group {
    title: "ptrace",
    scenarios: &[
        Scenario {
            name: "traced-init",
            about: "PID 1 without a handler under strace: SIGTERM is delivered, and nothing comes of it",
            program: Program::Under(&["strace", "-D", "-o", "/dev/null"], &["traced-init"]),
            ready: 1,
            stop: SHORT,
            docker: None,
        },
        Scenario {
            name: "traced-member",
            about: "SIGTERM would end the worker, but a debugger holds it back until dumb-init has left",
            program: Program::Under(
                &["dumb-init", "--"],
                &["app:handles=0", "worker>debugger:ignores,traces-parent"],
            ),
            ready: 3,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "traced-bystander",
            about: "the same debugger below a PID 1 without a handler: no signal comes to it, and it is not to blame",
            program: Program::Own(&["no-handler", "worker>debugger:ignores,traces-parent"]),
            ready: 3,
            stop: SHORT,
            docker: None,
        },
    ],
};

pub(super) const SENDERS: Group = Group {
    title: "kill, and not by the runtime",
    scenarios: &[
        Scenario {
            name: "kill-from-inside",
            about: "`kill -9 1` and `kill 1` inside do nothing to PID 1; then it is stopped by its STOPSIGNAL SIGQUIT",
            program: Program::Own(&[
                "survivor:signal=QUIT,handles=0,outlives-children",
                "kill-9:sends=KILL/1",
                "kill:sends=TERM/1",
            ]),
            ready: 1,
            stop: Stop::RuntimeBy(Signal::QUIT, LONG),
            docker: Some(DockerForm {
                script: "trap 'exit 0' QUIT; sh -c 'kill -9 1; kill 1'; echo ready; while :; do sleep 0.1; done",
                ready: 1,
                init: false,
                grace: LONG,
            }),
        },
        Scenario {
            name: "kill-from-inside-handled",
            about: "`kill 1` inside, and PID 1 handles SIGTERM: a stop that nobody outside asked for",
            program: Program::Own(&["asked-inside:handles=0,passes-on", "app:asks=TERM/1"]),
            ready: 2,
            stop: Stop::ByItself,
            docker: None,
        },
        Scenario {
            name: "kill-from-outside",
            about: "an operator on the host, and not the runtime, SIGKILLs PID 1",
            program: Program::Own(&["victim:handles=100"]),
            ready: 1,
            stop: Stop::Outsider(Signal::KILL),
            docker: None,
        },
        Scenario {
            name: "term-from-outside",
            about: "an operator on the host sends SIGTERM to PID 1, which has no handler and lives on: a warning, and no report yet",
            program: Program::Own(&["bystander:ends-on-line"]),
            ready: 1,
            stop: Stop::Outsider(Signal::TERM),
            docker: None,
        },
    ],
};

pub(super) const MEMBERS: Group = Group {
    title: "threads, crashes, orphans",
    scenarios: &[
        Scenario {
            name: "threads",
            about: "a server of 64 threads is one process that is torn down",
            program: Program::Own(&[
                "init-exits:handles=0",
                "many-threads:handles=100,threads=64",
            ]),
            ready: 2,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "thread-takes-signal",
            about: "PID 1 has a thread for signals, its leader blocks them, and its cleanup is longer than the grace period",
            program: Program::Own(&["thread-takes:handles=600000,other-thread"]),
            ready: 1,
            stop: Stop::Runtime(Duration::from_secs(1)),
            docker: None,
        },
        Scenario {
            name: "thread-takes-in-child",
            about: "the same as the main child of tini, which waits for it",
            program: Program::Under(
                &["tini", "--"],
                &["thread-takes:handles=600000,other-thread"],
            ),
            ready: 1,
            stop: Stop::Runtime(Duration::from_secs(1)),
            docker: None,
        },
        Scenario {
            name: "threads-block",
            about: "every thread of PID 1 blocks SIGTERM: nobody takes it",
            program: Program::Own(&["threads-block:blocks,threads=4"]),
            ready: 1,
            stop: SHORT,
            docker: None,
        },
        Scenario {
            name: "member-segv",
            about: "a member crashes in its cleanup, and the rest ends well: nobody was killed",
            program: Program::Own(&[
                "waits-for-all:handles=0,passes-on",
                "crasher:handles=0,crashes",
                "server:handles=100",
            ]),
            ready: 3,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "parent-death",
            about: "the app ends, and its helper, which is cleaning up, dies with it as it asked to (PR_SET_PDEATHSIG)",
            program: Program::Own(&[
                "waits-for-all:handles=0,passes-on",
                "app:handles=0,waits-for-taken=1>helper:handles=600000,says-taken,dies-with-parent",
            ]),
            ready: 3,
            stop: AMPLE,
            docker: None,
        },
    ],
};
