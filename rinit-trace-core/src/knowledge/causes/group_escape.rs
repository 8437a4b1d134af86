//! `group-escape`

use super::{TREE, WHY_PID_1_CRASHED};
use crate::knowledge::{Article, Close, Diff, Fix, kernel};

/// The cure.
pub const STAY_IN_GROUP: Fix = Fix::new(
    "keep these processes in the group of the main child: no setsid or setpgid (in a shell, no job control: `set +m`)",
    &[Diff {
        file: "entrypoint.sh",
        lines: &["-setsid ./worker &", "+./worker &", " exec ./server"],
    }],
);

/// The other one.
pub const STARTER_PASSES_ON: Fix = Fix::new(
    "or let the process that starts them pass the signal on and wait for them",
    &[],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "the signal went to a process group, and every victim was outside of it",
    what: "PID 1 passed the stop signal on to the process group of its child (tini -g, dumb-init, a shell's kill 0), and whoever had left the group by setsid or setpgid never got it. When PID 1 left the kernel killed them.",
    kernel: &[kernel::GROUP, kernel::TEARDOWN],
    see: &[TREE],
    shown_by: &[
        (
            "processes[].pgid",
            "one group for those who were signalled, others for the victims",
        ),
        ("processes[].stop_signal.received", "0 for the victims"),
        ("workload.init.cmdline", "the option, such as -g"),
    ],
    fixes: &[&STAY_IN_GROUP, &STARTER_PASSES_ON, &WHY_PID_1_CRASHED],
    limits: &[
        "The kernel does not show that a signal went to a group: it is one signal to each. It is certain where the init's arguments or environment say so, or where all of one group got it and one of them is no child of PID 1; else likely.",
        "Debian 12's catatonit 0.1.7 with -g signals the group of its child; in 0.2.1 the option does something else.",
    ],
    close: Some(Close {
        scenario: "tini-child-only",
        why: "victims are never signalled there either, but without -g tini signals its child alone: forwarded-to-child-only.",
    }),
};
