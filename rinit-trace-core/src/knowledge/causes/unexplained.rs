//! `unexplained`

use crate::knowledge::{Article, Close, Look, kernel};

/// What is known.
pub const ARTICLE: Article = Article {
    line: "no known cause fits; the timeline has what was seen",
    what: "Somebody ended by SIGKILL, and none of the rules explains it. A wrong cause would be worse than none.",
    kernel: &[kernel::SIGKILL],
    see: &[Look {
        run: "rinit-trace --container web -o json",
        shows: "all signals and exits, as the kernel told them",
    }],
    shown_by: &[
        ("cause.id", "unexplained"),
        (
            "processes[].killed_by",
            "kernel, tracer or unknown, most often",
        ),
    ],
    limits: &[
        "Kills by resource limits, timers, seccomp in strict mode and BPF programs have no cause of their own.",
    ],
    close: Some(Close {
        scenario: "tini-app-killed",
        why: "a kill from nowhere as well, but its consequence is known: main-child-exited.",
    }),
    ..Article::NONE
};
