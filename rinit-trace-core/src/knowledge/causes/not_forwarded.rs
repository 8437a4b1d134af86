//! `not-forwarded`

use super::{TREE, WHY_PID_1_CRASHED};
use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// Of a shell.
pub const TRAP_SIGNALS_CHILD: Fix = Fix::new(
    "in the trap, `kill -TERM \"$child\"` and `wait \"$child\"` before `exit`",
    &[Diff {
        file: "entrypoint.sh",
        lines: &[
            " ./server &",
            " child=$!",
            "-trap 'exit 0' TERM",
            "+trap 'kill -TERM \"$child\"; wait \"$child\"; exit' TERM",
            " wait \"$child\"",
        ],
    }],
);

/// Of a shell, the other one.
pub const EXEC_SERVER: Fix = Fix::new(
    "or `exec` the server, so that it is PID 1 and gets the signal itself",
    &[Diff {
        file: "entrypoint.sh",
        lines: &["-./server", "+exec ./server"],
    }],
);

/// Of another PID 1.
pub const PASS_ON: Fix = Fix::new(
    "let PID 1 pass {signal} on to its children and wait for them before it ends",
    &[],
);

/// Of an init that left with an error.
pub const SAME_USER: Fix = Fix::new(
    "let PID 1 have the uid of the program that it passes signals on to, or root's: look at what it says on stderr when it leaves",
    &[],
);

/// Of another PID 1, the other one.
pub const BE_PID_1: Fix = Fix::new(
    "or let the program that needs the signal be PID 1",
    &[Diff {
        file: "Dockerfile",
        lines: &[
            "-CMD [\"npm\", \"start\"]",
            "+CMD [\"node\", \"server.js\"]",
        ],
    }],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "PID 1 took the stop signal and ended; it passed it on to nobody",
    what: "PID 1 reacted, and ended without a word to the others: a trap that only exits, a wrapper such as npm, a supervisor that does not relay. The kernel killed them with the pid namespace. The exit code of the container hides it: it is that of PID 1.",
    kernel: &[kernel::TEARDOWN],
    see: &[
        TREE,
        Look {
            run: "docker inspect -f '{{.State.ExitCode}}' web",
            shows: "0 or 143, as if all were well",
        },
        Look {
            run: "time docker stop web",
            shows: "no time at all, with a server that needs some",
        },
    ],
    shown_by: &[
        ("stop.taken", "true"),
        ("processes[0].outcome", "exited or terminated"),
        ("processes[].stop_signal.received", "0 for all others"),
        ("processes[].killed_by", "pidns-teardown"),
    ],
    fixes: &[
        &TRAP_SIGNALS_CHILD,
        &EXEC_SERVER,
        &PASS_ON,
        &BE_PID_1,
        &SAME_USER,
        &WHY_PID_1_CRASHED,
    ],
    limits: &[
        "It is likely, not certain, when an init that passes signals on left with an error: kill(2) that the kernel refuses is not recorded. tini with uid 1000 may not signal a child with uid 0 (EPERM), and leaves then.",
        "It is likely, not certain, when another member signalled somebody: a helper of PID 1 may have (`pkill` in a trap).",
        "PID 1 may have asked the others to end without a signal, by a pipe or a socket. What is sure is that they were killed.",
    ],
    close: Some(Close {
        scenario: "waits-for-all",
        why: "PID 1 signals its children and waits for them: graceful.",
    }),
};
