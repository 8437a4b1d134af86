//! `forwarded-to-child-only`

use super::{TREE, WHY_PID_1_CRASHED};
use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// Of tini.
pub const TINI_GROUP: Fix = Fix::new(
    "run tini with -g: the whole process group of its child gets the signal then",
    &[Diff {
        file: "Dockerfile",
        lines: &[
            "-ENTRYPOINT [\"tini\", \"--\"]",
            "+ENTRYPOINT [\"tini\", \"-g\", \"--\"]",
        ],
    }],
);

/// Of docker-init.
pub const DOCKER_INIT_GROUP: Fix = Fix::new(
    "set TINI_KILL_PROCESS_GROUP=1 in the container's environment (docker run -e): docker-init is tini, and has no other switch for its -g",
    &[Diff {
        file: "compose.yaml",
        lines: &[
            "   web:",
            "     init: true",
            "+    environment:",
            "+      TINI_KILL_PROCESS_GROUP: \"1\"",
        ],
    }],
);

/// Of dumb-init.
pub const DUMB_INIT_GROUP: Fix = Fix::new(
    "run dumb-init without -c (--single-child) and without DUMB_INIT_SETSID=0: the whole process group of its child gets the signal then",
    &[Diff {
        file: "Dockerfile",
        lines: &[
            "-ENTRYPOINT [\"dumb-init\", \"-c\", \"--\"]",
            "+ENTRYPOINT [\"dumb-init\", \"--\"]",
        ],
    }],
);

/// Of whom an init started.
pub const CHILD_PASSES_ON: Fix = Fix::new(
    "let the child pass {signal} on to its own children and wait for them before it ends",
    &[],
);

/// Of a shell.
pub const TRAP_SIGNALS_ALL: Fix = Fix::new(
    "in the trap, signal every child (`kill -TERM $(jobs -p)`) and `wait` for all before `exit`",
    &[Diff {
        file: "entrypoint.sh",
        lines: &[
            "-trap 'kill -TERM \"$server\"; exit' TERM",
            "+trap 'kill -TERM $(jobs -p); wait; exit' TERM",
        ],
    }],
);

/// Of another PID 1.
pub const PASS_TO_EVERY_CHILD: Fix = Fix::new(
    "let PID 1 pass {signal} on to every child and wait for all of them before it ends",
    &[],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "PID 1 passed the stop signal on to some member, and not to the victims",
    what: "tini, docker run --init and catatonit signal the child that they started, and nobody else; a shell's trap signals whom it names. Whoever else ran was never signalled, and the kernel killed them when PID 1 left.",
    kernel: &[kernel::TEARDOWN],
    see: &[
        TREE,
        Look {
            run: "tr '\\0' ' ' </proc/$(docker inspect -f '{{.State.Pid}}' web)/cmdline",
            shows: "the init and its options: no -g",
        },
        Look {
            run: "docker inspect -f '{{.State.ExitCode}}' web",
            shows: "143 or 0, as if all were well",
        },
    ],
    shown_by: &[
        ("signals[]", "SIGTERM from PID 1 to its child alone"),
        ("processes[].stop_signal.received", "0 for the victims"),
        ("processes[].killed_by", "pidns-teardown"),
    ],
    fixes: &[
        &TINI_GROUP,
        &DOCKER_INIT_GROUP,
        &DUMB_INIT_GROUP,
        &CHILD_PASSES_ON,
        &TRAP_SIGNALS_ALL,
        &PASS_TO_EVERY_CHILD,
        &WHY_PID_1_CRASHED,
    ],
    limits: &[
        "A group signal reaches all of the group, and none of the inits waits for more than its main child: with -g the cause may become init-exited-early.",
        "It is likely, not certain, when PID 1 crashed, or where the taking of the signal could not be seen.",
    ],
    close: Some(Close {
        scenario: "tini-group",
        why: "the same workload under tini -g: everybody is signalled, and the stop is graceful.",
    }),
};
