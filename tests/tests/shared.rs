//! Containers that share a pid namespace with another container, or with the host: each is reported by itself.

use rinit_trace_tests::{
    Container, Docker, Kernel, Report, Tracer, shared_trace, trace, trace_all,
};

/// A container that owns its namespace, and one that shares that.
fn pair(docker: &Docker, programs: &[&str]) -> (Container, Container) {
    let owner = docker.workload(&["waiter", "server"]);
    let shared = share(docker, &format!("--pid=container:{}", owner.id()), programs);
    (owner, shared)
}

fn share(docker: &Docker, with: &str, programs: &[&str]) -> Container {
    let mut command = vec!["/workload"];
    command.extend(programs);
    docker.start(&[with], &command, programs.len())
}

fn is_reported(report: &Report, comm: &str, trigger: &str) {
    report.is("/workload/init/comm", comm);
    report.is("/stop/trigger", trigger);
    report.is("/observation/lost_records", 0);
}

#[test]
fn the_end_of_the_owner_takes_a_container_along() {
    let (Some(_kernel), Some(docker)) = (Kernel::ready(), Docker::ready()) else {
        return;
    };
    let tracer = shared_trace();
    let (owner, shared) = pair(&docker, &["leaver", "deaf"]);
    shared.exec_workload(&["sleeper"]);
    owner.stop(10);
    let report = tracer.report_of(shared.id());
    is_reported(&report, "leaver", "owner-exit");
    report.says("forced", "pidns-owner-exited", 1);
    report.is("/cause/confidence", "certain");
    assert!(report.text("/cause/summary").contains("waiter"), "{report}");
    assert_eq!(report.processes().len(), 3, "{report}");
    for (comm, role) in [("leaver", "init"), ("deaf", "member"), ("sleeper", "exec")] {
        let process = report.process(comm);
        assert_eq!(process["role"], role, "{report}");
        assert_eq!(process["killed_by"], "pidns-teardown", "{report}");
        assert_ne!(process["ns_pid"], 1, "{report}");
    }
    // Whom its end killed is not its own.
    let report = tracer.report_of(owner.id());
    is_reported(&report, "waiter", "stop-signal");
    report.says("graceful", "", 0);
    assert_eq!(report.processes().len(), 2, "{report}");
}

#[test]
fn a_container_may_end_before_the_owner() {
    let (Some(_kernel), Some(docker)) = (Kernel::ready(), Docker::ready()) else {
        return;
    };
    let tracer = shared_trace();
    let (owner, shared) = pair(&docker, &["leaver", "stubborn"]);
    shared.stop(10);
    let report = tracer.report_of(shared.id());
    is_reported(&report, "leaver", "stop-signal");
    report.is("/stop/sender/inside", false);
    report.says("forced", "cgroup-killed", 1);
    assert_eq!(
        report.process("stubborn")["killed_by"],
        "runtime",
        "{report}"
    );
    tracer.no_report_of_yet(owner.id());
    owner.stop(10);
    tracer.report_of(owner.id()).says("graceful", "", 0);
}

#[test]
fn a_container_that_leaves_nobody_behind_is_graceful() {
    let (Some(_kernel), Some(docker)) = (Kernel::ready(), Docker::ready()) else {
        return;
    };
    let tracer = shared_trace();
    for with in ["--pid=host", "container"] {
        let owner = docker.workload(&["waiter"]);
        let with = with.replace("container", &format!("--pid=container:{}", owner.id()));
        // Of two processes without a handler the main one ends by the signal: it is no PID 1.
        let shared = share(&docker, &with, &["sleeper"]);
        shared.stop(10);
        let report = tracer.report_of(shared.id());
        is_reported(&report, "sleeper", "stop-signal");
        report.says("graceful", "", 0);
        assert_eq!(
            report.process("sleeper")["outcome"],
            "terminated",
            "{report}"
        );
    }
}

#[test]
fn a_container_in_the_hosts_namespace_is_told_by_its_cgroup() {
    let (Some(_kernel), Some(docker)) = (Kernel::ready(), Docker::ready()) else {
        return;
    };
    let tracer = shared_trace();
    let shared = share(&docker, "--pid=host", &["leaver", "server=500"]);
    shared.exec_workload(&["sleeper"]);
    shared.stop(10);
    let report = tracer.report_of(shared.id());
    is_reported(&report, "leaver", "stop-signal");
    report.is("/workload/init/pid", shared.pid());
    report.is("/workload/init/ns_pid", shared.pid());
    report.says("forced", "cgroup-killed", 1);
    assert_eq!(report.process("server")["killed_by"], "runtime", "{report}");
    assert_eq!(report.process("sleeper")["role"], "exec", "{report}");
    assert_eq!(report.processes().len(), 3, "{report}");
}

#[test]
fn a_main_process_that_ignores_the_signal_is_explained_as_any_other() {
    let (Some(_kernel), Some(docker)) = (Kernel::ready(), Docker::ready()) else {
        return;
    };
    let tracer = shared_trace();
    let shared = share(&docker, "--pid=host", &["deaf"]);
    shared.stop(1);
    let report = tracer.report_of(shared.id());
    report.says("forced", "init-ignores-signal", 0);
}

#[test]
fn containers_that_were_there_before_are_known() {
    let (Some(_kernel), Some(docker)) = (Kernel::ready(), Docker::ready()) else {
        return;
    };
    let (owner, shared) = pair(&docker, &["leaver", "server=500"]);
    let on_host = share(&docker, "--pid=host", &["leaver", "server=500"]);
    // Younger than the main process, which is not to be taken for it. On the host an older session cannot be told from
    // an orphan of the container, which goes to the runtime there.
    shared.exec_workload(&["sleeper"]);
    let tracer = trace_all();
    for container in [&shared, &on_host] {
        container.stop(10);
        let report = tracer.report_of(container.id());
        is_reported(&report, "leaver", "stop-signal");
        report.is("/workload/init/pid", container.pid());
        report.says("forced", "cgroup-killed", 1);
        if container.id() == shared.id() {
            assert_eq!(report.process("sleeper")["role"], "exec", "{report}");
        }
    }
    owner.stop(10);
    tracer.report_of(owner.id()).says("graceful", "", 0);
}

#[test]
fn one_of_them_is_traced_by_name() {
    let (Some(_kernel), Some(docker)) = (Kernel::ready(), Docker::ready()) else {
        return;
    };
    let (owner, shared) = pair(&docker, &["leaver", "server=500"]);
    let of_owner = trace(owner.name());
    let of_shared = trace(shared.name());
    shared.stop(10);
    let report = of_shared.report();
    report.is("/workload/container_id", shared.id());
    report.says("forced", "cgroup-killed", 1);
    owner.stop(10);
    let report = of_owner.report();
    report.is("/workload/container_id", owner.id());
    report.says("graceful", "", 0);
    let process = share(&docker, "--pid=host", &["leaver"]);
    let by_pid = trace(&format!("pid:{}", process.pid()));
    process.stop(10);
    by_pid.report().says("graceful", "", 0);
}

/// A process of another container in the same namespace is a stranger.
#[test]
fn a_neighbour_that_kills_is_named() {
    let (Some(_kernel), Some(docker)) = (Kernel::ready(), Docker::ready()) else {
        return;
    };
    let tracer: &Tracer = &shared_trace();
    let (owner, shared) = pair(&docker, &["leaver"]);
    let inside = shared.ns_pid();
    owner.exec(&format!("kill -9 {inside}"));
    shared.wait();
    let report = tracer.report_of(shared.id());
    is_reported(&report, "leaver", "sigkill");
    report.says("forced", "killed-outside", 1);
    report.is("/stop/kill/sender/inside", false);
    let summary = report.text("/cause/summary");
    assert!(
        summary.contains("a process of another container"),
        "{report}"
    );
}
