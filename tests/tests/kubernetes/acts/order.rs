//! Containers of a pod that do not all start, or stop, at once.

use std::thread;

use rinit_trace_tests::{ContainerSpec, Image, Pod, PodSpec, Report};

use super::{Ends, all_told, ended_alone, known, tell, told};
use crate::{node::Node, run::new_namespace};

/// Native sidecars are stopped when the main containers are gone, in what is left of the grace period.
#[test]
fn deaf_sidecar_is_stopped_after_the_main_container() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let spec = PodSpec::new(&namespace, "sidecar")
        .with(ContainerSpec::workload("log", &["deaf"]))
        .with(ContainerSpec::workload("web", &["waiter", "server=500"]));
    let pod = Pod::run(&node.containerd, &spec);
    let [web, log] = ["web", "log"].map(|container| pod.id(container).to_owned());
    pod.stop("web", 30);
    node.daemon.output().report_of(web.as_str());
    node.daemon.output().no_report_of(log.as_str());
    // What a kubelet always gives when nothing is left.
    pod.stop("log", 2);
    pod.delete(30);
    let report = node.daemon.output().only_report_of(web);
    report.says("graceful", "", 0);
    let report = node.daemon.output().only_report_of(log);
    report.says("forced", "init-ignores-signal", 0);
    report.is("/cause/confidence", "certain");
    let ends = Ends {
        graceful: 1,
        forced: 1,
        alone: 0,
    };
    all_told(&node.daemon, &namespace, ends);
}

#[test]
fn init_container_that_is_done_is_no_stop() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let init = told("init", "echo ready; read told </go");
    let mut pod = Pod::run(
        &node.containerd,
        &PodSpec::new(&namespace, "init").with(init),
    );
    known(&node.daemon, &pod, "init");
    tell(&pod, "init");
    assert_eq!(pod.ended("init").exit_code, Some(0));
    pod.add(&ContainerSpec::workload("web", &["waiter", "server=20"]));
    let [init, web] = ["init", "web"].map(|container| pod.id(container).to_owned());
    ended_alone(&node.daemon.output().only_report_of(init.as_str()));
    pod.delete(30);
    ended_alone(&node.daemon.output().only_report_of(init));
    let report = node.daemon.output().only_report_of(web);
    report.says("graceful", "", 0);
    report.is("/stop/trigger", "stop-signal");
    let ends = Ends {
        graceful: 1,
        forced: 0,
        alone: 1,
    };
    all_told(&node.daemon, &namespace, ends);
}

#[test]
fn start_that_fails_is_no_stop() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let web = ContainerSpec::workload("web", &["waiter", "server=20"]);
    let mut pod = Pod::run(
        &node.containerd,
        &PodSpec::new(&namespace, "failing").with(web),
    );
    let mut failed = Vec::new();
    for program in ["/nonexistent", "/etc/passwd"] {
        let bad = ContainerSpec::new("bad", Image::Shell, &[program], 0);
        // It is tried again as often as a kubelet has patience.
        for _ in 0..2 {
            let error = pod.try_add(&bad).unwrap_err();
            assert!(error.contains(program), "{error}");
            failed.push(pod.id("bad").to_owned());
        }
    }
    let web = pod.id("web").to_owned();
    pod.delete(30);
    let report = node.daemon.output().only_report_of(web);
    report.says("graceful", "", 0);
    for id in failed {
        node.daemon.output().no_report_of_yet(id);
    }
    let ends = Ends {
        graceful: 1,
        ..Ends::default()
    };
    all_told(&node.daemon, &namespace, ends);
}

/// What may be said for sure of a container that was asked to end before it was ready.
fn nothing_false_is_certain(report: &Report, may_be: &[&str]) {
    assert_ne!(report.text("/verdict"), "unknown", "{report}");
    report.is("/stop/trigger", "stop-signal");
    let cause = report.cause();
    let is_certain = !cause.is_empty() && report.text("/cause/confidence") == "certain";
    assert!(!is_certain || may_be.contains(&cause), "{report}");
    let is_forced = report.text("/verdict") == "forced";
    assert_eq!(is_forced, !cause.is_empty(), "{report}");
}

#[test]
fn pod_that_is_deleted_while_it_starts_is_told_once_and_not_wrong() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let workload = |programs: &[&str]| ContainerSpec::workload("web", programs);
    let slow = "sleep 0.5; sleep 1000 & trap 'kill $!; wait; exit 0' TERM; wait";
    // A handler that is set up too late, or not at all when SIGKILL comes.
    let late = &["startup-window", "init-no-handler"][..];
    let deaf = &["startup-window", "init-no-handler", "init-ignores-signal"][..];
    let pods = [
        ("server", workload(&["server"]), late),
        ("deaf", workload(&["deaf"]), deaf),
        ("slow", ContainerSpec::shell("web", slow, 0), late),
        (
            "tini",
            ContainerSpec::new("web", Image::Tini, &["/workload", "server"], 1),
            // tini blocks all signals first of all, and passes on to a child that may not be ready.
            &["startup-window", "init-no-handler"][..],
        ),
    ];
    let tell = |(pod, web, may_be): (&str, ContainerSpec, &[&str])| {
        let spec = PodSpec::new(&namespace, pod).grace(2).with(web);
        let pod = Pod::start(&node.containerd, &spec);
        let id = pod.id("web").to_owned();
        pod.delete(2);
        let report = node.daemon.output().only_report_of(id);
        nothing_false_is_certain(&report, may_be);
        report.text("/verdict") == "forced"
    };
    let forced = thread::scope(|scope| {
        let told = pods.map(|pod| scope.spawn(move || tell(pod)));
        told.map(|told| u64::from(told.join().unwrap()))
    });
    let forced: u64 = forced.iter().sum();
    let ends = Ends {
        graceful: 4 - forced,
        forced,
        alone: 0,
    };
    all_told(&node.daemon, &namespace, ends);
}
