//! What cannot be traced is said in one line, with an exit code that tells usage from the rest.

#![expect(clippy::unwrap_used, reason = "tests fail by panics")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rinit_trace_tests::{
    Docker, DockerApi, Ended, Kernel, Manner, Namespace, Report, Tracer, copy_program, program,
    run, run_by, skip, trace, trace_all,
};
use tempfile::TempDir;

const USAGE: i32 = 2;
const NOT_TRACED: i32 = 3;

/// Long enough for a slow machine, short enough to be prompt.
const PROMPT: Duration = Duration::from_secs(5);

/// A copy that anybody may run, wherever the workspace is.
fn copy_for_anybody(dir: &TempDir) -> PathBuf {
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = dir.path().join("rinit-trace");
    copy_program(&program(), &copy);
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    copy
}

/// Ends promptly, and prints nothing on stdout.
fn run_promptly(arguments: &[&str]) -> Ended {
    let started = Instant::now();
    let ended = run(arguments);
    assert!(started.elapsed() < PROMPT, "{ended:#?}");
    assert_eq!(ended.stdout, "");
    ended
}

#[test]
fn without_privileges_the_missing_capabilities_are_named() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let dir = TempDir::new().unwrap();
    let copy = copy_for_anybody(&dir);
    let unprivileged = [
        "setpriv",
        "--reuid",
        "65534",
        "--regid",
        "65534",
        "--clear-groups",
    ];
    let root_without_capabilities = [
        "setpriv",
        "--bounding-set",
        "-all",
        "--inh-caps",
        "-all",
        "--ambient-caps",
        "-all",
    ];
    for wrapper in [&unprivileged[..], &root_without_capabilities] {
        let ended = run_by(wrapper, &copy, &[]);
        let line = ended.error(NOT_TRACED);
        assert!(line.contains("CAP_BPF and CAP_PERFMON missing"), "{line}");
        assert!(line.contains("run as root"), "{line}");
    }
    // The demo is where somebody new meets it.
    let line = run_by(&unprivileged, &copy, &["demo", "all"]);
    assert!(line.error(NOT_TRACED).contains("CAP_BPF and CAP_PERFMON"));
}

/// It is documentation: no rights, no eBPF.
#[test]
fn without_privileges_a_word_can_be_explained() {
    let dir = TempDir::new().unwrap();
    let copy = copy_for_anybody(&dir);
    let root_without_capabilities = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"];
    let ended = run_by(&root_without_capabilities, &copy, &["explain", "oom"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.contains("mm/oom_kill.c"), "{ended:#?}");
}

#[test]
fn two_capabilities_are_enough_to_load_the_probes() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let dir = TempDir::new().unwrap();
    let copy = copy_for_anybody(&dir);
    let capabilities = "-all,+bpf,+perfmon";
    let wrapper = [
        "setpriv",
        "--reuid",
        "65534",
        "--regid",
        "65534",
        "--clear-groups",
        "--inh-caps",
        capabilities,
        "--ambient-caps",
        capabilities,
        "--bounding-set",
        capabilities,
    ];
    let ended = run_by(&wrapper, &copy, &["system-info"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.contains("passed"), "{ended:#?}");
}

#[test]
fn what_names_nobody_is_wrong_usage() {
    let Some(_docker) = Docker::ready() else {
        return;
    };
    for (target, why) in [
        ("no-such-container", "no container `no-such-container`"),
        ("ffffffffffff", "no container `ffffffffffff`"),
        ("pid:4194305", "no process 4194305"),
        ("pidns:1", "no pid namespace 1"),
        ("", "it is empty"),
        ("pid:", "after pid: comes"),
        ("pid:-1", "after pid: comes"),
        ("pid:99999999999999999999", "after pid: comes"),
        ("pidns:x", "after pidns: comes"),
        ("../etc/passwd", "names are made of"),
        ("a\nb\x1b[31m", "names are made of"),
    ] {
        let ended = run_promptly(&["--container", target]);
        let line = ended.error(USAGE);
        assert!(line.contains(why), "{line}");
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

#[test]
fn processes_of_the_host_cannot_be_traced() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let own = format!("pid:{}", std::process::id());
    let ended = run_promptly(&["--container", &own]);
    assert!(
        ended.error(NOT_TRACED).contains("host's pid namespace"),
        "{ended:#?}"
    );
}

#[test]
fn flags_that_make_no_sense_are_wrong_usage() {
    for arguments in [
        &["--no-such-flag"][..],
        &["no-such-command"],
        &["--container"],
        &["-o", "xml"],
        &["--timeout", "0"],
        &["--timeout", "soon"],
        &["--ring-kib", "0"],
        &["--ring-kib", "x"],
        &["system-info", "-o", "jsonl"],
        &["demo", "no-such-scenario"],
        &["demo", "all", "--image", "x"],
        &["workload", "no-such-workload", "more"],
    ] {
        let ended = run_promptly(arguments);
        assert_eq!(ended.code, Some(USAGE), "{arguments:?}: {ended:#?}");
        assert!(
            ended.stderr.starts_with("error: "),
            "{arguments:?}: {ended:#?}"
        );
    }
}

#[test]
fn ambiguous_begin_of_an_id_is_wrong_usage_and_names_both() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let ids = ["1".repeat(64), format!("11{}", "2".repeat(62))];
    let list = format!(
        r#"[{{"Id":"{}","Names":["/web"],"State":"running"}},{{"Id":"{}","Names":["/db"],"State":"running"}}]"#,
        ids[0], ids[1]
    );
    let api = DockerApi::start(Manner::Answers {
        list,
        inspect: String::new(),
    });
    let socket = api.socket();
    let ended = run_promptly(&[
        "--container",
        "11",
        "--docker-socket",
        socket.to_str().unwrap(),
    ]);
    let line = ended.error(USAGE);
    for part in ["ambiguous", "web (111111111111)", "db (112222222222)"] {
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn container_that_has_stopped_is_not_running() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let container = docker.shell("echo ready; exit 0", 1);
    container.wait();
    for target in [container.id(), container.name()] {
        let ended = run_promptly(&["--container", target]);
        let line = ended.error(NOT_TRACED);
        assert!(line.contains("is not running (exited)"), "{line}");
        assert!(line.contains(container.name()), "{line}");
    }
}

#[test]
fn container_that_does_not_stop_in_time() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let namespace = Namespace::start(&["server"]);
    let ended = run(&["--container", &namespace.target(), "--timeout", "1s"]);
    assert_eq!(ended.code, Some(NOT_TRACED), "{ended:#?}");
    assert!(
        ended.stderr.contains("has not stopped within the timeout"),
        "{ended:#?}"
    );
    assert_eq!(ended.stdout, "");
}

#[test]
fn timeout_of_tracing_all_is_its_end() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let ended = run(&["--timeout", "500ms"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

#[test]
fn ctrl_c_ends_tracing_of_all_and_gives_up_on_one() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let namespace = Namespace::start(&["server"]);
    let ended = interrupted(trace_all());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let ended = interrupted(trace(&namespace.target()));
    assert_eq!(ended.code, Some(NOT_TRACED), "{ended:#?}");
    assert!(
        ended.stderr.contains("error: interrupted before"),
        "{ended:#?}"
    );
}

#[test]
fn stop_that_is_under_way_at_ctrl_c_is_not_passed_over_in_silence() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let namespace = Namespace::start(&["stubborn"]);
    let tracer = trace_all();
    namespace.signal(libc::SIGTERM);
    let ended = interrupted(tracer);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stderr.contains("under way"), "{ended:#?}");
}

/// The report is printed although Ctrl-C comes at the very moment that it is ready.
#[test]
fn stop_that_has_ended_at_ctrl_c_is_reported() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let mut namespace = Namespace::start(&["server"]);
    let tracer = trace_all();
    namespace.stop(Duration::from_secs(10));
    let pid = namespace.pid();
    let ended = interrupted(tracer);
    let reported = ended
        .stdout
        .lines()
        .any(|line| Report::parse(line).is_of(&pid.into()));
    let admitted = ended.stderr.contains("under way");
    assert!(reported || admitted, "{ended:#?}");
}

fn interrupted(tracer: Tracer) -> Ended {
    tracer.interrupt();
    let started = Instant::now();
    let ended = tracer.ended();
    assert!(started.elapsed() < PROMPT, "{ended:#?}");
    ended
}

#[test]
fn a_program_under_strace_says_that_it_is_traced() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    if !Path::new("/usr/bin/strace").exists() {
        skip("needs strace");
        return;
    }
    let traced = ["strace", "-f", "-o", "/dev/null"];
    let ended = run_by(&traced, &program(), &["--timeout", "1s"]);
    let line = ended.error(NOT_TRACED);
    assert!(line.contains("self-test failed"), "{line}");
    assert!(line.contains(" traces this one"), "{line}");
    assert!(line.contains("run it without strace"), "{line}");
}
