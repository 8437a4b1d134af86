//! `pidns-owner-exited`

use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// Of one that shares it: order.
pub const OWNER_LAST: Fix = Fix::new(
    "stop the container that shares the namespace before the one that owns it (depends_on in a compose file)",
    &[Diff {
        file: "compose.yaml",
        lines: &[
            "   debug:",
            "     pid: \"service:web\"",
            "+    depends_on: [web]",
        ],
    }],
);

/// Of one that shares it: none of it.
pub const OWN_NAMESPACE: Fix = Fix::new(
    "or give this container a pid namespace of its own: no --pid=container:X, no shareProcessNamespace",
    &[
        Diff {
            file: "compose.yaml",
            lines: &["   debug:", "-    pid: \"service:web\""],
        },
        Diff {
            file: "pod.yaml",
            lines: &[" spec:", "-  shareProcessNamespace: true", "   containers:"],
        },
    ],
);

/// Of one within another.
pub const OUTER_WAITS: Fix = Fix::new(
    "let the outer container stop its containers, and wait for them, before its PID 1 ends",
    &[],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "the end of another container, which owned the pid namespace, killed it",
    what: "The container ran in the pid namespace of another one (docker run --pid=container:X, a pod with shareProcessNamespace), or in one within another's (Docker in Docker). PID 1 of that namespace is the other container's main process, or pause; when it ended the kernel killed everybody in the namespace and below.",
    kernel: &[kernel::TEARDOWN],
    see: &[
        Look {
            run: "docker inspect -f '{{.HostConfig.PidMode}}' debug",
            shows: "container:… with the id of the owner",
        },
        Look {
            run: "lsns -t pid -o NS,NPROCS,PID,COMMAND",
            shows: "pid namespaces, each with its first process",
        },
    ],
    shown_by: &[
        (
            "stop.trigger",
            "owner-exit, when nothing had begun a stop before",
        ),
        ("cause.summary", "whose end it was, with its host pid"),
        ("processes[].killed_by", "pidns-teardown"),
    ],
    fixes: &[&OWNER_LAST, &OWN_NAMESPACE, &OUTER_WAITS],
    limits: &["Whether the owner's end was asked for is told by the owner's own report."],
    close: Some(Close {
        scenario: "init-exits",
        why: "a pid namespace is torn down there, too, by the end of the container's own PID 1: not-forwarded.",
    }),
};
