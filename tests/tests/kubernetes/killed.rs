//! Containers that are killed as a whole: by the runtime, through `cgroup.kill` where it knows that, and by the OOM killer.

use std::fs;

use rinit_trace_tests::{Cgroup, ContainerSpec, Pod, PodSpec, Report};

use crate::{node::Node, run::new_namespace};

/// Asserts who killed the processes of a container: all of them in the same way, or some by the end of its namespace, when
/// its init was the first to go.
fn killed_by(report: &Report, how: &str) {
    for process in report.processes() {
        let killed_by = &process["killed_by"];
        let is_init = process["role"] == "init";
        let by_end = killed_by == "pidns-teardown" && !is_init;
        assert!(killed_by == how || by_end, "not {how}: {report}");
    }
}

#[test]
fn killing_all_of_a_container_is_told_as_what_the_runtime_did() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let web = ContainerSpec::workload("web", &["waiter", "server", "sleeper"]);
    let pod = Pod::run(&node.containerd, &PodSpec::new(&namespace, "all").with(web));
    let id = pod.id("web").to_owned();
    let (trigger, how) = if node.containerd.uses_cgroup_kill(pod.pid("web")) {
        ("cgroup-kill", "cgroup-kill")
    } else {
        ("sigkill", "runtime")
    };
    pod.kill_all("web");
    assert_eq!(pod.ended("web").exit_code, Some(137));
    pod.delete(30);
    let report = node.daemon.output().only_report_of(id);
    report.says("forced", "no-stop-signal", 2);
    report.is("/stop/trigger", trigger);
    killed_by(&report, how);
    let cause = [("namespace", &*namespace), ("cause", "no-stop-signal")];
    let causes = "rinit_trace_stop_causes_total";
    node.daemon.endpoint().wait_metric(causes, &cause, 1);
}

#[test]
fn container_that_the_oom_killer_takes_as_a_whole_has_that_cause() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let eat = "read told </go; dd if=/dev/zero of=/dev/null bs=200M";
    let script = format!("mkfifo /go; /workload server & ({eat}) & echo ready; wait");
    let web = ContainerSpec::shell("web", &script, 2).memory(64 << 20);
    let pod = Pod::run(
        &node.containerd,
        &PodSpec::new(&namespace, "eaten").with(web),
    );
    let id = pod.id("web").to_owned();
    let init = pod.pid("web");
    // As the kubelet has it from 1.28 on.
    let kills = Cgroup::kill_as_a_whole(init);
    fs::write(format!("/proc/{init}/root/go"), "\n").unwrap();
    let Some(kills) = kills else {
        // cgroup v1: it takes who was hungry, and the others live on.
        let whose = [("namespace", &*namespace), ("killed_by", "oom")];
        let kills = "rinit_trace_kills_outside_stop_total";
        node.daemon.endpoint().wait_metric(kills, &whose, 1);
        pod.delete(1);
        let report = node.daemon.output().only_report_of(id);
        report.says("forced", "init-no-handler", 1);
        return;
    };
    assert_eq!(pod.ended("web").exit_code, Some(137));
    // The shell, the server, and who was hungry; the kernel counts whom it takes first once more with the others.
    let count = kills.count();
    assert!((3..=4).contains(&count), "{count} of 3");
    pod.delete(30);
    let report = node.daemon.output().only_report_of(id);
    report.says("forced", "oom", 1);
    report.is("/stop/trigger", "oom");
    // When the shell was taken before, the end of its namespace may be quicker.
    killed_by(&report, "oom");
}
