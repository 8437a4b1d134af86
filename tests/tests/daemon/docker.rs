//! Docker that is restarted in the middle.

use rinit_trace_tests::{Daemon, Dockerd, Report, send};

fn is_told(daemon: &Daemon, id: &str, name: &str) -> Report {
    let report = daemon.output().only_report_of(id);
    report.is("/workload/runtime", "docker");
    report.is("/workload/name", name);
    let whose = [("container", name), ("verdict", report.text("/verdict"))];
    daemon
        .endpoint()
        .wait_metric("rinit_trace_stops_total", &whose, 1);
    report
}

#[test]
fn restart_of_docker_costs_no_report() {
    let Some(docker) = Dockerd::start() else {
        return;
    };
    let names = ["web-before", "web-meanwhile", "web-old", "web-after"];
    let old: Vec<String> = names[..3]
        .iter()
        .map(|name| docker.run(name, &["leaver", "server"]))
        .collect();
    let socket = docker.socket();
    let daemon = Daemon::start(&["--docker-socket", socket.to_str().unwrap()]);
    for name in &names[..3] {
        let whose = [("container", *name), ("verdict", "forced")];
        daemon
            .endpoint()
            .wait_metric("rinit_trace_stops_total", &whose, 0);
    }
    docker.docker(&["stop", names[0]]);
    is_told(&daemon, &old[0], names[0]).says("forced", "not-forwarded", 1);
    let main = docker.docker(&["inspect", "-f", "{{.State.Pid}}", names[1]]);
    docker.end();
    // Nobody answers for its name any more.
    send(main.parse().unwrap(), libc::SIGTERM);
    is_told(&daemon, &old[1], names[1]).says("forced", "not-forwarded", 1);
    docker.start_again();
    docker.docker(&["stop", names[2]]);
    is_told(&daemon, &old[2], names[2]).says("forced", "not-forwarded", 1);
    let new = docker.run(names[3], &["waiter"]);
    docker.docker(&["stop", names[3]]);
    is_told(&daemon, &new, names[3]).says("graceful", "", 0);
}
