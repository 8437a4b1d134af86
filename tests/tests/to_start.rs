//! A container that has not started is waited for, and its stop is told however short it lived.

use rinit_trace_tests::{Docker, Tracer, trace};

const NOT_TRACED: i32 = 3;

/// What it says at last, having traced nothing.
fn error(tracer: Tracer) -> String {
    let ended = tracer.ended();
    assert_eq!(ended.code, Some(NOT_TRACED), "{ended:#?}");
    let line = ended.stderr.lines().last().unwrap_or_default().to_owned();
    assert!(line.starts_with("error: "), "{ended:#?}");
    line
}

/// Nothing could be attached in the time between its start and its end.
#[test]
fn a_container_that_ends_right_after_its_start() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let container = docker.create(&["sh", "-c", "exit 3"]);
    let tracer = trace(container.name());
    assert!(container.try_start());
    let report = tracer.report();
    report.is("/verdict", "graceful");
    report.is("/workload/container_id", container.id());
    report.is("/processes/0/exit/code", 3);
}

#[test]
fn a_container_that_is_started_and_stopped() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let container = docker.create(&["sh", "-c", "echo ready; sleep 1000; true"]);
    // Another one stops meanwhile.
    let other = docker.shell("echo ready; exec sleep 1000", 1);
    let tracer = trace(container.id());
    assert!(container.try_start());
    container.wait_for("ready", 1);
    other.stop(0);
    container.stop(1);
    let report = tracer.report();
    report.says("forced", "init-no-handler", 0);
    report.is("/workload/name", container.name());
}

#[test]
fn a_container_whose_start_fails() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let container = docker.create(&["/nonexistent"]);
    let tracer = trace(container.name());
    assert!(!container.try_start());
    let line = error(tracer);
    assert!(line.contains("failed: none of its program ran"), "{line}");
}

#[test]
fn a_container_that_is_removed_without_a_start() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let container = docker.create(&["sh"]);
    let tracer = trace(container.name());
    container.remove();
    let line = error(tracer);
    assert!(line.contains("is not running (removed)"), "{line}");
}

#[test]
fn a_container_that_does_not_start_in_time() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let container = docker.create(&["sh"]);
    let tracer = Tracer::ready(&["--container", container.name(), "--timeout", "1"]);
    let line = error(tracer);
    assert!(line.contains("within the timeout"), "{line}");
}
