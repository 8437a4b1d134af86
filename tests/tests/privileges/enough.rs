//! What it takes to trace: each is held against the report of a tracer with all rights, of the same stop.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
};

use rinit_trace_tests::{
    Contained, DockerApi, Kernel, Manner, NOBODY, Namespace, Report, Rights, Tracer, named,
    trace_all, wait,
};

const LEAST: [&str; 2] = ["bpf", "perfmon"];
const USUAL: [&str; 3] = ["bpf", "perfmon", "sys_ptrace"];
const NO_PTRACE: &str = "CAP_SYS_PTRACE is missing";

/// What must not depend on rights.
fn said(report: &Report) -> Vec<String> {
    let mut said: Vec<String> = [
        "/verdict",
        "/cause/id",
        "/cause/confidence",
        "/lost_cleanup",
        "/stop/trigger",
        "/stop/signal",
        "/stop/taken",
        "/workload/init/kind",
        "/workload/init/cmdline",
        "/observation/lost_records",
    ]
    .iter()
    .map(|path| format!("{path}: {}", report.at(path)))
    .collect();
    for process in report.processes() {
        let of = |name: &str| process[name].to_string();
        let words = ["pid", "ns_pid", "comm", "role", "outcome", "killed_by"];
        said.push(words.map(of).join(" "));
    }
    said
}

fn has_filter(tracer: &Tracer) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", tracer.pid())).unwrap();
    status.lines().any(|line| line == "Seccomp:\t2")
}

fn is_read_only(tracer: &Tracer) -> bool {
    let mounts = fs::read_to_string(format!("/proc/{}/mounts", tracer.pid())).unwrap();
    let root = mounts.lines().find_map(|line| line.split_once(" / "));
    let (_, options) = root.unwrap().1.split_once(' ').unwrap();
    options.starts_with("ro,") || options.starts_with("ro ")
}

#[test]
fn fewer_rights_give_the_same_report() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let all_rights = trace_all();
    let few: Vec<(&str, Rights)> = vec![
        ("root, two capabilities", Rights::of_root(&LEAST)),
        ("root, three capabilities", Rights::of_root(&USUAL)),
        ("root, CAP_SYS_ADMIN alone", Rights::of_root(&["sys_admin"])),
        ("nobody, two capabilities", Rights::of_nobody(&LEAST)),
        ("nobody, three capabilities", Rights::of_nobody(&USUAL)),
        ("no_new_privs", Rights::of_nobody(&USUAL).no_new_privs()),
        ("seccomp", Rights::of_root(&USUAL).runtime_default()),
        ("read-only root", Rights::of_root(&USUAL).read_only()),
        (
            "as a pod",
            Rights::of_root(&USUAL)
                .no_new_privs()
                .runtime_default()
                .read_only(),
        ),
    ];
    let tracers: Vec<(&str, Tracer)> = few
        .iter()
        .map(|(name, rights)| (*name, rights.trace(&["-o", "jsonl"])))
        .collect();
    let mut namespace = Namespace::start(&["leaver", "server"]);
    namespace.stop(wait::DEADLINE);
    let whole = all_rights.report_of(namespace.pid());
    whole.says("forced", "not-forwarded", 1);
    for (name, tracer) in &tracers {
        let report = tracer.report_of(namespace.pid());
        assert_eq!(said(&report), said(&whole), "{name}: {report}");
        // What is lost with a right shows, and nothing is said of the others.
        let is_less = name.contains("two") || name.contains("alone");
        assert_eq!(tracer.stderr().contains(NO_PTRACE), is_less, "{name}");
        assert!(!tracer.stderr().contains("are kept:"), "{name}");
        let is_pod = name.contains("pod");
        assert_eq!(has_filter(tracer), is_pod || *name == "seccomp", "{name}");
        assert_eq!(
            is_read_only(tracer),
            is_pod || *name == "read-only root",
            "{name}"
        );
    }
}

/// The name in the report of a container that was there before, from a socket that everybody or root alone may use.
fn name_by_socket(rights: &Rights, expected: impl FnOnce(&str) -> serde_json::Value) {
    let docker = DockerApi::start(Manner::Names);
    let socket = docker.socket();
    let arguments = ["-o", "jsonl", "--docker-socket", socket.to_str().unwrap()];
    let mut container = Contained::start(&["leaver", "server"]);
    let tracer = rights.trace(&arguments);
    container.stop(wait::DEADLINE);
    let report = tracer.report_of(container.id());
    report.says("forced", "not-forwarded", 1);
    report.is("/workload/name", expected(container.id()));
}

#[test]
fn without_cap_sys_ptrace_names_still_come_from_a_socket() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    name_by_socket(&Rights::of_root(&LEAST), |id| named(id).into());
}

/// A socket that it may not use costs the names, and nothing else.
#[test]
fn a_socket_of_somebody_else_costs_the_names_alone() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    name_by_socket(&Rights::of_nobody(&USUAL), |_| serde_json::Value::Null);
}

#[test]
fn a_socket_of_somebody_else_is_told_by_the_daemon_and_by_system_info() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let docker = DockerApi::start(Manner::Names);
    let socket = docker.socket();
    chown(&socket, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).unwrap();
    let path = socket.to_str().unwrap();
    let rights = Rights::of_root(&USUAL);
    let ended = rights.run(&["system-info", "--docker-socket", path]);
    let denied = format!("{path}: no permission to connect");
    assert!(ended.stdout.contains(&denied), "{ended:#?}");
    let arguments = ["daemon", "--listen", "127.0.0.1:0", "--docker-socket", path];
    let daemon = rights.trace(&arguments);
    let told = format!("the socket of a runtime at {path} is not asked for names: no permission");
    let said = daemon.stderr();
    assert_eq!(said.matches(&told).count(), 1, "{said}");
}

/// Which namespace a process is in takes `CAP_SYS_PTRACE`: it is said, and nobody else is traced instead.
#[test]
fn one_that_cannot_be_looked_into_is_not_traced() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let namespace = Namespace::start(&["server"]);
    let rights = Rights::of_nobody(&LEAST);
    let ended = rights.run(&["--container", &namespace.target()]);
    let pid = namespace.pid();
    assert_eq!(
        ended.error(3),
        format!(
            "error: cannot read /proc/{pid}/ns/pid: Permission denied (os error 13); run as root, or with CAP_SYS_PTRACE, and with /proc mounted"
        )
    );
}
