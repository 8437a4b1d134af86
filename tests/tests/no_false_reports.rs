//! What is no stop: signals that the kernel drops, killed workers, `docker exec` sessions, reloads.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use rinit_trace_tests::{Contained, Docker, Kernel, Namespace, WORKLOAD, enter, shared_trace};

const GRACE: Duration = Duration::from_secs(10);

#[test]
fn signals_to_the_init_from_inside_are_dropped() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = shared_trace();
    // The init handles SIGTERM, so that SIGINT is what has no effect.
    let mut namespace = Namespace::start(&["waiter", "pest=9", "pest=2", "server=50"]);
    namespace.wait_for("sent", 20);
    tracer.no_report_of(namespace.pid());
    namespace.stop(GRACE);
    let report = tracer.only_report_of(namespace.pid());
    report.says("graceful", "", 0);
    report.is("/stop/trigger", "stop-signal");
    report.is("/stop/signal", "SIGTERM");
    report.is("/stop/sender/inside", false);
    report.is("/stop/kill", ());
}

/// Blocked for a moment, as around a fork, it is queued, and dropped only when it would be delivered.
#[test]
fn signal_from_inside_that_is_dropped_late_begins_no_stop() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = shared_trace();
    let mut namespace = Namespace::start(&["late-drop=2", "pest=2"]);
    namespace.wait_for("dropped", 1);
    namespace.stop(GRACE);
    let report = tracer.only_report_of(namespace.pid());
    report.is("/stop/signal", "SIGTERM");
    report.is("/stop/sender/inside", false);
    report.says("forced", "not-forwarded", 0);
}

#[test]
fn sigterm_to_a_shell_from_inside_is_dropped() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = shared_trace();
    let container = docker.shell("sleep 1000 & echo ready; wait", 1);
    // Shells take SIGINT also without a trap.
    container.exec("kill -9 1; kill 1; kill -QUIT 1");
    tracer.no_report_of(container.id());
    container.stop(1);
    let report = tracer.only_report_of(container.id());
    report.says("forced", "init-no-handler", 0);
    report.is("/stop/sender/comm", "runc");
    report.is("/stop/sender/inside", false);
    let used = report.number("/stop/grace_used_ms");
    assert!((900.0..3000.0).contains(&used), "{report}");
}

#[test]
fn worker_killed_by_its_parent_is_no_stop() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = shared_trace();
    let mut namespace = Namespace::start(&["recycler", "sleeper"]);
    namespace.wait_for("recycled", 20);
    namespace.signal(libc::SIGUSR1);
    namespace.wait_for("settled", 1);
    tracer.no_report_of(namespace.pid());
    namespace.stop(GRACE);
    let report = tracer.only_report_of(namespace.pid());
    // The workers are not of the stop; the child that nobody told is.
    report.says("forced", "not-forwarded", 0);
    report.is("/stop/trigger", "stop-signal");
    assert_eq!(report.processes().len(), 2, "{report}");
}

#[test]
fn exec_sessions_that_come_and_go_are_no_stops() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = shared_trace();
    let container = docker.workload(&["waiter", "server=50"]);
    for _ in 0..3 {
        container.exec("sleep 1000 & kill -9 $!; kill -TERM $$");
    }
    tracer.no_report_of(container.id());
    container.stop(10);
    let report = tracer.only_report_of(container.id());
    report.says("graceful", "", 0);
    assert_eq!(report.processes().len(), 2, "{report}");
}

#[test]
fn exec_session_that_is_killed_with_the_container_does_not_make_it_forced() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = shared_trace();
    let container = docker.workload(&["waiter", "server=50"]);
    container.exec_workload(&["leaver", "sleeper"]);
    tracer.no_report_of(container.id());
    container.stop(10);
    let report = tracer.only_report_of(container.id());
    report.says("graceful", "", 0);
    for name in ["leaver", "sleeper"] {
        let process = report.process(name);
        assert_eq!(process["role"], "exec", "{report}");
        assert_eq!(process["outcome"], "killed-unsignalled", "{report}");
        assert_eq!(process["killed_by"], "pidns-teardown", "{report}");
    }
    assert_eq!(report.process("server")["role"], "member", "{report}");
    assert_eq!(report.process("waiter")["role"], "init", "{report}");
}

/// `nsenter` leaves who enters in the cgroup of the session that it came from.
#[test]
fn who_enters_from_a_login_session_does_not_make_it_forced() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = shared_trace();
    let mut container = Contained::start(&["waiter"]);
    let mut command = Command::new(WORKLOAD);
    command.arg("deaf").stdout(Stdio::piped());
    let mut shell = enter(container.pid(), command);
    let mut said = BufReader::new(shell.stdout.take().unwrap());
    // The namespace does not end before somebody has waited for it.
    let ended = thread::spawn(move || shell.wait().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "ready deaf\n");
    container.stop(GRACE);
    ended.join().unwrap();
    let report = tracer.only_report_of(container.id());
    report.says("graceful", "", 0);
    assert_eq!(report.processes().len(), 2, "{report}");
    let shell = report.process("deaf");
    assert_eq!(shell["role"], "exec", "{report}");
    assert_eq!(shell["outcome"], "killed-unsignalled", "{report}");
}

#[test]
fn exec_session_beside_a_forced_stop_is_told_apart() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = shared_trace();
    let container = docker.workload(&["sleeper", "server"]);
    container.exec_workload(&["threads=3", "deaf"]);
    container.stop(1);
    let report = tracer.only_report_of(container.id());
    // The session's handler is nobody's cleanup.
    report.says("forced", "init-no-handler", 1);
    assert_eq!(report.process("threads")["role"], "exec", "{report}");
    assert_eq!(report.process("deaf")["role"], "exec", "{report}");
    assert_eq!(report.process("server")["role"], "member", "{report}");
}

#[test]
fn reloads_from_outside_are_no_stops() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = shared_trace();
    let container = docker.workload(&["reloader"]);
    for reload in 1..=3 {
        container.kill("HUP");
        container.wait_for("reloaded", reload);
    }
    tracer.no_report_of(container.id());
    container.stop(10);
    let report = tracer.only_report_of(container.id());
    report.says("graceful", "", 0);
    report.is("/stop/signal", "SIGTERM");
    // The reloads are not of the stop.
    let pid = report.at("/workload/init/pid");
    assert!(report.signals("SIGHUP", pid).is_empty(), "{report}");
    assert!(report.number("/duration_ms") < 2000.0, "{report}");
}
