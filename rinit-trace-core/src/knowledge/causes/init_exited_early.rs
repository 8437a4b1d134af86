//! `init-exited-early`

use super::{INIT_THAT_WAITS, TREE, WHY_PID_1_CRASHED};
use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// Of who ignores it.
pub const REACT: Fix = Fix::new(
    "let {names} react to {signal}, which is set to SIG_IGN",
    &[],
);

/// Of whom an init started.
pub const MAIN_CHILD_WAITS: Fix = Fix::new(
    "let the main child wait for its own children before it ends",
    &[Diff {
        file: "entrypoint.sh",
        lines: &[
            "+trap : TERM",
            " ./worker &",
            "-./server",
            "+./server &",
            "+until wait; do :; done",
        ],
    }],
);

/// Of a shell.
pub const TRAP_WAITS: Fix = Fix::new(
    "in the trap, `wait` for every child before `exit`",
    &[Diff {
        file: "entrypoint.sh",
        lines: &[
            "-trap 'kill -TERM $(jobs -p); exit' TERM",
            "+trap 'kill -TERM $(jobs -p); wait; exit' TERM",
        ],
    }],
);

/// Of another PID 1.
pub const INIT_WAITS: Fix = Fix::new("let PID 1 wait for all its children before it ends", &[]);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "every victim had been signalled, but PID 1 left before they were done",
    what: "Everybody got the stop signal, and PID 1 left as soon as its main child had ended, without waiting for the others. It is a race: who is quick ends in time, and who has something to write is killed. dumb-init sends a parting SIGTERM and leaves at once; tini leaves as well.",
    kernel: &[kernel::TEARDOWN],
    see: &[
        TREE,
        Look {
            run: "docker inspect -f '{{.State.ExitCode}}' web",
            shows: "the code of the main child, as if all were well",
        },
    ],
    shown_by: &[
        (
            "processes[].stop_signal.received",
            "1 or more for the victims",
        ),
        (
            "processes[].outcome",
            "killed-handling, killed-pending or killed-ignoring",
        ),
        ("processes[].killed_by", "pidns-teardown"),
        (
            "processes[].exit.at_ms",
            "the main child, PID 1, and then the victims",
        ),
    ],
    fixes: &[
        &REACT,
        &MAIN_CHILD_WAITS,
        &TRAP_WAITS,
        &INIT_WAITS,
        &INIT_THAT_WAITS,
        &WHY_PID_1_CRASHED,
    ],
    limits: &[
        "Whether it happens depends on milliseconds: one graceful stop proves nothing.",
        "Some were perhaps about to end; the report shows only that they had not.",
    ],
    close: Some(Close {
        scenario: "waits-for-all-slow",
        why: "slow handlers as well, and a PID 1 that waits for them: graceful.",
    }),
};
