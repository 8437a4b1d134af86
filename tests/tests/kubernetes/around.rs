//! Runtimes that restart, and sockets that are no help: names may be lost by that, and never a report.

use rinit_trace_tests::{
    ContainerSpec, Containerd, Daemon, DockerApi, Manner, Pod, PodSpec, Report, wait,
};

use crate::run::new_namespace;

/// What a lookup that a socket failed is counted as.
const FAILURES: [&str; 5] = [
    "bad-answer",
    "connect-failed",
    "refused",
    "status",
    "timed-out",
];

fn web(namespace: &str, pod: &str) -> PodSpec {
    let web = ContainerSpec::workload("web", &["leaver", "server"]);
    PodSpec::new(namespace, pod).with(web)
}

/// Deletes a pod and waits for the report of its container.
fn deleted(daemon: &Daemon, pod: Pod) -> Report {
    let id = pod.id("web").to_owned();
    let (namespace, name) = (pod.namespace().to_owned(), pod.name().to_owned());
    pod.delete(30);
    let report = daemon.output().only_report_of(id);
    report.says("forced", "not-forwarded", 1);
    report.is("/workload/pod/namespace", namespace.as_str());
    report.is("/workload/pod/name", name.as_str());
    report.is("/workload/pod/container", "web");
    let whose = [
        ("namespace", namespace.as_str()),
        ("pod", name.as_str()),
        ("container", "web"),
        ("verdict", "forced"),
    ];
    daemon
        .endpoint()
        .wait_metric("rinit_trace_stops_total", &whose, 1);
    report
}

#[test]
fn restart_of_containerd_costs_no_report() {
    let Some(containerd) = Containerd::start() else {
        return;
    };
    let socket = containerd.socket();
    let daemon = Daemon::start(&["--cri-socket", socket.to_str().unwrap()]);
    let namespace = new_namespace();
    let before = Pod::run(&containerd, &web(&namespace, "before"));
    let meanwhile = Pod::run(&containerd, &web(&namespace, "meanwhile"));
    deleted(&daemon, before).is("/stop/grace_ms", 30_000.0);
    containerd.restart();
    deleted(&daemon, meanwhile).is("/stop/grace_ms", 30_000.0);
    let after = Pod::run(&containerd, &web(&namespace, "after"));
    deleted(&daemon, after);
}

/// Names come from the container's bundle then.
fn costs_no_report(manner: Manner) {
    let Some(containerd) = Containerd::start() else {
        return;
    };
    let no_cri = DockerApi::start(manner);
    let socket = no_cri.socket();
    let namespace = new_namespace();
    let before = Pod::run(&containerd, &web(&namespace, "before"));
    let daemon = Daemon::start(&["--cri-socket", socket.to_str().unwrap()]);
    let after = Pod::run(&containerd, &web(&namespace, "after"));
    for pod in [before, after] {
        deleted(&daemon, pod).is("/stop/grace_ms", ());
    }
    // Counted once a second.
    wait::until("failures of the socket are counted", || {
        let metrics = daemon.endpoint().metrics();
        let lookups = metrics.samples("rinit_trace_lookups_total", &[("source", "cri")]);
        let mut failed = lookups.iter().filter(|sample| {
            FAILURES.contains(&sample.labels["result"].as_str()) && sample.value > 0.0
        });
        failed.next().map(|_| ())
    });
}

#[test]
fn hanging_socket_costs_no_report() {
    costs_no_report(Manner::Hang);
}

#[test]
fn garbage_at_a_socket_costs_no_report() {
    costs_no_report(Manner::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()));
}

#[test]
fn dead_socket_costs_no_report() {
    costs_no_report(Manner::Refuse);
}
