//! `init-exited`

use super::{INIT_THAT_WAITS, TREE};
use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// The cure.
pub const STOP_CHILDREN: Fix = Fix::new(
    "let PID 1 stop its children and wait for them before it ends",
    &[Diff {
        file: "entrypoint.sh",
        lines: &[
            " ./worker &",
            "+worker=$!",
            " ./server",
            "+kill \"$worker\"",
            "+wait",
        ],
    }],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "nobody sent a stop signal: PID 1 ended by itself with members left",
    what: "PID 1 had done its work, or crashed, while other processes still ran, and the kernel killed them with the pid namespace.",
    kernel: &[kernel::TEARDOWN],
    see: &[
        TREE,
        Look {
            run: "docker inspect -f '{{.State.ExitCode}} {{.State.FinishedAt}}' web",
            shows: "the code of PID 1; it says nothing of the others",
        },
    ],
    shown_by: &[
        ("stop.trigger", "init-exit or main-child-exit"),
        ("stop.signal", "null"),
        ("processes[0].outcome", "exited or terminated"),
        ("processes[].killed_by", "pidns-teardown"),
    ],
    fixes: &[&STOP_CHILDREN, &INIT_THAT_WAITS],
    limits: &[
        "It is likely, not certain, when PID 1 is not known, or was sent a stop signal long before.",
        "Where a stop signal may have been sent before the trace began, or records were lost, that none was seen says nothing: unexplained.",
    ],
    close: Some(Close {
        scenario: "init-exits",
        why: "PID 1 ends with members left there as well, because it was asked to: not-forwarded.",
    }),
};
