//! Who or what killed a process: the fingerprint of its SIGKILL.

use super::{Article, kernel};

pub(super) const PIDNS_TEARDOWN: Article = Article {
    line: "the kernel, because PID 1 had ended",
    what: "PID 1 of the pid namespace ended while the process was there.",
    kernel: &[kernel::TEARDOWN],
    shown_by: &[
        ("signals[].origin", "pidns-teardown"),
        (
            "observation.pidns_teardown",
            "fentry or kprobe where a probe confirmed it, else inferred",
        ),
    ],
    limits: &[
        "Inferred is no guess: a SIGKILL by the kernel to a whole process, while the dying PID 1 of its namespace runs, has no other source.",
    ],
    ..Article::NONE
};

pub(super) const RUNTIME: Article = Article {
    line: "the container's runtime",
    what: "runc, crun, conmon, a shim or the like sent SIGKILL.",
    shown_by: &[("stop.kill.sender", "for PID 1: who sent it")],
    limits: &[
        "A runtime is known by its name, by being the parent of PID 1 or another child of that parent, or as a child of podman or CRI-O. A program of the host with such a name passes for one.",
    ],
    ..Article::NONE
};

pub(super) const CGROUP_KILL: Article = Article {
    line: "a write to cgroup.kill",
    what: "Somebody, most often the runtime or systemd, wrote to cgroup.kill of its cgroup.",
    kernel: &[kernel::CGROUP_KILL],
    shown_by: &[("signals[].origin", "cgroup-kill")],
    ..Article::NONE
};

pub(super) const OOM: Article = Article {
    line: "the OOM killer",
    what: "The kernel's OOM killer chose it, or it shared the memory of whom it chose.",
    kernel: &[kernel::OOM],
    shown_by: &[("signals[].origin", "oom")],
    ..Article::NONE
};

pub(super) const PEER: Article = Article {
    line: "another process of the container",
    what: "A process in the same pid namespace sent SIGKILL: a supervisor, a watchdog, an exec session.",
    shown_by: &[("signals[].from", "its pid")],
    ..Article::NONE
};

pub(super) const ITSELF: Article = Article {
    line: "itself",
    what: "It sent SIGKILL to itself.",
    shown_by: &[("signals[].from", "its own pid")],
    ..Article::NONE
};

pub(super) const PARENT_DEATH: Article = Article {
    line: "the death of its parent",
    what: "It had asked to be sent SIGKILL when its parent ends, and the parent had ended.",
    kernel: &[kernel::PARENT_DEATH],
    shown_by: &[("signals[].origin", "parent-death")],
    ..Article::NONE
};

pub(super) const TRACER: Article = Article {
    line: "whoever traces it",
    what: "Its tracer sent SIGKILL by ptrace, or ended with PTRACE_O_EXITKILL set.",
    kernel: &[kernel::EXIT_KILL],
    shown_by: &[("signals[].origin", "ptrace")],
    limits: &["SIGKILL by PTRACE_CONT leaves no record: then it is unknown."],
    ..Article::NONE
};

pub(super) const EXTERNAL: Article = Article {
    line: "a host process that is not the runtime",
    what: "A process outside of the container, and not its runtime, sent SIGKILL.",
    shown_by: &[("signals[].from", "its pid on the host")],
    limits: &["Who is the runtime follows from names and parents (see runtime)."],
    ..Article::NONE
};

pub(super) const KERNEL: Article = Article {
    line: "the kernel, for another reason",
    what: "A resource limit (RLIMIT_CPU), a timer of its own, a security module, a BPF program, a hardware error.",
    shown_by: &[("signals[].origin", "kernel or timer")],
    limits: &[
        "A process may fake the code that marks a timer's signal (rt_sigqueueinfo with si_code -2), and pass for one.",
    ],
    ..Article::NONE
};

pub(super) const UNKNOWN: Article = Article {
    line: "its SIGKILL was not seen",
    what: "It ended by SIGKILL, and no signal was recorded: seccomp in strict mode, SIGKILL passed on by PTRACE_CONT, or a lost record.",
    shown_by: &[("observation.lost_records", "above 0 when records were lost")],
    ..Article::NONE
};
