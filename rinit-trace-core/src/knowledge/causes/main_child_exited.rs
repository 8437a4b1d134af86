//! `main-child-exited`

use super::{INIT_THAT_WAITS, TREE};
use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// The cure.
pub const KEEP_MAIN_CHILD: Fix = Fix::new(
    "keep the main child until the last of its processes has ended: no hot upgrade, no fork into the background under such an init",
    &[Diff {
        file: "Dockerfile",
        lines: &[
            " ENTRYPOINT [\"tini\", \"--\"]",
            "-CMD [\"nginx\"]",
            "+CMD [\"nginx\", \"-g\", \"daemon off;\"]",
        ],
    }],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "nobody sent a stop signal: an init left because its main child had ended",
    what: "tini, docker-init, dumb-init and catatonit leave as soon as the child that they started first has ended, whoever else is still there. After a crash, a kill, a fork into the background or a hot upgrade (the new server is a child of the old) that ends the container in the middle of its work.",
    kernel: &[kernel::ORPHANS, kernel::TEARDOWN],
    see: &[
        TREE,
        Look {
            run: "docker inspect -f '{{.State.ExitCode}} {{.State.FinishedAt}}' web",
            shows: "the code of the main child, at a time when nobody stopped it",
        },
        Look {
            run: "docker events --since 10m --until 0s --filter container=web",
            shows: "die without a kill before",
        },
    ],
    shown_by: &[
        ("stop.trigger", "main-child-exit"),
        ("stop.signal", "null"),
        (
            "workload.init.kind",
            "tini, docker-init, dumb-init or catatonit",
        ),
    ],
    fixes: &[&KEEP_MAIN_CHILD, &INIT_THAT_WAITS],
    limits: &[
        "It is likely, not certain, when a stop signal was sent long before.",
        "Where a stop signal may have been sent before the trace began, or records were lost, that none was seen says nothing: unexplained.",
        "Of the init's children that ended just before it, the one that started first is taken for the main child.",
    ],
    close: Some(Close {
        scenario: "dumb-init-default",
        why: "an init leaves with its main child there as well, after a stop signal to everybody, and nobody is left: graceful.",
    }),
};
