//! `no-stop-signal`

use super::EVENTS;
use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// The cure.
pub const DOCKER_STOP: Fix = Fix::new(
    "use `docker stop` in place of `docker kill` or `docker rm -f`",
    &[Diff {
        file: "deploy.sh",
        lines: &["-docker rm -f web", "+docker stop web && docker rm web"],
    }],
);

/// The other one.
pub const GRACE_ABOVE_ZERO: Fix = Fix::new(
    "give the stop a grace period above zero (docker stop -t, terminationGracePeriodSeconds)",
    &[
        Diff {
            file: "deploy.sh",
            lines: &["-docker stop -t 0 web", "+docker stop web"],
        },
        Diff {
            file: "pod.yaml",
            lines: &[
                " spec:",
                "-  terminationGracePeriodSeconds: 0",
                "+  terminationGracePeriodSeconds: 30",
            ],
        },
    ],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "the runtime SIGKILLed PID 1 without a stop signal before",
    what: "Somebody asked the runtime for a kill and not for a stop: docker kill, docker rm -f, a grace period of zero. No process heard of it before it was gone.",
    kernel: &[kernel::FORCED, kernel::SIGKILL, kernel::TEARDOWN],
    see: &[
        EVENTS,
        Look {
            run: "docker inspect -f '{{.State.ExitCode}}' web",
            shows: "137",
        },
    ],
    shown_by: &[
        ("stop.trigger", "sigkill or cgroup-kill"),
        ("stop.signal", "null"),
        ("stop.kill.sender", "the runtime"),
    ],
    fixes: &[&DOCKER_STOP, &GRACE_ABOVE_ZERO],
    limits: &[
        "Where a stop signal may have been sent before the trace began, or records were lost, that none was seen says nothing: unexplained.",
        "A signal that PID 1 was sent long before may have been the stop signal of this stop: then it is likely, and the summary says so.",
        "Who asked the runtime is not seen: only runc, or what else sent the signal.",
    ],
    close: Some(Close {
        scenario: "ignores-term",
        why: "nothing reacts before SIGKILL comes there either, but a stop signal had been sent: init-ignores-signal.",
    }),
};
