//! Stops by a real podman: no daemon, and conmon in place of a shim.

use rinit_trace_tests::{Daemon, Podman, Report, Tracer, shared_trace, wait};

/// What podman and its containers are called in a report.
fn is_by_podman(report: &Report, name: &str) {
    report.is("/workload/runtime", "podman");
    report.is("/workload/name", name);
    report.is("/observation/lost_records", 0);
}

#[test]
fn stops_are_told_with_names_and_without_any_socket() {
    let Some(podman) = Podman::ready() else {
        return;
    };
    let tracer = shared_trace();
    let deaf = podman.workload(&[], &["deaf"]);
    let leaver = podman.workload(&[], &["leaver", "server"]);
    let waiter = podman.workload(&[], &["waiter", "server=20"]);
    let killed = podman.workload(&[], &["server"]);
    deaf.stop(1);
    leaver.stop(30);
    waiter.stop(30);
    killed.kill();
    for (container, verdict, cause, lost) in [
        (&deaf, "forced", "init-ignores-signal", 0),
        (&leaver, "forced", "not-forwarded", 1),
        (&waiter, "graceful", "", 0),
        (&killed, "forced", "no-stop-signal", 1),
    ] {
        let report = tracer.only_report_of(container.id());
        report.says(verdict, cause, lost);
        is_by_podman(&report, container.name());
        if cause == "no-stop-signal" {
            report.is("/stop/kill/sender/parent_comm", "podman");
        } else {
            report.is("/stop/sender/parent_comm", "podman");
        }
    }
}

/// What its API alone knows.
#[test]
fn image_grace_period_and_stop_signal_come_from_the_socket() {
    let Some(podman) = Podman::ready() else {
        return;
    };
    let service = podman.service();
    let tracer = Tracer::ready(&["-o", "jsonl", "--podman-socket", service.socket()]);
    let options = ["--stop-signal", "SIGUSR1", "--stop-timeout", "2"];
    let container = podman.workload(&options, &["sleeper"]);
    container.stop(2);
    let report = tracer.report_of(container.id());
    report.says("forced", "init-no-handler", 0);
    is_by_podman(&report, container.name());
    report.is("/workload/image", "localhost/rinit-trace-test:1");
    report.is("/stop/signal", "SIGUSR1");
    report.is("/stop/grace_ms", 2000.0);
    report.is("/stop/grace_source", "podman");
}

/// The runtime SIGKILLs the process that it has made and could not set up: no container has stopped.
#[test]
fn container_that_could_not_be_set_up_is_no_stop() {
    let Some(podman) = Podman::ready() else {
        return;
    };
    let tracer = shared_trace();
    let daemon = Daemon::start(&[]);
    let id = podman.break_off();
    tracer.no_report_of(id.as_str());
    daemon.output().no_report_of(id.as_str());
    // Written by a thread of its own.
    let line = wait::until("the daemon's log tells of it", || {
        let told = daemon.output().stderr();
        told.lines()
            .find(|line| line.contains(&id[..12]))
            .map(str::to_owned)
    });
    assert!(
        line.contains("gave it up before its program was started"),
        "{line}"
    );
}
