//! `signal-blocked`

use super::MASKS;
use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// Of one that blocks it.
pub const UNBLOCK: Fix = Fix::new(
    "unblock {signal} (sigprocmask) once the handler is installed, or wait for it: sigwait, signalfd",
    &[Diff {
        file: "server.c",
        lines: &[
            " sigaction(SIGTERM, &on_term, NULL);",
            "+sigprocmask(SIG_UNBLOCK, &term, NULL);",
        ],
    }],
);

/// Of what starts it.
pub const LOOK_AT_STARTER: Fix = Fix::new(
    "look at what starts PID 1, too: exec inherits blocked signals",
    &[],
);

/// Of one that did not run.
pub const WHY_IT_DID_NOT_RUN: Fix = Fix::new(
    "find out why PID 1 did not run: stopped (SIGSTOP, a debugger), a frozen cgroup, stuck in a system call (D state), or killed at once",
    &[],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "the stop signal stayed pending in PID 1 until the kill",
    what: "The kernel queued the signal, and PID 1 never took it: it blocks it and nobody waits for it, or it did not come to run at all.",
    kernel: &[kernel::BLOCKED, kernel::EXEC],
    see: &[
        MASKS,
        Look {
            run: "grep -E '^(Sig|Shd)Pnd' /proc/$(docker inspect -f '{{.State.Pid}}' web)/status",
            shows: "between the signal and the kill: bit 0x4000 of SIGTERM is set",
        },
        Look {
            run: "docker inspect -f '{{.State.Paused}}' web",
            shows: "true when its cgroup is frozen",
        },
    ],
    shown_by: &[
        ("stop.result", "delivered"),
        ("stop.taken", "false"),
        ("processes[0].stop_signal.disposition_at_end", "blocked"),
        ("processes[0].outcome", "killed-pending"),
    ],
    fixes: &[&UNBLOCK, &LOOK_AT_STARTER, &WHY_IT_DID_NOT_RUN],
    limits: &[
        "tini, dumb-init, catatonit, s6 and systemd block signals and wait for them: that is no fault, and SigCgt alone says nothing of them.",
        "Of a shell it is likely, not certain: shells block signals for the moment of a fork.",
    ],
    close: Some(Close {
        scenario: "tini-child-only",
        why: "tini blocks SIGTERM, too, and waits for it by sigtimedwait: it takes the signal, and the cause is forwarded-to-child-only.",
    }),
};
