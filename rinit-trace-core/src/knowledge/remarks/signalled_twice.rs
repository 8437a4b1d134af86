//! `signalled-twice`

use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// The cure.
pub const SIGNAL_ONCE: Fix = Fix::new(
    "let one of them alone signal it: with an init that signals the whole group, the parent need only wait",
    &[Diff {
        file: "Dockerfile",
        lines: &[
            "-ENTRYPOINT [\"tini\", \"-g\", \"--\", \"./entrypoint.sh\"]",
            "+ENTRYPOINT [\"tini\", \"--\", \"./entrypoint.sh\"]",
        ],
    }],
);

/// Where it cannot be helped.
pub const SECOND_IS_NO_ORDER: Fix = Fix::new(
    "or let its handler take a second signal for the same request: some programs take it as an order to end at once",
    &[],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "a process was sent the stop signal more than once, by different senders",
    what: "A process was asked to end by more than one sender, and the kernel queued each signal: by the group signal of an init (tini -g, dumb-init) and by its own parent again, for example. Its handler runs for each. What it makes of the second is its own affair; some programs take it as an order to end at once.",
    kernel: &[kernel::GROUP, kernel::PENDING_ONCE],
    see: &[Look {
        run: "docker top web -o pid,ppid,pgid,sid,comm",
        shows: "who is in the signalled group and has a parent that signals, too",
    }],
    shown_by: &[
        ("findings[].evidence", "the signals"),
        ("processes[].stop_signal.received", "2 or more"),
        ("signals[].from", "different senders"),
    ],
    fixes: &[&SIGNAL_ONCE, &SECOND_IS_NO_ORDER],
    limits: &[
        "Only signals that the kernel queued count: none that was dropped, or found the first still pending.",
        "Repeats by one sender do not count, nor do several by the runtime, nor the parting SIGTERM of dumb-init.",
        "Senders that are no processes of the report count as one.",
    ],
    close: Some(Close {
        scenario: "dumb-init-default",
        why: "members may be sent SIGTERM twice there, but by dumb-init alone.",
    }),
};
