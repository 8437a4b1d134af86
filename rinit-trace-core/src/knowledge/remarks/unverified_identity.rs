//! `unverified-identity`

use crate::knowledge::{Article, Fix, Look};

/// What is left to do.
pub const ASK_BY_PID: Fix = Fix::new(
    "ask the user's own engine by the pid of PID 1 what it is called (`podman ps --format json` has both); a container of root's runtime has its names here",
    &[],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "what says how it is called is not believed",
    what: "Names, image, pod and grace period of a container are looked up by its id, which is part of the name of its cgroup. Root's runtimes make that cgroup. A user to whom a cgroup was delegated (systemd does that for each user, and rootless podman works there) may make cgroups below it under any name, that of another's container too, and may call a process `containerd-shim`. So names are left out where the cgroup is in one that is not root's, where Docker or podman say that the container's main process is another one, where the monitor of the container is not root's, and where two sources name different pods. The verdict, the cause and the processes are what the kernel showed, and hold.",
    kernel: &[],
    see: &[Look {
        run: "stat -c '%U %n' /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service",
        shows: "whose a cgroup is: its owner may make others in it",
    }],
    shown_by: &[
        (
            "workload.cgroup",
            "the cgroup; `name`, `image` and `pod` are null",
        ),
        ("findings[].pids", "PID 1, host numbering"),
    ],
    fixes: &[&ASK_BY_PID],
    limits: &[
        "Containers of a rootless engine are what their user says, and have no names in reports.",
        "A container that ended before anybody could look at it is known by its cgroup alone.",
    ],
    close: None,
};
