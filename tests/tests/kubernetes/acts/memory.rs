//! Children that the OOM killer takes, and what becomes of their container.

use rinit_trace_tests::{ContainerSpec, Pod, PodSpec};

use super::{Ends, all_told, deleted, tell, told};
use crate::{node::Node, run::new_namespace};

/// A shell whose child is taken when it is told to go on; then it does something.
fn hungry(then: &str) -> ContainerSpec {
    let eat = "read told </go; exec dd if=/dev/zero of=/dev/null bs=200M";
    let script = format!("({eat}) & echo ready; wait $!; {then}");
    told("web", &script).memory(64 << 20)
}

#[test]
fn child_that_the_oom_killer_takes_is_told_and_is_no_stop() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let lives = "sleep 1000 & trap 'kill $!; wait; exit 0' TERM; echo lives; wait";
    let spec = PodSpec::new(&namespace, "lives").with(hungry(lives));
    let pod = Pod::run(&node.containerd, &spec);
    tell(&pod, "web");
    pod.wait_for("web", "lives", 1);
    let whose = [("namespace", namespace.as_str()), ("killed_by", "oom")];
    let endpoint = node.daemon.endpoint();
    endpoint.wait_metric("rinit_trace_kills_outside_stop_total", &whose, 1);
    node.daemon.output().no_report_of(pod.id("web"));
    let report = deleted(&node.daemon, pod, "web", 30);
    report.says("graceful", "", 0);
    report.is("/stop/trigger", "stop-signal");
    endpoint.wait_metric("rinit_trace_kills_outside_stop_total", &whose, 1);
    let ends = Ends {
        graceful: 1,
        ..Ends::default()
    };
    all_told(&node.daemon, &namespace, ends);
}

#[test]
fn child_that_the_oom_killer_takes_and_pid_1_leaves_with_is_the_cause() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let spec = PodSpec::new(&namespace, "leaves").with(hungry("exit 137"));
    let pod = Pod::run(&node.containerd, &spec);
    tell(&pod, "web");
    assert_eq!(pod.ended("web").exit_code, Some(137));
    let report = deleted(&node.daemon, pod, "web", 30);
    report.says("forced", "oom", 0);
    report.is("/cause/confidence", "likely");
    assert_eq!(report.process("dd")["outcome"], "oom-killed", "{report}");
    let ends = Ends {
        forced: 1,
        ..Ends::default()
    };
    all_told(&node.daemon, &namespace, ends);
}
