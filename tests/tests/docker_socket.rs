//! Docker may be absent, dead or talk nonsense: containers are found by their cgroups all the same, in bounded time.

use std::time::{Duration, Instant};

use rinit_trace_tests::{Docker, DockerApi, Manner, Report, Tracer};

/// Two questions of two seconds each, and the time that tracing takes to begin.
const BOUND: Duration = Duration::from_secs(15);

/// Traces the stop of a container by the begin of its id, with this socket.
fn report_with_socket(docker: &Docker, socket: &str) -> (Report, String) {
    let container = docker.workload(&["leaver", "server"]);
    let started = Instant::now();
    let prefix = &container.id()[..12];
    let tracer = Tracer::ready(&[
        "--container",
        prefix,
        "--docker-socket",
        socket,
        "-o",
        "json",
    ]);
    let ready = started.elapsed();
    assert!(ready < BOUND, "{ready:?}");
    let stopped = Instant::now();
    container.stop(10);
    let report = tracer.report();
    assert!(stopped.elapsed() < BOUND, "{:?}", stopped.elapsed());
    report.says("forced", "not-forwarded", 1);
    report.is("/workload/container_id", container.id());
    // Known from the init's cgroup, which was there when tracing began.
    report.is("/workload/runtime", "docker");
    let cgroup = report.text("/workload/cgroup");
    assert!(
        cgroup.starts_with('/') && cgroup.contains(container.id()),
        "{report}"
    );
    report.is("/workload/init/comm", "leaver");
    (report, container.name().to_owned())
}

/// What only Docker knows is not known, and not guessed.
fn is_without_names(report: &Report) {
    for unknown in ["/workload/name", "/workload/image", "/stop/grace_ms"] {
        report.is(unknown, ());
    }
}

#[test]
fn absent() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let (report, _) = report_with_socket(&docker, "/nonexistent/docker.sock");
    is_without_names(&report);
}

#[test]
fn refusing() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let api = DockerApi::start(Manner::Refuse);
    let (report, _) = report_with_socket(&docker, api.socket().to_str().unwrap());
    is_without_names(&report);
}

#[test]
fn hanging() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let api = DockerApi::start(Manner::Hang);
    let (report, _) = report_with_socket(&docker, api.socket().to_str().unwrap());
    is_without_names(&report);
}

#[test]
fn talking_nonsense() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    for nonsense in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n[",
    ] {
        let api = DockerApi::start(Manner::Raw(nonsense.to_vec()));
        let (report, _) = report_with_socket(&docker, api.socket().to_str().unwrap());
        is_without_names(&report);
    }
}

#[test]
fn ignorant() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let api = DockerApi::start(Manner::Answers {
        list: "[]".to_owned(),
        inspect: String::new(),
    });
    let (report, _) = report_with_socket(&docker, api.socket().to_str().unwrap());
    is_without_names(&report);
}

#[test]
fn answering() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let (report, name) = report_with_socket(&docker, "/var/run/docker.sock");
    report.is("/workload/name", name);
    report.is("/stop/grace_ms", 10_000.0);
}

#[test]
fn unknown_name_without_docker_says_why_it_cannot_be_found() {
    let Some(_docker) = Docker::ready() else {
        return;
    };
    let arguments = ["--container", "web", "--docker-socket", "/nonexistent"];
    let ended = rinit_trace_tests::run(&arguments);
    let line = ended.error(2);
    assert!(line.contains("no Docker socket at /nonexistent"), "{line}");
    assert!(line.contains("pid:N"), "{line}");
}
