//! Containers that are made anew in the same pod: each is another, under the same name.

use std::{collections::HashSet, thread};

use rinit_trace_tests::{ContainerSpec, Pod, PodSpec};

use super::{Ends, all_told, deleted, ended_alone, tell, told};
use crate::{node::Node, run::new_namespace};

/// How often a container is made anew.
const RESTARTS: u64 = 2;

/// Has a container stopped as for a failed liveness probe, and made anew, and deletes the pod. Returns the ids.
fn restarted(node: &Node, spec: &PodSpec, grace: u32) -> Vec<String> {
    let mut pod = Pod::run(&node.containerd, spec);
    let mut ids = Vec::new();
    for _ in 0..RESTARTS {
        ids.push(pod.id("web").to_owned());
        pod.stop("web", grace);
        pod.ended("web");
        pod.restart("web");
    }
    ids.push(pod.id("web").to_owned());
    pod.delete(grace);
    ids
}

#[test]
fn restart_for_a_failed_probe_is_a_stop_each_time() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let of = |pod, programs: &[&str]| {
        let web = ContainerSpec::workload("web", programs);
        PodSpec::new(&namespace, pod).with(web)
    };
    let polite = of("polite", &["waiter", "server=20"]);
    let deaf = of("deaf", &["deaf"]).grace(1);
    thread::scope(|scope| {
        let polite = scope.spawn(|| restarted(&node, &polite, 30));
        let deaf = restarted(&node, &deaf, 1);
        for id in polite.join().unwrap() {
            let report = node.daemon.output().only_report_of(id);
            report.says("graceful", "", 0);
            report.is("/stop/trigger", "stop-signal");
        }
        for id in deaf {
            let report = node.daemon.output().only_report_of(id);
            report.says("forced", "init-ignores-signal", 0);
            report.is("/cause/confidence", "certain");
        }
    });
    let ends = Ends {
        graceful: RESTARTS + 1,
        forced: RESTARTS + 1,
        alone: 0,
    };
    all_told(&node.daemon, &namespace, ends);
}

/// They are over soon, and only the socket has the names of what is over.
#[test]
fn crash_loop_is_no_stop() {
    let Some(node) = Node::shared() else {
        return;
    };
    let daemon = node.asking();
    let namespace = new_namespace();
    let crash = told("web", "echo ready; read told </go; exit 3");
    let spec = PodSpec::new(&namespace, "loop").with(crash);
    let mut pod = Pod::run(&node.containerd, &spec);
    let mut ids = Vec::new();
    for restart in 0..=RESTARTS {
        if restart > 0 {
            pod.restart("web");
        }
        ids.push(pod.id("web").to_owned());
        tell(&pod, "web");
        assert_eq!(pod.ended("web").exit_code, Some(3));
    }
    pod.delete(30);
    for id in ids {
        ended_alone(&daemon.output().only_report_of(id));
    }
    let ends = Ends {
        alone: RESTARTS + 1,
        ..Ends::default()
    };
    all_told(daemon, &namespace, ends);
}

/// As a `StatefulSet` has it: the next pod has the name of the one before.
#[test]
fn pod_of_the_same_name_is_another_and_counts_on() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let web = ContainerSpec::workload("web", &["waiter", "server=20"]);
    let spec = PodSpec::new(&namespace, "web-0").with(web);
    let whose = [("namespace", namespace.as_str()), ("pod", "web-0")];
    let mut uids = HashSet::new();
    for stops in 1..=2 {
        let pod = Pod::run(&node.containerd, &spec);
        let uid = pod.uid().to_owned();
        uids.insert(uid.clone());
        let report = deleted(&node.daemon, pod, "web", 30);
        report.says("graceful", "", 0);
        report.is("/workload/pod/uid", uid);
        let endpoint = node.daemon.endpoint();
        endpoint.wait_metric("rinit_trace_stops_total", &whose, stops);
    }
    assert_eq!(uids.len(), 2, "{uids:?}");
    let ends = Ends {
        graceful: 2,
        ..Ends::default()
    };
    all_told(&node.daemon, &namespace, ends);
}
