//! What the tool was asked for: `docker stop` of a container, traced by `--container`, explained.

use rinit_trace_tests::{Container, Docker, Kernel, Namespace, Report, trace};
use std::time::Duration;

/// Stops a container that is traced by its id.
fn report_of_stop(container: &Container, seconds: u32) -> Report {
    let tracer = trace(container.id());
    container.stop(seconds);
    tracer.report()
}

#[test]
fn shell_without_a_trap_is_killed_after_the_grace_period() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let container = docker.shell("sleep 1000 & echo ready; wait", 1);
    let report = report_of_stop(&container, 2);

    report.says("forced", "init-no-handler", 0);
    report.is("/cause/confidence", "certain");
    report.is("/workload/runtime", "docker");
    report.is("/workload/container_id", container.id());
    report.is("/workload/name", container.name());
    report.is("/workload/image", "rinit-trace-test:latest");
    report.is("/workload/init/pid", container.pid());
    report.is("/workload/init/ns_pid", 1);
    report.is("/workload/init/kind", "shell");

    report.is("/stop/trigger", "stop-signal");
    report.is("/stop/signal", "SIGTERM");
    report.is("/stop/result", "ignored");
    report.is("/stop/taken", false);
    report.is("/stop/sender/comm", "runc");
    report.is("/stop/sender/parent_comm", "containerd-shim");
    report.is("/stop/sender/inside", false);
    report.is("/stop/kill/sender/comm", "runc");
    report.is("/stop/grace_ms", 10_000.0);
    report.is("/stop/grace_source", "docker");
    let used = report.number("/stop/grace_used_ms");
    assert!((1900.0..3500.0).contains(&used), "{report}");

    let init = report.process("sh");
    assert_eq!(init["role"], "init", "{report}");
    assert_eq!(init["outcome"], "killed-ignoring", "{report}");
    assert_eq!(init["killed_by"], "runtime", "{report}");
    let sleep = report.process("sleep");
    assert_eq!(sleep["role"], "member", "{report}");
    assert_eq!(sleep["outcome"], "killed-unsignalled", "{report}");
    assert_eq!(sleep["killed_by"], "pidns-teardown", "{report}");
    assert_eq!(sleep["exit"]["signal"], "SIGKILL", "{report}");
    assert_eq!(sleep["cmdline"][1], "1000", "{report}");
    assert_eq!(report.processes().len(), 2, "{report}");
}

#[test]
fn shell_with_a_trap_that_waits_is_graceful() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let script = "sleep 1000 & trap 'kill $!; wait; exit 0' TERM; echo ready; wait";
    let container = docker.shell(script, 1);
    let report = report_of_stop(&container, 30);
    report.says("graceful", "", 0);
    report.is("/stop/trigger", "stop-signal");
    report.is("/stop/result", "delivered");
    report.is("/stop/taken", true);
    report.is("/stop/kill", ());
    assert_eq!(report.process("sh")["outcome"], "exited", "{report}");
    assert_eq!(report.process("sleep")["outcome"], "terminated", "{report}");
    assert_eq!(
        report.process("sleep")["exit"]["signal"],
        "SIGTERM",
        "{report}"
    );
}

#[test]
fn shell_with_a_trap_that_only_exits_leaves_its_child_to_the_kernel() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let container = docker.shell("sleep 1000 & trap 'exit 0' TERM; echo ready; wait", 1);
    let report = report_of_stop(&container, 30);
    report.says("forced", "not-forwarded", 0);
    assert_eq!(report.process("sh")["exit"]["code"], 0, "{report}");
    let sleep = report.process("sleep");
    assert_eq!(sleep["outcome"], "killed-unsignalled", "{report}");
}

#[test]
fn server_below_a_shell_loses_its_cleanup() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let container = docker.shell("/workload server=100 & wait", 1);
    let report = report_of_stop(&container, 2);
    report.says("forced", "init-no-handler", 1);
    let server = report.process("server");
    assert_eq!(server["outcome"], "killed-unsignalled", "{report}");
    assert_eq!(server["stop_signal"]["received"], 0, "{report}");
    assert_eq!(
        server["stop_signal"]["disposition_at_end"], "handled",
        "{report}"
    );
}

#[test]
fn stop_signal_and_grace_period_of_the_container_are_known() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let script = "sleep 1000 & trap 'kill $!; wait; exit 0' USR1; echo ready; wait";
    let options = ["--stop-signal", "USR1", "--stop-timeout", "3"];
    let container = docker.start(&options, &["sh", "-c", script], 1);
    let report = report_of_stop(&container, 30);
    report.says("graceful", "", 0);
    report.is("/stop/signal", "SIGUSR1");
    report.is("/stop/taken", true);
    report.is("/stop/grace_ms", 3000.0);
    report.is("/stop/grace_source", "docker");
}

#[test]
fn container_is_found_by_its_name_and_by_the_begin_of_its_id() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let container = docker.workload(&["waiter", "server"]);
    let by_name = trace(container.name());
    let by_prefix = trace(&container.id()[..12]);
    let by_pid = trace(&format!("pid:{}", container.pid()));
    container.stop(10);
    for tracer in [by_name, by_prefix, by_pid] {
        let report = tracer.report();
        report.says("graceful", "", 0);
        report.is("/workload/container_id", container.id());
        report.is("/workload/name", container.name());
    }
}

#[test]
fn namespace_is_found_by_any_of_its_processes_and_by_its_number() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let mut namespace = Namespace::start(&["leaver", "server=100"]);
    let by_init = trace(&namespace.target());
    let by_child = trace(&format!("pid:{}", namespace.child()));
    let by_number = trace(&format!("pidns:{}", namespace.inum()));
    namespace.stop(Duration::from_secs(10));
    for tracer in [by_init, by_child, by_number] {
        let report = tracer.report();
        report.says("forced", "not-forwarded", 1);
        report.is("/workload/init/pid", namespace.pid());
        report.is("/workload/container_id", ());
        report.is("/workload/runtime", ());
    }
}
