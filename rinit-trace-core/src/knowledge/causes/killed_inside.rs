//! `killed-inside`

use super::TREE;
use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// By another one.
pub const MORE_TIME_BEFORE: Fix = Fix::new(
    "find out why it was killed; a supervisor can give it more time before the SIGKILL (stopwaitsecs, timeout-kill), or let it end sooner",
    &[Diff {
        file: "supervisord.conf",
        lines: &[" [program:server]", "+stopwaitsecs=30"],
    }],
);

/// By itself.
pub const NOT_BY_SIGKILL: Fix = Fix::new(
    "let it end by exit, or by a signal that lets it clean up, and not by SIGKILL to itself",
    &[],
);

/// By the death of its parent.
pub const PARENT_WAITS: Fix = Fix::new(
    "let its parent wait for it before it ends, or ask for SIGTERM in place of SIGKILL (PR_SET_PDEATHSIG)",
    &[Diff {
        file: "server.c",
        lines: &[
            "-prctl(PR_SET_PDEATHSIG, SIGKILL);",
            "+prctl(PR_SET_PDEATHSIG, SIGTERM);",
        ],
    }],
);

/// By the end of an inner pid namespace.
pub const INNER_INIT_WAITS: Fix = Fix::new(
    "let the init of the inner pid namespace wait for the processes in it before it ends",
    &[],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "a member SIGKILLed another, or the end of a parent or inner init did",
    what: "The SIGKILL came from inside: a supervisor whose patience was over, a watchdog, the process itself, its parent's end (PR_SET_PDEATHSIG), or the end of the init of a pid namespace within the container (a browser's sandbox, bubblewrap).",
    kernel: &[kernel::SIGKILL, kernel::PARENT_DEATH, kernel::TEARDOWN],
    see: &[
        TREE,
        Look {
            run: "docker logs web",
            shows: "supervisors tell whom they kill (supervisord: `killing … with SIGKILL`)",
        },
    ],
    shown_by: &[
        (
            "processes[].killed_by",
            "peer, self, parent-death; pidns-teardown while PID 1 was there",
        ),
        ("signals[].from", "the pid that sent it"),
    ],
    fixes: &[
        &MORE_TIME_BEFORE,
        &NOT_BY_SIGKILL,
        &PARENT_WAITS,
        &INNER_INIT_WAITS,
    ],
    limits: &[
        "It may be by design: s6 ends every stop with SIGKILL to all.",
        "A kill while the container goes on is no stop and has no report: one line on stderr tells of it.",
    ],
    close: Some(Close {
        scenario: "s6-in-time",
        why: "the same supervisor, with a service that ends before it is killed: graceful.",
    }),
};
