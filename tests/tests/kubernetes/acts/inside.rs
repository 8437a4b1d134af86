//! Sessions that do something to a container, or are there while it stops.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use rinit_trace_tests::{ContainerSpec, Daemon, Pod, PodSpec, Report, wait};

use super::{Ends, all_told, deleted};
use crate::{node::Node, run::new_namespace};

fn run<'a>(node: &'a Node, namespace: &str, pod: &str, programs: &[&str]) -> Pod<'a> {
    let web = ContainerSpec::workload("web", programs);
    Pod::run(&node.containerd, &PodSpec::new(namespace, pod).with(web))
}

/// Has a session run a command, and finds no report of the container.
fn to_no_effect(daemon: &Daemon, pod: &Pod, command: &str) {
    assert_eq!(pod.exec("web", &["/bin/sh", "-c", command]), 0);
    assert_eq!(pod.status("web").exit_code, None, "{command}");
    daemon.output().no_report_of(pod.id("web"));
}

/// Has a session send SIGTERM to PID 1, which ends by it and may take the session along.
fn killed_by_session(daemon: &Daemon, pod: Pod) -> Report {
    let _ = pod.try_exec("web", &["/bin/sh", "-c", "kill 1"]);
    pod.ended("web");
    let report = deleted(daemon, pod, "web", 1);
    report.is("/stop/trigger", "stop-signal");
    report.is("/stop/sender/inside", true);
    report
}

#[test]
fn kill_of_pid_1_by_a_session_is_a_stop_where_pid_1_handles_it() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let polite = run(&node, &namespace, "polite", &["server=20"]);
    let leaver = run(&node, &namespace, "leaver", &["leaver", "server"]);
    killed_by_session(&node.daemon, polite).says("graceful", "", 0);
    killed_by_session(&node.daemon, leaver).says("forced", "not-forwarded", 1);
    let ends = Ends {
        graceful: 1,
        forced: 1,
        alone: 0,
    };
    all_told(&node.daemon, &namespace, ends);
}

#[test]
fn kill_of_pid_1_by_a_session_that_the_kernel_drops_is_nothing() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let polite = run(&node, &namespace, "polite", &["waiter", "server=20"]);
    let sleeper = run(&node, &namespace, "sleeper", &["sleeper"]);
    to_no_effect(&node.daemon, &polite, "kill -9 1");
    to_no_effect(&node.daemon, &sleeper, "kill 1");
    to_no_effect(&node.daemon, &sleeper, "kill -9 1");
    // What comes of the real stop has nothing of that.
    deleted(&node.daemon, polite, "web", 30).says("graceful", "", 0);
    let report = deleted(&node.daemon, sleeper, "web", 1);
    report.says("forced", "init-no-handler", 0);
    report.is("/cause/confidence", "certain");
    report.is("/stop/sender/inside", false);
    let ends = Ends {
        graceful: 1,
        forced: 1,
        alone: 0,
    };
    all_told(&node.daemon, &namespace, ends);
}

/// Runs one probe after another for as long as the container is there, from before the stop on.
fn probed(daemon: &Daemon, pod: Pod, grace: u32) -> Report {
    let probes = AtomicUsize::new(0);
    let is_gone = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_gone.load(Ordering::Relaxed) {
                // The last ones are refused, or die with it.
                let _ = pod.try_exec("web", &["/bin/sh", "-c", "true | cat"]);
                probes.fetch_add(1, Ordering::Relaxed);
            }
        });
        wait::until("a probe has run", || {
            (probes.load(Ordering::Relaxed) > 0).then_some(())
        });
        pod.stop("web", grace);
        is_gone.store(true, Ordering::Relaxed);
    });
    assert!(probes.load(Ordering::Relaxed) > 1, "one probe alone");
    deleted(daemon, pod, "web", grace)
}

#[test]
fn probes_during_a_stop_change_nothing_of_it() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let polite = run(&node, &namespace, "polite", &["waiter", "server=1000"]);
    let deaf = run(&node, &namespace, "deaf", &["deaf", "server"]);
    thread::scope(|scope| {
        scope.spawn(|| {
            let report = probed(&node.daemon, polite, 30);
            report.says("graceful", "", 0);
        });
        let report = probed(&node.daemon, deaf, 1);
        report.says("forced", "init-ignores-signal", 1);
        report.is("/cause/confidence", "certain");
    });
    let ends = Ends {
        graceful: 1,
        forced: 1,
        alone: 0,
    };
    all_told(&node.daemon, &namespace, ends);
}
