//! `oom`

use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// The cure.
pub const MORE_MEMORY: Fix = Fix::new(
    "raise the memory limit (docker run --memory, resources.limits.memory), or use less: a SIGKILL by the OOM killer leaves no time to clean up",
    &[
        Diff {
            file: "compose.yaml",
            lines: &["   web:", "-    mem_limit: 256m", "+    mem_limit: 512m"],
        },
        Diff {
            file: "pod.yaml",
            lines: &[
                "     resources:",
                "       limits:",
                "-        memory: 256Mi",
                "+        memory: 512Mi",
            ],
        },
    ],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "the OOM killer took PID 1, or a member whose death ended the workload",
    what: "A memory limit, or the machine's memory, was used up, and the kernel killed PID 1, or the main child of an init, which left with it. Where it took another member during a stop, this comes last among the causes: it explains that one kill.",
    kernel: &[kernel::OOM, kernel::TEARDOWN],
    see: &[
        Look {
            run: "docker inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' web",
            shows: "true 137; false when the victim was not PID 1 and the container went on",
        },
        Look {
            run: "journalctl -k | grep -i 'killed process'",
            shows: "the victim, and the cgroup whose limit it was",
        },
        Look {
            run: "cat /sys/fs/cgroup/…/memory.events",
            shows: "oom_kill counts victims (cgroup v2)",
        },
    ],
    shown_by: &[
        ("processes[].outcome", "oom-killed"),
        ("processes[].killed_by", "oom"),
        ("signals[].origin", "oom"),
    ],
    fixes: &[&MORE_MEMORY],
    limits: &[
        "It is likely, not certain, when the victim was a child of a PID 1 that is no known init: that PID 1 ended because of it is inferred from the time.",
        "A victim while the container goes on is no stop and has no report: one line on stderr tells of it, and on Kubernetes an Event, if asked for.",
        "Why the memory was used is not seen.",
    ],
    close: Some(Close {
        scenario: "oom-child",
        why: "the OOM killer takes a child, and PID 1 lives on until it is stopped: graceful.",
    }),
};
