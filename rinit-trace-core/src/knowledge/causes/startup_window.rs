//! `startup-window`

use super::MASKS;
use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// In the program.
pub const HANDLER_FIRST: Fix = Fix::new(
    "install the {signal} handler first of all in the program, before anything slow",
    &[],
);

/// In what starts it.
pub const EXEC_SOON: Fix = Fix::new(
    "in a script, `exec` the program without long work before it, or run with an init that takes signals from its first moment: docker run --init",
    &[
        Diff {
            file: "entrypoint.sh",
            lines: &["-./migrate-database", " exec ./server"],
        },
        Diff {
            file: "compose.yaml",
            lines: &["   web:", "     image: shop", "+    init: true"],
        },
    ],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "the stop signal came before PID 1 was ready for it",
    what: "The signal was dropped because PID 1 had no handler yet. At its end PID 1 handled or waited for it, or had become another program by exec: it came too early, and nobody sends it again. The same when the program before that exec took it, as a shell takes SIGINT on its own, or ignored it, as bash does SIGQUIT. As a finding behind init-no-handler, and likely, it says that a young PID 1 may still have been starting.",
    kernel: &[kernel::UNKILLABLE, kernel::EXEC],
    see: &[
        MASKS,
        Look {
            run: "docker run -d --name web shop && docker stop web",
            shows: "ten seconds, where a stop a minute later takes none",
        },
    ],
    shown_by: &[
        ("processes[0].stop_signal.disposition", "default"),
        (
            "processes[0].stop_signal.disposition_at_end",
            "handled or waited",
        ),
        ("processes[0].stop_signal.comm", "what PID 1 was then"),
        ("stop.result", "ignored"),
    ],
    fixes: &[&HANDLER_FIRST, &EXEC_SOON],
    limits: &[
        "That PID 1 has become another program is seen; whether that one would have reacted is not.",
        "It is likely, not certain, where the program before the exec took the signal: a trap may end by exec. Inits, which end their shutdown by running another program, and programs that execute themselves again are left out.",
        "A shell that blocks signals while it forks is not taken for one that waits for them.",
        "As a finding behind init-no-handler it rests on age alone (under 10 s), and may be noise.",
    ],
    close: Some(Close {
        scenario: "startup-window-none",
        why: "PID 1 had not come to its handler at its end either: init-no-handler, with startup-window as a finding.",
    }),
};
