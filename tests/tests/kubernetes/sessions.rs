//! Sessions in a container that a stop finds there: they are shown, and are none of its processes.

use std::{
    thread,
    time::{Duration, Instant},
};

use rinit_trace_tests::{ContainerSpec, Pod, PodSpec, Report, wait};

use crate::{node::Node, run::new_namespace};

/// What is run in sessions and not by the container: one of each who starts sessions.
const BY_CTR: &str = "deaf";
const BY_RUNTIME: &str = "stubborn";
const BY_PROBE: &str = "reloader";

/// A session of two, which says that it is ready where the container does: its own output nobody reads.
fn session(program: &str) -> String {
    format!("exec /workload {program} server >/proc/1/fd/1")
}

/// Stops a container of these programs in the middle of three sessions.
fn stopped(node: &Node, programs: &[&str], verdict: &str) -> Report {
    let namespace = new_namespace();
    let web = ContainerSpec::workload("web", programs);
    let pod = Pod::run(
        &node.containerd,
        &PodSpec::new(&namespace, "visited").with(web),
    );
    let id = pod.id("web").to_owned();
    let [by_ctr, by_runtime, by_probe] = [BY_CTR, BY_RUNTIME, BY_PROBE].map(session);
    pod.exec_by_ctr("web", "by-ctr", &["/bin/sh", "-c", &by_ctr]);
    pod.exec_by_runtime("web", &["/bin/sh", "-c", &by_runtime]);
    thread::scope(|scope| {
        // It comes back when the stop has ended it, and what it says then is not asked.
        scope.spawn(|| pod.try_exec("web", &["/bin/sh", "-c", &by_probe]));
        pod.wait_for("web", "ready", programs.len() + 6);
        pod.stop("web", 30);
    });
    pod.delete(30);
    let report = node.daemon.output().only_report_of(id);
    for program in [BY_CTR, BY_RUNTIME, BY_PROBE] {
        let process = report.process(program);
        assert_eq!(process["role"], "exec", "{report}");
        assert_eq!(process["exit"]["signal"], "SIGKILL", "{report}");
    }
    let servers = report.named("server");
    let in_sessions = servers.iter().filter(|server| server["role"] == "exec");
    assert_eq!(in_sessions.count(), 3, "{report}");
    assert_eq!(servers.len(), 4, "{report}");
    let whose = [("namespace", namespace.as_str()), ("verdict", verdict)];
    let stops = "rinit_trace_stops_total";
    node.daemon.endpoint().wait_metric(stops, &whose, 1);
    report
}

#[test]
fn sessions_that_a_stop_kills_do_not_make_it_forced() {
    let Some(node) = Node::shared() else {
        return;
    };
    let report = stopped(&node, &["waiter", "server=20"], "graceful");
    report.says("graceful", "", 0);
}

#[test]
fn sessions_are_not_counted_among_those_that_a_stop_kills() {
    let Some(node) = Node::shared() else {
        return;
    };
    let report = stopped(&node, &["leaver", "server"], "forced");
    report.says("forced", "not-forwarded", 1);
}

/// Seconds that a pod with a hook has.
const GRACE: u32 = 3;
const HOOK: &str = r#"{"exec":{"command":["/drain.sh"]}}"#;

/// As a kubelet does: it runs the hook, gives it up after the grace period, and has the container stopped in
/// the 2 s that it always gives.
#[test]
fn a_hook_that_the_grace_period_cuts_is_told_and_a_session_beside_it_is_not() {
    let Some(node) = Node::shared() else {
        return;
    };
    let daemon = node.asking();
    let namespace = new_namespace();
    let web = ContainerSpec::workload("web", &["waiter", "server=20"]).pre_stop(HOOK);
    let spec = PodSpec::new(&namespace, "hooked").with(web).grace(GRACE);
    let pod = Pod::run(&node.containerd, &spec);
    let id = pod.id("web").to_owned();
    let run = |program| {
        let session = session(program);
        // It comes back when the stop has ended it, and what it says then is not asked.
        pod.try_exec("web", &["/bin/sh", "-c", &session])
    };
    thread::scope(|scope| {
        scope.spawn(|| run(BY_RUNTIME));
        pod.wait_for("web", "ready", 4);
        let begun = Instant::now();
        wait::until("the grace period is over", || {
            (begun.elapsed() >= Duration::from_secs(GRACE.into())).then_some(())
        });
        scope.spawn(|| run(BY_PROBE));
        pod.wait_for("web", "ready", 6);
        pod.stop("web", 2);
    });
    pod.delete(30);
    let report = daemon.output().only_report_of(id);
    report.says("graceful", "", 0);
    assert!(report.findings().contains(&"pre-stop-cut"), "{report}");
    let findings = report.at("/findings").as_array().unwrap();
    let cut = findings
        .iter()
        .find(|finding| finding["id"] == "pre-stop-cut");
    let hook = &report.process(BY_RUNTIME)["pid"];
    assert_eq!(cut.unwrap()["pids"], serde_json::json!([hook]), "{report}");
    assert_eq!(cut.unwrap()["confidence"], "likely", "{report}");
}

#[test]
fn a_hook_that_leaves_too_little_of_the_grace_period_is_spoken_of() {
    let Some(node) = Node::shared() else {
        return;
    };
    let daemon = node.asking();
    let namespace = new_namespace();
    let web = ContainerSpec::workload("web", &["server=8000"]).pre_stop(HOOK);
    let spec = PodSpec::new(&namespace, "hooked").with(web).grace(GRACE);
    let pod = Pod::run(&node.containerd, &spec);
    let id = pod.id("web").to_owned();
    assert_eq!(pod.exec("web", &["/bin/sh", "-c", "sleep 1"]), 0);
    pod.stop("web", GRACE - 1);
    pod.delete(30);
    let report = daemon.output().only_report_of(id);
    report.says("forced", "grace-exceeded", 1);
    report.is("/stop/grace_ms", 3000.0);
    let summary = report.text("/cause/summary");
    assert!(summary.contains("has a preStop hook"), "{report}");
    assert!(!report.findings().contains(&"pre-stop-cut"), "{report}");
}
