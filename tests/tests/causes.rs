//! Each way to stop, and the cause that the report gives.

use std::{process::Command, time::Duration};

use rinit_trace_tests::{Docker, Kernel, Namespace, Report, shared_trace, trace, wait};

/// Long enough for a program that ends at once, short enough to wait for.
const GRACE: Duration = Duration::from_millis(500);

/// Stops programs of `tests/workloads` as a runtime does.
fn report_of_stop(programs: &[&str], grace: Duration) -> Report {
    let tracer = shared_trace();
    let mut namespace = Namespace::start(programs);
    namespace.stop(grace);
    tracer.report_of(namespace.pid())
}

/// Traced from its start, so that it is certain: no stop signal was missed.
#[test]
fn docker_kill_sends_no_stop_signal() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = shared_trace();
    let container = docker.workload(&["waiter", "server"]);
    container.kill("KILL");
    let report = tracer.report_of(container.id());
    // Both would have cleaned up.
    report.says("forced", "no-stop-signal", 2);
    report.is("/cause/confidence", "certain");
    report.is("/stop/trigger", "sigkill");
    for nothing in ["signal", "result", "taken", "sender", "grace_used_ms"] {
        report.is(&format!("/stop/{nothing}"), ());
    }
    report.is("/stop/kill/sender/comm", "runc");
    report.is("/workload/name", container.name());
}

#[test]
fn docker_rm_force_sends_no_stop_signal() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let container = docker.workload(&["sleeper"]);
    let tracer = trace(container.id());
    container.remove();
    let report = tracer.report();
    // One may have been sent before the trace began.
    report.says("forced", "unexplained", 0);
    // Docker forgets it at once; it was asked before.
    report.is("/workload/container_id", container.id());
    report.is("/workload/name", container.name());
}

#[test]
fn init_that_ignores_the_stop_signal() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let report = report_of_stop(&["deaf", "server"], GRACE);
    report.says("forced", "init-ignores-signal", 1);
    report.is("/stop/result", "ignored");
    report.is("/stop/taken", false);
    let init = report.process("deaf");
    assert_eq!(init["stop_signal"]["disposition"], "ignored", "{report}");
    assert_eq!(init["outcome"], "killed-ignoring", "{report}");
}

#[test]
fn shutdown_that_takes_longer_than_the_grace_period() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let report = report_of_stop(&["server=60000"], GRACE);
    report.says("forced", "grace-exceeded", 1);
    report.is("/stop/result", "delivered");
    report.is("/stop/taken", true);
    assert_eq!(
        report.process("server")["outcome"],
        "killed-handling",
        "{report}"
    );
    let used = report.number("/stop/grace_used_ms");
    assert!(
        (GRACE.as_secs_f64() * 1e3..5000.0).contains(&used),
        "{report}"
    );
}

#[test]
fn init_that_takes_the_signal_and_waits_for_a_child_that_ignores_it() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let report = report_of_stop(&["waiter", "deaf", "server"], GRACE);
    report.says("forced", "grace-exceeded", 1);
    assert_eq!(
        report.process("deaf")["outcome"],
        "killed-ignoring",
        "{report}"
    );
    assert_eq!(report.process("server")["outcome"], "exited", "{report}");
}

#[test]
fn init_that_exits_by_itself_leaves_its_children_to_the_kernel() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = shared_trace();
    let mut namespace = Namespace::start(&["quitter=3", "server", "sleeper"]);
    namespace.end_input();
    let report = tracer.report_of(namespace.pid());
    report.says("forced", "init-exited", 1);
    report.is("/stop/trigger", "init-exit");
    report.is("/stop/signal", ());
    report.is("/stop/kill", ());
    assert_eq!(report.process("quitter")["exit"]["code"], 3, "{report}");
    for name in ["server", "sleeper"] {
        let process = report.process(name);
        assert_eq!(process["killed_by"], "pidns-teardown", "{report}");
    }
    namespace.wait();
}

#[test]
fn init_that_exits_on_the_signal_and_tells_nobody() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let report = report_of_stop(&["leaver", "server=100"], Duration::from_secs(10));
    report.says("forced", "not-forwarded", 1);
    report.is("/stop/taken", true);
    report.is("/stop/kill", ());
    let server = report.process("server");
    assert_eq!(server["outcome"], "killed-unsignalled", "{report}");
    assert_eq!(server["killed_by"], "pidns-teardown", "{report}");
}

#[test]
fn init_that_waits_for_its_children_is_graceful() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let report = report_of_stop(
        &["waiter", "server=100", "sleeper"],
        Duration::from_secs(10),
    );
    report.says("graceful", "", 0);
    report.is("/stop/taken", true);
    let server = report.process("server");
    assert_eq!(server["outcome"], "exited", "{report}");
    assert_eq!(server["stop_signal"]["received"], 1, "{report}");
    assert_eq!(server["stop_signal"]["taken"], true, "{report}");
    let sleeper = report.process("sleeper");
    assert_eq!(sleeper["outcome"], "terminated", "{report}");
    assert!(report.number("/duration_ms") >= 100.0, "{report}");
}

/// The signal is queued while it is blocked, and dropped when it would be delivered: shells do that for an instant
/// whenever they start a command.
#[test]
fn signal_that_was_blocked_for_a_moment_and_then_dropped() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let report = report_of_stop(&["late-drop", "server"], GRACE);
    report.is("/stop/result", "delivered");
    report.is("/stop/taken", false);
    report.says("forced", "init-no-handler", 1);
}

/// Which of the two ways the signal is dropped depends on the instant; what it means does not.
#[test]
fn shells_that_start_commands_all_the_time() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = shared_trace();
    for _ in 0..20 {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo ready; while :; do /bin/true; done"]);
        let mut namespace = Namespace::start_command(command, 1);
        namespace.stop(Duration::from_millis(50));
        let report = tracer.report_of(namespace.pid());
        report.says("forced", "init-no-handler", 0);
        report.is("/stop/taken", false);
    }
}

#[test]
fn many_threads_are_one_process_and_one_kill() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let report = report_of_stop(&["leaver", "threads=64"], Duration::from_secs(10));
    report.says("forced", "not-forwarded", 1);
    let process = report.process("threads");
    // The kernel tries it for each thread that is not dying yet, and drops all but the first.
    let mut kills = report.signals("SIGKILL", &process["pid"]);
    kills.retain(|kill| kill["result"] != "ignored");
    assert_eq!(kills.len(), 1, "{report}");
    assert_eq!(report.processes().len(), 2, "{report}");
}

#[test]
fn init_with_many_threads_is_one_process() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let report = report_of_stop(&["threads=64", "sleeper"], Duration::from_secs(10));
    report.says("forced", "not-forwarded", 0);
    assert_eq!(report.processes().len(), 2, "{report}");
    assert_eq!(report.process("threads")["outcome"], "exited", "{report}");
}

#[test]
fn workload_that_ends_by_itself_is_graceful() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = shared_trace();
    let mut namespace = Namespace::start(&["quitter=0"]);
    namespace.end_input();
    let report = tracer.report_of(namespace.pid());
    report.says("graceful", "", 0);
    report.is("/cause", ());
    report.is("/stop/trigger", "init-exit");
    report.is("/stop/signal", ());
    report.is("/stop/grace_used_ms", ());
    namespace.wait();
}

#[test]
fn container_whose_command_ends_is_graceful() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = shared_trace();
    let container = docker.shell("echo ready; sleep 0.2; exit 0", 1);
    let report = tracer.report_of(container.id());
    report.says("graceful", "", 0);
    report.is("/cause", ());
    // The shell left because its command had ended; both words say that nobody asked.
    let trigger = report.text("/stop/trigger");
    assert!(
        ["init-exit", "main-child-exit"].contains(&trigger),
        "{report}"
    );
    report.is("/workload/name", container.name());
}

/// Said while there is time to do something about it.
#[test]
fn dropped_stop_signal_is_told_before_the_grace_period_ends() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let all = shared_trace();
    let container = docker.shell("sleep 1000 & echo ready; wait", 1);
    let one = trace(container.id());
    // Longer than any deadline of this test: the stop is still under way when it is told.
    container.kill("TERM");
    let expected = format!(
        "warning: {} ({}): PID 1 (sh, pid {}) has no SIGTERM handler, so the kernel dropped the one from runc",
        container.name(),
        &container.id()[..12],
        container.pid(),
    );
    for tracer in [&one, &all] {
        wait::until("the dropped signal is told", || {
            tracer.stderr().contains(&expected).then_some(())
        });
    }
    all.no_report_of(container.id());
    container.kill("KILL");
    one.report().says("forced", "init-no-handler", 0);
    assert_eq!(all.stderr().matches(&expected).count(), 1);
}
