//! `traced`

use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// The cure.
pub const WITHOUT_TRACER: Fix = Fix::new(
    "stop it again without the tracer (strace, a debugger): the kernel treats signals of traced processes differently",
    &[Diff {
        file: "Dockerfile",
        lines: &[
            "-ENTRYPOINT [\"strace\", \"-f\", \"./server\"]",
            "+ENTRYPOINT [\"./server\"]",
        ],
    }],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "a tracer (ptrace) of PID 1 or of a victim changed what the signal did",
    what: "Under strace or a debugger a signal goes to the tracer first. PID 1 without a handler seems to take it then, and nothing comes of it; a member that would have died by SIGTERM is held by the tracer until SIGKILL comes. The stop would have gone another way without the tracer.",
    kernel: &[kernel::TRACED, kernel::EXIT_KILL],
    see: &[Look {
        run: "grep TracerPid /proc/PID/status",
        shows: "not 0: the pid of the tracer",
    }],
    shown_by: &[
        ("processes[].stop_signal.disposition", "default"),
        ("processes[].stop_signal.result", "delivered"),
        ("processes[].outcome", "killed-handling or killed-pending"),
    ],
    fixes: &[&WITHOUT_TRACER],
    limits: &[
        "That a process was traced is seen at its signals and its end; a tracer that came and went in between is not.",
        "SIGKILL that a tracer passes on by PTRACE_CONT leaves no record of its own.",
    ],
    close: Some(Close {
        scenario: "traced-bystander",
        why: "somebody is traced there, too, but was sent nothing that a tracer could hold back: init-no-handler.",
    }),
};
