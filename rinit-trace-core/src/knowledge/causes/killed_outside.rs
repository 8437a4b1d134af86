//! `killed-outside`

use crate::knowledge::{Article, Close, Fix, Look, kernel};

/// What to look into.
pub const WHY_IT_KILLS: Fix = Fix::new(
    "find out why {name} kills processes of this container (an operator, a watchdog, a security agent), and stop containers by their runtime",
    &[],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "a host process that is not the runtime SIGKILLed PID 1 or a member",
    what: "A process of the host sent SIGKILL into the container, past the runtime: an operator with kill -9, a watchdog, a security agent.",
    kernel: &[kernel::FORCED, kernel::SIGKILL],
    see: &[
        Look {
            run: "auditctl -a always,exit -F arch=b64 -S kill -F a1=9",
            shows: "from then on `ausearch -sc kill` lists who sends SIGKILL by kill(2), where the audit daemon runs",
        },
        Look {
            run: "docker events --since 10m --until 0s --filter container=web",
            shows: "die without a kill before: Docker sent no signal",
        },
    ],
    shown_by: &[
        ("processes[].killed_by", "external"),
        ("cause.summary", "the sender's name"),
        ("stop.kill.sender", "for PID 1: who sent it, and its parent"),
    ],
    fixes: &[&WHY_IT_KILLS],
    limits: &[
        "That the sender is not the runtime follows from its name and its parents. It is certain only where the container's runtime is known, else likely.",
        "The kubelet is not in the list of runtimes: leftovers that it kills count as killed from outside.",
    ],
    close: Some(Close {
        scenario: "term-from-outside",
        why: "a process of the host sends a signal there as well, SIGTERM, and nobody is killed: graceful.",
    }),
};
