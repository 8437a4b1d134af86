//! What happens to pods on a cluster beside a delete that goes well: each act by the calls that a kubelet makes for it.

mod again;
mod inside;
mod memory;
mod order;
mod restarts;
mod sharing;
mod signals;

use std::fs;

use rinit_trace_tests::{ContainerSpec, Daemon, Pod, Report, wait};

/// How the containers of a namespace of Kubernetes have ended.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    graceful: u64,
    forced: u64,
    /// By themselves, with nobody killed.
    alone: u64,
}

/// Asserts that this and nothing else is told of a namespace of Kubernetes: by reports, and by what is counted.
fn all_told(daemon: &Daemon, namespace: &str, ends: Ends) {
    daemon.output().catch_up();
    let quoted = format!("\"{namespace}\"");
    let reports = daemon.output().reports_with(&quoted);
    let count = u64::try_from(reports.len()).unwrap();
    assert_eq!(
        count,
        ends.graceful + ends.forced + ends.alone,
        "{reports:#?}"
    );
    let whole = [("namespace", namespace)];
    let endpoint = daemon.endpoint();
    for (verdict, count) in [
        ("graceful", ends.graceful),
        ("forced", ends.forced),
        ("unknown", 0),
    ] {
        let whole = [&whole[..], &[("verdict", verdict)]].concat();
        endpoint.wait_metric("rinit_trace_stops_total", &whole, count);
    }
    endpoint.wait_metric("rinit_trace_self_exits_total", &whole, ends.alone);
}

/// Deletes a pod of one container, and returns what is reported of that.
fn deleted(daemon: &Daemon, pod: Pod, container: &str, grace: u32) -> Report {
    let id = pod.id(container).to_owned();
    pod.delete(grace);
    daemon.output().only_report_of(id)
}

/// Waits until a daemon that asks no socket has the names of a container: of one that is over sooner it may have none.
fn known(daemon: &Daemon, pod: &Pod, container: &str) {
    let whose = [
        ("namespace", pod.namespace()),
        ("pod", pod.name()),
        ("container", container),
    ];
    wait::until("a container has its names", || {
        let metrics = daemon.endpoint().metrics();
        let series = metrics.samples("rinit_trace_self_exits_total", &whose);
        (!series.is_empty()).then_some(())
    });
}

/// Asserts that a container ended by itself, and that this took nobody along.
fn ended_alone(report: &Report) {
    report.says("graceful", "", 0);
    // A child that a shell has waited for just before may be what it left with.
    let trigger = report.text("/stop/trigger");
    let is_alone = ["init-exit", "main-child-exit"].contains(&trigger);
    assert!(is_alone, "{report}");
}

/// A shell's script with `read told </go` somewhere, which says `ready` once.
fn told(container: &str, script: &str) -> ContainerSpec {
    ContainerSpec::shell(container, &format!("mkfifo /go; {script}"), 1)
}

/// Has it go on.
fn tell(pod: &Pod, container: &str) {
    let go = format!("/proc/{}/root/go", pod.pid(container));
    fs::write(go, "\n").unwrap();
}
