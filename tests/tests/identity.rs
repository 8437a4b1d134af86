//! The name of a cgroup is what whoever made it likes: a user to whom cgroups were delegated takes the id of another's
//! container, and gets none of its names.

use std::{process::Command, time::Duration};

use rinit_trace_tests::{Contained, Docker, Report, Tracer, program, trace_all};

/// Anybody but root.
const USER: u32 = 1000;
/// Enough of a grace period for PID 1 to drop its signal.
const GRACE: Duration = Duration::from_millis(100);

/// Whether it says that names were not believed.
fn is_unverified(report: &Report) -> bool {
    let mut findings = report.at("/findings").as_array().into_iter().flatten();
    findings.any(|finding| finding["id"] == "unverified-identity")
}

/// Names of the real container, which are nobody else's.
fn is_nameless(report: &Report) {
    report.says("forced", "init-no-handler", 0);
    for name in ["name", "image", "pod"] {
        report.is(&format!("/workload/{name}"), ());
    }
    assert!(is_unverified(report), "{report}");
}

/// Stops one that pretends to be a container of Docker's, and then that.
fn pretend(docker: &Docker, tracer: &Tracer, user: Option<u32>) {
    let container = docker.shell("echo ready; exec sleep 1000", 1);
    let mut other = Contained::pretend(container.id(), user, &["sleeper"]);
    other.stop(GRACE);
    is_nameless(&tracer.report_of(other.pid()));
    container.stop(0);
    let report = tracer.report_of(container.pid());
    report.is("/verdict", "forced");
    report.is("/workload/name", container.name());
    assert!(!is_unverified(&report), "{report}");
}

#[test]
fn a_cgroup_that_a_user_named_after_a_container() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    pretend(&docker, &trace_all(), Some(USER));
}

/// As in a pod, which sees no cgroups but its own: the kernel side alone can tell.
#[test]
fn the_same_where_no_cgroups_are_to_be_seen() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c"]);
    command.arg("mount -t tmpfs none /sys/fs/cgroup && exec \"$0\" -o jsonl");
    command.arg(program());
    pretend(&docker, &Tracer::ready_command(command), Some(USER));
}

/// What Docker says of its container's main process does not fit.
#[test]
fn a_cgroup_of_roots_with_the_id_of_a_container() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    pretend(&docker, &trace_all(), None);
}
