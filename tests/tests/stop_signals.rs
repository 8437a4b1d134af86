//! Stop signals that are no usual ones, with and without somebody who says which is configured; and starts that
//! fail, which are no stops.

use rinit_trace_tests::{Daemon, Docker, Tracer, shared_trace, wait};

/// A shell that takes a signal, works for two seconds, and ends; its child is signalled by nobody.
const WORKS_FOR_TWO_SECONDS: &str =
    "sleep 1000 & trap 'sleep 2; exit 0' USR1 WINCH HUP; echo ready; while :; do wait; done";

#[test]
fn a_signal_of_the_image_is_seen_to_be_passed_on_in_a_long_stop() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = shared_trace();
    for signal in ["SIGUSR1", "SIGWINCH", "SIGHUP"] {
        let options = ["--init", "--stop-signal", signal];
        let container = docker.start(&options, &["sh", "-c", WORKS_FOR_TWO_SECONDS], 1);
        container.stop(10);
        let report = tracer.report_of(container.id());
        report.says("forced", "forwarded-to-child-only", 0);
        report.is("/cause/confidence", "certain");
        report.is("/stop/signal", signal);
    }
}

/// As in the base of the Kubernetes manifests.
#[test]
fn without_a_socket_what_the_runtime_sends_is_taken_for_the_stop_signal() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = Tracer::ready(&["-o", "jsonl", "--docker-socket", "/nonexistent"]);
    for signal in ["SIGUSR1", "SIGWINCH"] {
        let options = ["--init", "--stop-signal", signal];
        let container = docker.start(&options, &["sh", "-c", WORKS_FOR_TWO_SECONDS], 1);
        container.stop(10);
        let report = tracer.report_of(container.id());
        report.says("forced", "forwarded-to-child-only", 0);
        report.is("/cause/confidence", "likely");
        report.is("/stop/trigger", "stop-signal");
        report.is("/stop/signal", signal);
    }
    // Its default action is to be ignored: the kernel drops it, and the runtime waits.
    let deaf = docker.start(&["--stop-signal", "SIGWINCH"], &["/workload", "sleeper"], 1);
    deaf.stop(1);
    let report = tracer.report_of(deaf.id());
    report.says("forced", "init-no-handler", 0);
    report.is("/cause/confidence", "likely");
    report.is("/stop/result", "ignored");
    assert!(
        tracer.stderr().contains("has no SIGWINCH handler"),
        "{}",
        tracer.stderr()
    );
}

#[test]
fn a_program_that_cannot_be_started_is_no_stop() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let daemon = Daemon::start(&[]);
    for program in ["/nonexistent", "/etc"] {
        let container = docker.failed_start(program);
        let id = container.id();
        wait::until("the daemon's log tells of it", || {
            let told = daemon.output().stderr();
            let mut lines = told.lines();
            lines
                .any(|line| {
                    line.contains(&id[..12]) && line.contains("could not start its program")
                })
                .then_some(())
        });
        daemon.output().no_report_of(id);
    }
}
