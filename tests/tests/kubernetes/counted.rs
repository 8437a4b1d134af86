//! What the daemon counts of pods, and under whose name.

use rinit_trace_tests::{ContainerSpec, Containerd, Daemon, Endpoint, Pod, PodSpec, Report, wait};

use crate::{
    plans::{Plan, plans},
    run::{AllGone, Gone, new_namespace, run_all},
};

/// What the series of stops are told apart by.
const VERDICTS: [&str; 3] = ["graceful", "forced", "unknown"];

/// Asserts what is counted of pods that nobody else counts in their namespace.
pub(crate) fn is_counted(endpoint: &Endpoint, namespace: &str, gone: &AllGone) {
    let whole = [("namespace", namespace)];
    let exits = gone
        .containers
        .iter()
        .filter(|one| one.expected.is_self_exit);
    let exits = exits.count();
    let stops = gone.containers.len() - exits;
    let [stops, exits] = [stops, exits].map(|count| u64::try_from(count).unwrap());
    endpoint.wait_metric("rinit_trace_stops_total", &whole, stops);
    endpoint.wait_metric("rinit_trace_self_exits_total", &whole, exits);
    let metrics = endpoint.metrics();
    for one in &gone.containers {
        let whose = labels(namespace, one);
        let count = |name, more: &[(&str, &str)]| metrics.count(name, &[&whose, more].concat());
        let expected = one.expected;
        for verdict in VERDICTS {
            let is_it = verdict == expected.verdict && !expected.is_self_exit;
            let counted = count("rinit_trace_stops_total", &[("verdict", verdict)]);
            assert_eq!(counted, u64::from(is_it), "{verdict} of {one:?}");
        }
        let alone = count("rinit_trace_self_exits_total", &[]);
        assert_eq!(alone, u64::from(expected.is_self_exit), "{one:?}");
        let lost = count("rinit_trace_lost_cleanup_total", &[]);
        assert_eq!(lost, expected.lost_cleanup, "{one:?}");
        let causes = count("rinit_trace_stop_causes_total", &[]);
        assert_eq!(causes, u64::from(!expected.cause.is_empty()), "{one:?}");
        if !expected.cause.is_empty() {
            let cause = [("cause", expected.cause)];
            let counted = count("rinit_trace_stop_causes_total", &cause);
            assert_eq!(counted, 1, "{one:?}");
        }
        let killed = count("rinit_trace_killed_processes_total", &[]);
        assert_eq!(killed > 0, expected.verdict == "forced", "{one:?}");
    }
    // A sandbox would have a series: with no container, or with one of a name that nobody gave.
    let known: Vec<_> = gone
        .containers
        .iter()
        .map(|one| labels(namespace, one))
        .collect();
    for sample in metrics.samples("rinit_trace_stops_total", &whole) {
        let is_known = known.iter().any(|whose| {
            whose
                .iter()
                .all(|(key, value)| sample.labels[*key] == *value)
        });
        assert!(is_known, "{sample:?}");
    }
}

fn labels<'a>(namespace: &'a str, one: &'a Gone) -> Vec<(&'static str, &'a str)> {
    vec![
        ("namespace", namespace),
        ("pod", &one.pod),
        ("container", one.expected.container),
    ]
}

/// Asserts the report of each, which there must be once.
fn is_reported(reports: &[Report], namespace: &str, gone: &AllGone) {
    for one in &gone.containers {
        let id = one.id.as_str().into();
        let of_it: Vec<&Report> = reports.iter().filter(|report| report.is_of(&id)).collect();
        let [report] = of_it.as_slice() else {
            panic!("{} reports of {one:?}", of_it.len());
        };
        one.expected.is_said_by(report);
        report.is("/workload/runtime", "containerd");
        report.is("/workload/pod/namespace", namespace);
        report.is("/workload/pod/name", one.pod.as_str());
        report.is("/workload/pod/uid", one.uid.as_str());
        report.is("/workload/pod/container", one.expected.container);
    }
    let ids = gone.sandboxes.iter();
    for sandbox in ids.map(|id| id.as_str().into()) {
        let report = reports.iter().find(|report| report.is_of(&sandbox));
        assert!(report.is_none(), "of a sandbox: {report:?}");
    }
}

fn all_are_right(daemon: &Daemon, containerd: &Containerd, plans: &[Plan], namespace: &str) {
    let gone = run_all(containerd, plans);
    assert!(gone.sandboxes.len() >= 20, "{gone:?}");
    is_counted(daemon.endpoint(), namespace, &gone);
    daemon.output().catch_up();
    is_reported(&daemon.output().reports_with(namespace), namespace, &gone);
    is_reported(
        &daemon
            .endpoint()
            .stops(&format!("namespace={namespace}&limit=1000")),
        namespace,
        &gone,
    );
    let lost = daemon.endpoint().metrics();
    assert_eq!(lost.count("rinit_trace_records_lost_total", &[]), 0);
    assert_eq!(lost.count("rinit_trace_records_undecodable_total", &[]), 0);
}

#[test]
fn twenty_pods_are_counted_once_each_with_the_socket() {
    let Some(containerd) = Containerd::start() else {
        return;
    };
    let socket = containerd.socket();
    let daemon = Daemon::start(&["--cri-socket", socket.to_str().unwrap()]);
    let namespace = new_namespace();
    all_are_right(&daemon, &containerd, &plans(&namespace), &namespace);
    // What CRI alone knows.
    let slow = daemon
        .endpoint()
        .stops(&format!("namespace={namespace}&container=log"));
    let [log] = slow.as_slice() else {
        panic!("{slow:?}");
    };
    log.is("/stop/grace_ms", 1000.0);
    let metrics = daemon.endpoint().metrics();
    let asked = metrics.count("rinit_trace_lookups_total", &[("source", "cri")]);
    assert!(asked > 0, "{metrics:?}");
}

#[test]
fn twenty_pods_are_counted_once_each_without_any_socket() {
    let Some(containerd) = Containerd::start() else {
        return;
    };
    let daemon = Daemon::start(&[]);
    let namespace = new_namespace();
    let mut plans = plans(&namespace);
    plans.retain(|plan| !plan.needs_cri);
    all_are_right(&daemon, &containerd, &plans, &namespace);
}

/// Nothing of it is left in /proc when somebody looks.
#[test]
fn job_of_a_moment_has_its_names() {
    let Some(containerd) = Containerd::start() else {
        return;
    };
    let socket = containerd.socket();
    let daemon = Daemon::start(&["--cri-socket", socket.to_str().unwrap()]);
    let namespace = new_namespace();
    let job = ContainerSpec::workload("job", &["quitter"]);
    let job = PodSpec::new(&namespace, "moment").with(job);
    let pod = Pod::run(&containerd, &job);
    let whose = [
        ("namespace", namespace.as_str()),
        ("pod", "moment"),
        ("container", "job"),
    ];
    let exits = "rinit_trace_self_exits_total";
    daemon.endpoint().wait_metric(exits, &whose, 1);
    pod.delete(30);
    daemon.output().catch_up();
    let metrics = daemon.endpoint().metrics();
    assert_eq!(metrics.count(exits, &whose), 1);
    assert_eq!(metrics.count("rinit_trace_stops_total", &whose), 0);
}

#[test]
fn series_are_there_before_the_stop_and_go_some_time_after_it() {
    let Some(containerd) = Containerd::start() else {
        return;
    };
    let namespace = new_namespace();
    let web = |pod| {
        PodSpec::new(&namespace, pod).with(ContainerSpec::workload("web", &["leaver", "server"]))
    };
    let before = Pod::run(&containerd, &web("before"));
    let daemon = Daemon::start(&["--metric-keep", "2s"]);
    let endpoint = daemon.endpoint();
    let after = Pod::run(&containerd, &web("after"));
    for pod in [before.name(), after.name()] {
        for verdict in VERDICTS {
            let whose = [
                ("namespace", namespace.as_str()),
                ("pod", pod),
                ("container", "web"),
                ("verdict", verdict),
            ];
            wait::until("a series at 0 of a running container", || {
                let metrics = endpoint.metrics();
                let [sample] = metrics.samples("rinit_trace_stops_total", &whose)[..] else {
                    return None;
                };
                assert!(sample.value == 0.0, "{sample:?}");
                Some(())
            });
        }
    }
    let forced = [("namespace", namespace.as_str()), ("verdict", "forced")];
    before.delete(30);
    endpoint.wait_metric("rinit_trace_stops_total", &forced, 1);
    let of_before = [("namespace", namespace.as_str()), ("pod", "before")];
    wait::until("the series of a container that is gone go", || {
        endpoint.metrics().with(&of_before).is_empty().then_some(())
    });
    // Those of the other stay, and its stop is counted.
    endpoint.wait_metric("rinit_trace_stops_total", &forced, 0);
    let of_after = [("namespace", namespace.as_str()), ("pod", "after")];
    assert!(!endpoint.metrics().with(&of_after).is_empty());
    after.delete(30);
    endpoint.wait_metric("rinit_trace_stops_total", &forced, 1);
}
