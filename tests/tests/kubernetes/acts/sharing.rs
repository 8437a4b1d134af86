//! Containers whose pid namespace is not their own: the node's, or another container's.

use std::thread;

use rinit_trace_tests::{ContainerSpec, Pod, PodSpec, Report};

use super::{Ends, all_told, deleted, ended_alone, known, tell, told};
use crate::{node::Node, run::new_namespace};

#[test]
fn containers_in_the_pid_namespace_of_the_node_are_told_as_others() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let stopped = |pod, programs: &[&str], grace| -> Report {
        let web = ContainerSpec::workload("web", programs);
        let spec = PodSpec::new(&namespace, pod).with(web).with_host_pids();
        let pod = Pod::run(&node.containerd, &spec);
        deleted(&node.daemon, pod, "web", grace)
    };
    thread::scope(|scope| {
        scope.spawn(|| stopped("polite", &["waiter", "server=20"], 30).says("graceful", "", 0));
        // It is no PID 1, and the default action ends it.
        scope.spawn(|| stopped("sleeper", &["sleeper"], 30).says("graceful", "", 0));
        scope.spawn(|| {
            let report = stopped("leaver", &["leaver", "server"], 30);
            report.says("forced", "cgroup-killed", 1);
        });
        let report = stopped("deaf", &["deaf"], 1);
        report.says("forced", "init-ignores-signal", 0);
        report.is("/cause/confidence", "certain");
    });
    let ends = Ends {
        graceful: 2,
        forced: 2,
        alone: 0,
    };
    all_told(&node.daemon, &namespace, ends);
}

#[test]
fn debug_container_is_told_by_itself() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let web = ContainerSpec::workload("web", &["waiter", "server=20"]);
    let mut pod = Pod::run(
        &node.containerd,
        &PodSpec::new(&namespace, "debugged").with(web),
    );
    // Somebody has a look and leaves.
    pod.add(&told("look", "echo ready; read told </go").beside("web"));
    known(&node.daemon, &pod, "look");
    tell(&pod, "look");
    assert_eq!(pod.ended("look").exit_code, Some(0));
    ended_alone(&node.daemon.output().only_report_of(pod.id("look")));
    // Somebody else is still there when the container is stopped, whose PID 1 is PID 1 of both.
    pod.add(&ContainerSpec::workload("stay", &["deaf"]).beside("web"));
    let [web, stay] = ["web", "stay"].map(|container| pod.id(container).to_owned());
    node.daemon.output().no_report_of(web.as_str());
    known(&node.daemon, &pod, "stay");
    pod.stop("web", 30);
    pod.ended("stay");
    pod.delete(30);
    let report = node.daemon.output().only_report_of(web);
    report.says("graceful", "", 0);
    assert_eq!(report.processes().len(), 2, "{report}");
    let report = node.daemon.output().only_report_of(stay);
    report.says("forced", "pidns-owner-exited", 0);
    report.is("/stop/trigger", "owner-exit");
    report.is("/cause/confidence", "certain");
    let ends = Ends {
        graceful: 1,
        forced: 1,
        alone: 1,
    };
    all_told(&node.daemon, &namespace, ends);
}
