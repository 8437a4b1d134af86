//! Kills where a tracer may not look: deep in pid namespaces, in cgroups below the container's, and behind a number that
//! an exec session had before. None of these stops is graceful.

use std::{os::unix::process::CommandExt as _, process::Command};

use rinit_trace_tests::{
    Cgroup, Contained, Debugger, Docker, Kernel, Namespace, Report, WORKLOAD, child_of,
    has_user_namespaces, shared_trace, trace, trace_all, wait,
};
use serde_json::Value;

/// Anybody but root.
const USER: u32 = 1000;

/// The kernel allows 32 below the host's, the container's included: `MAX_PID_NS_LEVEL` in
/// `include/linux/pid_namespace.h`.
const DEPTHS: [usize; 2] = [4, 30];

/// A PID 1 that passes SIGTERM on and waits, and so many namespaces below it with a server in the last. On SIGTERM PID 1
/// of the second one leaves.
fn programs(depth: usize) -> [String; 2] {
    ["waiter".to_owned(), format!("deep={depth}:server")]
}

/// So many processes below PID 1 end by themselves: the others are killed by the end of the last of these.
const END: usize = 3;

/// Host pids from the first process below PID 1 to the server.
fn chain(init: u32, depth: usize) -> Vec<u32> {
    let mut chain = vec![child_of(init)];
    for _ in 0..depth {
        chain.push(child_of(chain[chain.len() - 1]));
    }
    chain
}

/// All are told as members of one workload, and that the deepest were killed.
fn is_told(report: &Report, chain: &[u32]) {
    let (ended, killed) = chain.split_at(END);
    let lost_cleanup = u64::try_from(killed.len()).unwrap_or_default();
    report.says("forced", "killed-inside", lost_cleanup);
    for pid in ended {
        let process = report.process_of(*pid);
        assert_eq!(process["role"], "member", "{report}");
        assert_eq!(process["outcome"], "exited", "{report}");
    }
    for pid in killed {
        is_killed_member(report, report.process_of(*pid));
    }
    let server = report.process_of(chain[chain.len() - 1]);
    assert_eq!(server["comm"], "server", "{report}");
    assert_eq!(server["outcome"], "killed-unsignalled", "{report}");
    assert_eq!(report.processes().len(), chain.len() + 1, "{report}");
}

fn is_killed_member(report: &Report, process: &Value) {
    assert_eq!(process["role"], "member", "{report}");
    assert_eq!(process["killed_by"], "pidns-teardown", "{report}");
    assert_eq!(process["exit"]["signal"], "SIGKILL", "{report}");
}

#[test]
fn a_process_at_any_depth_of_namespaces_is_a_member() {
    let Some(_kernel) = Kernel::ready().filter(|_| has_user_namespaces()) else {
        return;
    };
    let all = shared_trace();
    for depth in DEPTHS {
        let mut command = Command::new(WORKLOAD);
        command.args(programs(depth)).uid(USER).gid(USER);
        let mut namespace = Namespace::start_command(command, 2);
        let chain = chain(namespace.pid(), depth);
        let one = trace(&namespace.target());
        namespace.stop(wait::DEADLINE);
        is_told(&one.report(), &chain);
        is_told(&all.only_report_of(namespace.pid()), &chain);
    }
}

#[test]
fn anybody_in_a_container_may_go_deep_and_is_a_member() {
    let Some(docker) = Docker::ready().filter(|_| has_user_namespaces()) else {
        return;
    };
    for depth in DEPTHS {
        let user = USER.to_string();
        let options = ["--security-opt", "seccomp=unconfined", "--user", &user];
        let [init, below] = &programs(depth);
        let container = docker.start(&options, &["/workload", init, below], 2);
        let chain = chain(container.pid(), depth);
        let one = trace(container.id());
        container.stop(10);
        let report = one.report();
        report.is("/workload/container_id", container.id());
        is_told(&report, &chain);
    }
}

/// As a container that may make cgroups does it: systemd in one, a runtime in one.
#[test]
fn a_namespace_in_a_cgroup_below_its_containers_is_part_of_the_container() {
    let Some(_kernel) = Kernel::ready().filter(|_| has_user_namespaces()) else {
        return;
    };
    let all = shared_trace();
    for levels in [1, 8] {
        let [init, below] = &programs(DEPTHS[0]);
        let mut container = Contained::start(&[init, below]);
        let chain = chain(container.pid(), DEPTHS[0]);
        let one = trace(container.id());
        // Declared after the container: removed before its cgroup is.
        let cgroup = move_below(container.pid(), &chain[1..], levels);
        container.stop(wait::DEADLINE);
        drop(cgroup);
        is_told(&one.report(), &chain);
        is_told(&all.only_report_of(container.id()), &chain);
        for pid in chain {
            all.no_report_of_yet(pid);
        }
    }
}

#[test]
fn a_namespace_below_a_docker_containers_cgroup_is_part_of_the_container() {
    let Some(docker) = Docker::ready().filter(|_| has_user_namespaces()) else {
        return;
    };
    let all = shared_trace();
    for levels in [1, 8] {
        let options = ["--security-opt", "seccomp=unconfined"];
        let [init, below] = &programs(DEPTHS[0]);
        let container = docker.start(&options, &["/workload", init, below], 2);
        let chain = chain(container.pid(), DEPTHS[0]);
        // Before the trace begins: it sees nobody move.
        let cgroup = move_below(container.pid(), &chain[1..], levels);
        let one = trace(container.id());
        container.stop(10);
        drop(cgroup);
        is_told(&one.report(), &chain);
        is_told(&all.only_report_of(container.id()), &chain);
        for pid in chain {
            all.no_report_of_yet(pid);
        }
    }
}

/// Moves processes so many levels below the cgroup of another.
fn move_below(container: u32, processes: &[u32], levels: usize) -> Cgroup {
    let cgroup = Cgroup::below(container, levels);
    for pid in processes {
        cgroup.add(*pid);
    }
    cgroup
}

/// The children of a process of the workload that had the number of an exec session.
fn are_told_as_members(report: &Report, number: u32) {
    report.says("forced", "forwarded-to-child-only", 0);
    let disguised = report.named("disguised");
    assert_eq!(disguised.len(), 2, "{report}");
    for process in disguised {
        assert_eq!(process["sid"], number, "{report}");
        is_killed_member(report, process);
    }
}

#[test]
fn a_session_with_the_number_of_an_ended_exec_session_is_of_the_workload() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = shared_trace();
    let mut namespace = Namespace::start(&["waiter", "impostor"]);
    let session = namespace.exec(&["quitter"]);
    let number = session.number();
    session.end();
    namespace.tell(&number.to_string());
    namespace.wait_for("disguised", 1);
    namespace.stop(wait::DEADLINE);
    let report = tracer.only_report_of(namespace.pid());
    are_told_as_members(&report, number);
}

#[test]
fn an_exec_session_older_than_the_trace_is_told_by_its_processes_and_not_by_its_number() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let mut namespace = Namespace::start(&["waiter", "impostor"]);
    let session = namespace.exec(&["quitter", "apart"]);
    let (number, child) = (session.number(), session.child());
    let tracer = trace_all();
    // Its child leads a session of its own, and stays.
    session.end();
    namespace.tell(&number.to_string());
    namespace.wait_for("disguised", 1);
    namespace.stop(wait::DEADLINE);
    let report = tracer.only_report_of(namespace.pid());
    are_told_as_members(&report, number);
    assert_eq!(report.process_of(child)["role"], "exec", "{report}");
}

/// The kernel tells a tracer of the end of each thread as it tells a parent of that of a process.
#[test]
fn the_end_of_a_thread_of_pid_1_under_a_tracer_is_not_the_end_of_the_namespace() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let all = shared_trace();
    let mut namespace = Namespace::start(&["fraying=200", "server"]);
    let Some(_debugger) = Debugger::of(namespace.pid()) else {
        return;
    };
    let one = trace(&namespace.target());
    namespace.stop(wait::DEADLINE);
    for report in [one.report(), all.only_report_of(namespace.pid())] {
        report.is("/verdict", "forced");
        report.is("/observation/lost_records", 0);
        is_killed_member(&report, report.process("server"));
        let init = report.process("fraying");
        assert_eq!(init["outcome"], "exited", "{report}");
    }
}
