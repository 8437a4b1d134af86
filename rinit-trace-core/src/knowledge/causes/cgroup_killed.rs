//! `cgroup-killed`

use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// The cure.
pub const END_CHILDREN: Fix = Fix::new(
    "let the main process end its children and wait for them before it ends: what it leaves is killed with the container's cgroup",
    &[Diff {
        file: "entrypoint.sh",
        lines: &[
            "-trap 'kill \"$server\"; exit' TERM",
            "+trap 'kill \"$server\" \"$worker\"; wait; exit' TERM",
        ],
    }],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "leftovers were killed through cgroup.kill, or one by one by the runtime",
    what: "The main process had ended and others were left. Where a container has no pid namespace of its own (--pid=host, shareProcessNamespace) its end kills nobody, and the runtime does it, through the cgroup or process by process. Somebody may also have written to cgroup.kill by hand.",
    kernel: &[kernel::CGROUP_KILL, kernel::SIGKILL],
    see: &[
        Look {
            run: "docker inspect -f '{{.HostConfig.PidMode}}' web",
            shows: "host, or container:…: no pid namespace of its own",
        },
        Look {
            run: "cat /sys/fs/cgroup/…/cgroup.procs",
            shows: "who is left in the cgroup when the main process has ended (cgroup v2)",
        },
    ],
    shown_by: &[
        (
            "processes[].killed_by",
            "cgroup-kill, or runtime for a member",
        ),
        ("signals[].origin", "cgroup-kill"),
    ],
    fixes: &[&END_CHILDREN],
    limits: &[
        "A write to cgroup.kill by somebody other than the runtime is killed-outside.",
        "A child that is forked while the cgroup is killed is killed in the name of its parent; it is told by the cgroup.",
    ],
    close: Some(Close {
        scenario: "init-exits",
        why: "leftovers are killed there, too, but by the kernel with their pid namespace: not-forwarded.",
    }),
};
