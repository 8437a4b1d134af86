//! Pods on nodes where systemd makes the cgroups: in scopes and slices, with names that say whose they are.

use rinit_trace_tests::{Containerd, Daemon, Scope};

use crate::run::new_namespace;

#[test]
fn container_in_a_scope_has_its_names_wherever_in_it_its_processes_are() {
    let Some(containerd) = Containerd::start() else {
        return;
    };
    let namespace = new_namespace();
    let run = |pod| Scope::run(&containerd, &namespace, pod, &["leaver", "server"]);
    let before = [
        ("before", run("before")),
        ("before-below", run("before-below")),
    ];
    before[1].1.move_below("init.scope");
    let daemon = Daemon::start(&[]);
    let after = [("after", run("after")), ("after-below", run("after-below"))];
    after[1].1.move_below("init.scope");
    for (pod, scope) in before.into_iter().chain(after) {
        scope.kill("SIGTERM");
        let report = daemon.output().only_report_of(scope.id());
        report.says("forced", "not-forwarded", 1);
        report.is("/workload/runtime", "containerd");
        report.is("/workload/pod/uid", scope.uid());
        report.is("/workload/pod/namespace", &*namespace);
        report.is("/workload/pod/name", pod);
        report.is("/workload/pod/container", "web");
        let cgroup = report.text("/workload/cgroup");
        assert!(cgroup.starts_with(&scope.cgroup()), "{report}");
        let whose = [
            ("namespace", &*namespace),
            ("pod", pod),
            ("container", "web"),
        ];
        let stops = "rinit_trace_stops_total";
        daemon.endpoint().wait_metric(stops, &whose, 1);
    }
}
