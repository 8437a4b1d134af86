//! `forwarded`

use crate::knowledge::{Article, Close, Look, kernel};

/// What is known.
pub const ARTICLE: Article = Article {
    line: "who inside passed the stop signal on to whom",
    what: "PID 1, or a member, had been sent the stop signal and sent it on to others. The finding has the edges in the order of time. It says nothing against anybody: it is how a stop should go.",
    kernel: &[kernel::GROUP],
    see: &[Look {
        run: "strace -f -e trace=kill,tkill,tgkill -p PID",
        shows: "who signals whom; but it changes what signals do to whom it traces (see traced)",
    }],
    shown_by: &[
        (
            "findings[].evidence",
            "the first signal of each sender to each recipient",
        ),
        ("findings[].pids", "the recipients"),
    ],
    fixes: &[],
    limits: &[
        "A signal that a helper sends (`pkill` in a trap) is not counted: nobody had sent the helper one.",
        "Whether a sender meant to pass it on is not seen; it had been sent one, and sent one.",
        "The text output leaves it out: the timeline has each of these signals.",
    ],
    close: Some(Close {
        scenario: "init-exits",
        why: "PID 1 takes the signal and passes it on to nobody: not-forwarded.",
    }),
};
