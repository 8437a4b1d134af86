//! `unreaped`

use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// The cure.
pub const REAP: Fix = Fix::new(
    "let PID 1 reap its children (waitpid on SIGCHLD), or run with an init that does: docker run --init",
    &[Diff {
        file: "compose.yaml",
        lines: &["   web:", "     image: shop", "+    init: true"],
    }],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "PID 1 does not reap its children",
    what: "Children of PID 1, its own or orphans that it inherited, had ended before the stop and nobody had waited for them. Such zombies take a number each, and with a limit on pids new processes fail in the end.",
    kernel: &[kernel::ORPHANS],
    see: &[Look {
        run: "docker top web -o pid,ppid,stat,comm",
        shows: "Z, or <defunct>, with PID 1's number as their parent",
    }],
    shown_by: &[(
        "findings[].pids",
        "the zombies; they are no processes of the stop",
    )],
    fixes: &[&REAP],
    limits: &[
        "Zombies are seen when the pid namespace is torn down: where PID 1 reaps them on its way out they are not.",
        "Children that had ended less than a second before are left out; they may be reaped yet.",
    ],
    close: Some(Close {
        scenario: "waits-for-all",
        why: "PID 1 waits for whoever ends: nobody is left unreaped.",
    }),
};
