//! `init-ignores-signal`

use super::{
    MASKS,
    init_no_handler::{EXEC_FORM, TRAP},
};
use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// Where it comes from.
pub const NO_SIG_IGN: Fix = Fix::new(
    "do not set {signal} to SIG_IGN in PID 1, nor in what starts it: exec inherits it",
    &[Diff {
        file: "entrypoint.sh",
        lines: &["-trap '' TERM", " exec ./server"],
    }],
);

/// What to do in its place.
pub const HANDLER_THAT_ENDS: Fix =
    Fix::new("install a handler for {signal} that ends the program", &[]);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "PID 1 had SIG_IGN for the stop signal",
    what: "PID 1, or what started it by exec, had told the kernel to ignore the stop signal. The kernel dropped it, and SIGKILL came when the grace period was over. bash and busybox sh ignore SIGQUIT on their own: where an image has STOPSIGNAL SIGQUIT (nginx), a shell around the server never ends by it.",
    kernel: &[kernel::IGNORED, kernel::EXEC],
    see: &[
        MASKS,
        Look {
            run: "grep ^SigIgn /proc/$(docker inspect -f '{{.State.Pid}}' web)/status",
            shows: "bit 0x4000 is set for SIGTERM",
        },
    ],
    shown_by: &[
        ("stop.result", "ignored"),
        ("processes[0].stop_signal.disposition", "ignored"),
        ("processes[0].outcome", "killed-ignoring"),
    ],
    fixes: &[&NO_SIG_IGN, &HANDLER_THAT_ENDS, &EXEC_FORM, &TRAP],
    limits: &[
        "Who set it is not seen: the program itself, or a script before it (`trap '' TERM`, nohup for SIGHUP).",
        "It is likely, not certain, when PID 1 ended by itself later.",
    ],
    close: Some(Close {
        scenario: "blocks-term",
        why: "PID 1 blocks the signal: that is queued and not dropped, so the cause is signal-blocked.",
    }),
};
