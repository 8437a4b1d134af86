//! What the end-to-end tests share: the program under test, workloads to trace, and readers of reports.
//!
//! A test starts what it needs as guards, which stop it by pid or id when they are dropped. It waits for conditions
//! with a deadline (`wait`), and looks only at reports of its own workloads: others run at the same time.
//! Everything here panics when the machine does not do its part, as tests do.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "used by tests alone, which fail by panics"
)]

mod cgroup;
mod contained;
mod cri;
mod daemon;
mod debugger;
mod docker;
mod docker_api;
mod dockerd;
mod endpoint;
mod lines;
mod metrics;
mod mounts;
mod namespace;
mod needs;
mod podman;
mod program;
mod report;
mod rights;
mod running;
mod silent;
mod stalled;
mod tmpfs;
mod tracer;
pub mod wait;

pub use cgroup::{Cgroup, OomKills};
pub use contained::{Contained, UsersContainers};
pub use cri::{ContainerSpec, Containerd, Image, Pod, PodSpec, Scope, Status};
pub use daemon::Daemon;
pub use debugger::Debugger;
pub use docker::{Container, Docker};
pub use docker_api::{DockerApi, Manner, named};
pub use dockerd::Dockerd;
pub use endpoint::Endpoint;
pub use metrics::{Metrics, Sample};
pub use namespace::{Namespace, Session, child_of, enter, inner_pid, send};
pub use needs::{Kernel, has_user_namespaces, is_at_least, refuses, skip};
pub use podman::{Podman, PodmanContainer};
pub use program::{
    Ended, TREE, WORKLOAD, copy_program, program, run, run_by, run_with_closed_stdout,
};
pub use report::Report;
pub use rights::{NOBODY, Rights};
pub use running::Running;
pub use silent::Stuck;
pub use tmpfs::Tmpfs;
pub use tracer::{Tracer, may_lose_records, shared_trace, trace, trace_all};
