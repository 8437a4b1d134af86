//! `grace-exceeded`

use super::EVENTS;
use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// The cure.
pub const END_SOONER: Fix = Fix::new(
    "find what the shutdown waits for and end it sooner (open connections, a foreground command of a shell, a child that does not stop)",
    &[Diff {
        file: "entrypoint.sh",
        lines: &[
            " trap 'cleanup; exit 0' TERM",
            "-sleep infinity",
            "+sleep infinity &",
            "+wait \"$!\"",
        ],
    }],
);

/// Where a hook takes a part of the time.
pub const SHORTER_PRE_STOP: Fix = Fix::new(
    "or make the preStop hook shorter: the grace period begins with it, and what it takes is missing after the signal",
    &[Diff {
        file: "pod.yaml",
        lines: &[
            "   lifecycle:",
            "     preStop:",
            "-      sleep: {seconds: 25}",
            "+      sleep: {seconds: 5}",
        ],
    }],
);

/// The other one.
pub const MORE_TIME: Fix = Fix::new(
    "or give it more time: docker stop -t, --stop-timeout, terminationGracePeriodSeconds",
    &[
        Diff {
            file: "compose.yaml",
            lines: &["   web:", "     image: shop", "+    stop_grace_period: 45s"],
        },
        Diff {
            file: "pod.yaml",
            lines: &[
                " spec:",
                "+  terminationGracePeriodSeconds: 60",
                "   containers:",
            ],
        },
    ],
);

/// Of a program of which nothing shows that it was ending.
pub const END_AT_ALL: Fix = Fix::new(
    "or, where the handler means something else, let it end the program: `exit` in a trap",
    &[Diff {
        file: "entrypoint.sh",
        lines: &[
            "-trap 'echo stopping' TERM",
            "+trap 'echo stopping; exit 0' TERM",
        ],
    }],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "PID 1 took the stop signal and was not done when SIGKILL came",
    what: "PID 1 took the signal, and PID 1, or a member that it waited for, was not done when the grace period was over. A shell runs its trap only after the foreground command has ended; an init waits for its main child, which may ignore the signal.",
    kernel: &[kernel::SIGKILL, kernel::TEARDOWN],
    see: &[
        EVENTS,
        Look {
            run: "docker inspect -f '{{.Config.StopTimeout}}' web",
            shows: "the configured grace period in seconds; <nil> means 10",
        },
        Look {
            run: "docker top web -o pid,ppid,stat,etime,comm",
            shows: "while it stops: who is still there",
        },
    ],
    shown_by: &[
        ("stop.taken", "true"),
        ("stop.kill", "when SIGKILL came, and from whom"),
        ("stop.grace_used_ms", "how long the runtime waited"),
        (
            "processes[].outcome",
            "killed-handling, killed-ignoring: who was not done",
        ),
    ],
    fixes: &[&END_SOONER, &SHORTER_PRE_STOP, &MORE_TIME, &END_AT_ALL],
    limits: &[
        "grace_ms is what is configured; `docker stop -t`, and the kubelet, which deducts the time of a preStop hook, may have used another. What counts is grace_used_ms.",
        "It is certain only where PID 1 passed the signal on and was left waiting: tini and its like for their child, any other program for a member that handled or ignored the signal, and it had not begun a new child since. Otherwise it is likely, also where the taking of a signal could not be seen, or where PID 1 had become another program since.",
        "Of a preStop hook is known that it is configured, and not how long it took: it ends before the stop begins, and runs only when the kubelet stops the container.",
        "What PID 1 did in that time is not seen. A trap without `exit`, a handler that restarts workers or writes a dump, and one that only sets a flag which nobody reads look the same.",
    ],
    close: Some(Close {
        scenario: "waits-for-all-slow",
        why: "slow as well, and done before the grace period is over: graceful.",
    }),
};
