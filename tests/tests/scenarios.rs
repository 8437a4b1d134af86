//! The scenarios of `rinit-trace demo`: each says what `tests/expectations.toml` expects, by the report contract.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which fail by panics")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use rinit_trace_expectations::{Expectations, parse};
use rinit_trace_tests::{
    Docker, Ended, Kernel, Report, program, run, run_by, shared_trace, skip, wait,
};
use serde_json::Value;

const EXPECTATIONS: &str = include_str!("../expectations.toml");

/// One test for each scenario, and the list of them.
macro_rules! scenarios {
    ($($test:ident: $name:literal,)*) => {
        const TESTED: &[&str] = &[$($name),*];

        $(#[test]
        fn $test() {
            scenario($name);
        })*
    };
}

scenarios! {
    shell_no_trap: "shell-no-trap",
    shell_trap: "shell-trap",
    shell_over_server: "shell-over-server",
    python_under_bash: "python-under-bash",
    python_alone: "python-alone",
    exec_form: "exec-form",
    ignores_term: "ignores-term",
    blocks_term: "blocks-term",
    slow_shutdown: "slow-shutdown",
    stale_dropped: "stale-dropped",
    init_exits: "init-exits",
    waits_for_all: "waits-for-all",
    waits_for_all_slow: "waits-for-all-slow",
    zombies: "zombies",
    tini_child_only: "tini-child-only",
    tini_group: "tini-group",
    tini_slow_handlers: "tini-slow-handlers",
    tini_deaf_child: "tini-deaf-child",
    tini_app_oom: "tini-app-oom",
    tini_app_killed: "tini-app-killed",
    docker_init: "docker-init",
    dumb_init_race: "dumb-init-race",
    dumb_init_default: "dumb-init-default",
    catatonit: "catatonit",
    catatonit_group: "catatonit-group",
    hot_upgrade: "hot-upgrade",
    hot_upgrade_default: "hot-upgrade-default",
    hot_upgrade_tini: "hot-upgrade-tini",
    group_escape_tini: "group-escape-tini",
    group_escape_dumb_init: "group-escape-dumb-init",
    group_escape_alone: "group-escape-alone",
    kill_at_once: "kill-at-once",
    docker_kill: "docker-kill",
    docker_rm_force: "docker-rm-force",
    oom_init: "oom-init",
    oom_sharers: "oom-sharers",
    oom_child: "oom-child",
    s6_timeout: "s6-timeout",
    s6_in_time: "s6-in-time",
    runsvdir: "runsvdir",
    exec_session: "exec-session",
    docker_exec: "docker-exec",
    restart: "restart",
    docker_restart: "docker-restart",
    crowd: "crowd",
    docker_crowd: "docker-crowd",
    never_ends: "never-ends",
    handles_quit_only: "handles-quit-only",
    handles_winch_only: "handles-winch-only",
    handles_rtmin3_only: "handles-rtmin3-only",
    handles_quit_only_shell: "handles-quit-only-shell",
    stop_quit: "stop-quit",
    stop_quit_unhandled: "stop-quit-unhandled",
    stop_quit_shell: "stop-quit-shell",
    stop_usr1: "stop-usr1",
    stop_usr1_unhandled: "stop-usr1-unhandled",
    stop_winch: "stop-winch",
    stop_winch_unhandled: "stop-winch-unhandled",
    stop_rtmin3: "stop-rtmin3",
    stop_rtmin3_unhandled: "stop-rtmin3-unhandled",
    startup_window: "startup-window",
    startup_window_exec: "startup-window-exec",
    startup_window_none: "startup-window-none",
    traced_init: "traced-init",
    traced_member: "traced-member",
    traced_bystander: "traced-bystander",
    kill_from_inside: "kill-from-inside",
    kill_from_inside_handled: "kill-from-inside-handled",
    kill_from_outside: "kill-from-outside",
    term_from_outside: "term-from-outside",
    threads: "threads",
    thread_takes_signal: "thread-takes-signal",
    thread_takes_in_child: "thread-takes-in-child",
    threads_block: "threads-block",
    member_segv: "member-segv",
    parent_death: "parent-death",
    init_ends: "init-ends",
    cpu_limit: "cpu-limit",
    shared_owner_first: "shared-owner-first",
    docker_pid_container: "docker-pid-container",
    shared_guest_first: "shared-guest-first",
    shared_cgroup_kill: "shared-cgroup-kill",
    shared_guest_alone: "shared-guest-alone",
    pid_host: "pid-host",
    pid_host_leaves: "pid-host-leaves",
    pid_host_below: "pid-host-below",
    nested: "nested",
    nested_torn_down: "nested-torn-down",
    nested_no_handler: "nested-no-handler",
    docker_in_docker: "docker-in-docker",
}

fn scenario(name: &str) {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let ended = run(&["demo", name, "-o", "jsonl"]);
    if is_skipped(&ended) {
        return;
    }
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let reports: Vec<Report> = ended.stdout.lines().map(Report::parse).collect();
    for report in &reports {
        report.is("/observation/lost_records", 0);
    }
    let values: Vec<Value> = reports.iter().map(|report| report.at("").clone()).collect();
    let expectations = expectations();
    let different = expectations.get(name).unwrap().check(&values);
    assert_eq!(different, Vec::<String>::new(), "{}", ended.stdout);
    share_nothing(&reports);
}

/// Containers that stop at once or one after the other have no process in common, and no report has one of another's.
fn share_nothing(reports: &[Report]) {
    let mut seen = BTreeSet::new();
    for report in reports {
        let init = report.at("/workload/init/pid");
        for process in report.at("/processes").as_array().unwrap() {
            let pid = process["pid"].as_u64().unwrap();
            assert!(seen.insert(pid), "{pid} is in two reports: {report}");
            let is_init = process["role"] == "init";
            assert_eq!(is_init, process["pid"] == *init, "{report}");
        }
    }
}

#[test]
fn signal_that_a_living_init_drops_is_told_at_once() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let ended = run(&["demo", "term-from-outside", "-o", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let [warning] = lines[..] else {
        panic!("one line is expected: {ended:#?}");
    };
    for part in [
        "warning: term-from-outside: PID 1 (bystander, pid ",
        "has no SIGTERM handler, so the kernel dropped the one from operator (pid ",
    ] {
        assert!(warning.contains(part), "{part}: {warning}");
    }
}

/// By `docker run --stop-signal`, which only Docker can tell the tracer.
#[test]
fn stop_signal_of_a_container_is_its_own() {
    let Some(_docker) = Docker::ready() else {
        return;
    };
    let names = ["stop-usr1", "stop-rtmin3", "stop-winch-unhandled"];
    let ended = run(&[&["demo"], &names[..], &["--docker", "-o", "jsonl"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let reports: Vec<Report> = ended.stdout.lines().map(Report::parse).collect();
    let [handled, real_time, unhandled] = &reports[..] else {
        panic!("three reports are expected: {ended:#?}");
    };
    for (report, signal) in [(handled, "SIGUSR1"), (real_time, "SIGRTMIN+3")] {
        report.says("graceful", "", 0);
        report.is("/stop/signal", signal);
        report.is("/stop/taken", true);
    }
    unhandled.says("forced", "init-no-handler", 0);
    unhandled.is("/stop/signal", "SIGWINCH");
    unhandled.is("/stop/kill/sender/comm", "runc");
}

fn expectations() -> Expectations {
    parse(EXPECTATIONS).unwrap()
}

/// Whether the machine lacks what the scenario runs; says so.
fn is_skipped(ended: &Ended) -> bool {
    let needs = ended.stderr.trim().strip_prefix("skipped: ");
    if let Some(needs) = needs.filter(|_| ended.code == Some(3)) {
        assert_eq!(ended.stdout, "", "{ended:#?}");
        skip(needs);
        return true;
    }
    false
}

/// The report of the stop that follows is silent about it: it was no part of that.
#[test]
fn a_kill_of_which_a_report_is_silent_is_told_by_itself() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = shared_trace();
    let ended = run(&["demo", "oom-child", "-o", "json"]);
    if is_skipped(&ended) {
        return;
    }
    let report = Report::parse(&ended.stdout);
    report.says("graceful", "", 0);
    let inum = report.at("/workload/pid_namespace");
    let words = format!("warning: pidns {inum}: killed by SIGKILL outside a stop: worker (pid ");
    wait::until("the kill is told", || {
        let told = tracer.stderr();
        let line = told.lines().find(|line| line.starts_with(&words))?;
        assert!(line.ends_with(" by the OOM killer"), "{line}");
        Some(())
    });
}

#[test]
fn every_scenario_is_listed_expected_and_tested() {
    let ended = run(&["demo"]);
    let listed: Vec<&str> = ended
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .filter(|name| *name != "all")
        .collect();
    let as_set = |names: &[&str]| -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    };
    let expectations = expectations();
    let expected: Vec<&str> = expectations.names().collect();
    assert_eq!(as_set(&listed), as_set(&expected));
    assert_eq!(as_set(TESTED), as_set(&expected));
    assert_eq!(TESTED.len(), expected.len());
    assert_eq!(listed.len(), expected.len());
}

/// A file of expectations, removed in the end.
struct File {
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl File {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("expectations.toml");
        fs::write(&path, text).unwrap();
        Self { path, _dir: dir }
    }

    fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

/// The repository's expectations with those of two scenarios for each other.
fn swapped(one: &str, other: &str) -> File {
    let (one, other) = (format!("\n[{one}]\n"), format!("\n[{other}]\n"));
    assert!(EXPECTATIONS.contains(&one) && EXPECTATIONS.contains(&other));
    let text = EXPECTATIONS
        .replace(&one, "\n[a-third]\n")
        .replace(&other, &one)
        .replace("\n[a-third]\n", &other);
    File::new(&text)
}

#[test]
fn expectations_that_are_swapped_fail_in_the_table_and_nothing_else_does() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let file = swapped("init-exits", "waits-for-all");
    let ended = run(&["demo", "all", "--expect", file.name()]);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let wrong: Vec<&str> = ended
        .stdout
        .lines()
        .filter(|line| line.ends_with("  WRONG"))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(wrong, ["init-exits", "waits-for-all"], "{}", ended.stdout);
    // What is wrong with them follows, with the reports.
    for part in [
        "── WRONG init-exits",
        "verdict: expected graceful, seen forced",
        "FORCED  init-exits",
        "GRACEFUL  waits-for-all",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
}

#[test]
fn one_scenario_is_compared_as_well() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let right = File::new(EXPECTATIONS);
    let ended = run(&["demo", "ignores-term", "--expect", right.name()]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.contains("as expected"), "{ended:#?}");
    let wrong = swapped("ignores-term", "blocks-term");
    let ended = run(&["demo", "ignores-term", "--expect", wrong.name()]);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let difference = "WRONG cause: expected signal-blocked, seen init-ignores-signal";
    assert!(ended.stdout.contains(difference), "{ended:#?}");
    // The reports stay what they are; what is wrong with them is told beside them.
    let ended = run(&[
        "demo",
        "ignores-term",
        "-o",
        "json",
        "--expect",
        wrong.name(),
    ]);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    Report::parse(&ended.stdout).says("forced", "init-ignores-signal", 0);
    assert!(
        ended.stderr.contains("wrong: ignores-term: cause: "),
        "{ended:#?}"
    );
}

#[test]
fn what_is_not_there_is_skipped_and_not_passed() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let nowhere = ["/usr/bin/env", "PATH=/nowhere"];
    let ended = run_by(&nowhere, &program(), &["demo", "tini-group"]);
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    assert_eq!(ended.stderr, "skipped: tini-group (needs tini)\n");
    assert_eq!(ended.stdout, "");
    let ended = run_by(&nowhere, &program(), &["demo", "all"]);
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    for skipped in [
        "python3",
        "bash",
        "tini",
        "dumb-init",
        "catatonit",
        "s6-svscan",
        "runsvdir",
        "docker",
        "strace",
    ] {
        let told = format!("skipped (needs {skipped})");
        assert!(ended.stdout.contains(&told), "{told}: {}", ended.stdout);
    }
    // What is its own still runs, and without a file nothing is right or wrong.
    let row = ended
        .stdout
        .lines()
        .find(|line| line.starts_with("init-exits "));
    assert!(row.is_some_and(|row| row.ends_with("forced not-forwarded (certain), 1 lost")));
    assert!(ended.stdout.contains("to compare: "), "{}", ended.stdout);
}

#[test]
fn scenarios_run_as_often_as_asked() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let ended = run(&[
        "demo",
        "init-exits",
        "ignores-term",
        "--times",
        "3",
        "-o",
        "jsonl",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let reports: Vec<Report> = ended.stdout.lines().map(Report::parse).collect();
    let names: Vec<&str> = reports
        .iter()
        .map(|report| report.text("/workload/name"))
        .collect();
    assert_eq!(names, ["init-exits", "ignores-term"].repeat(3));
}

#[test]
fn expectations_that_cannot_be_used_are_wrong_usage() {
    let other = File::new(
        "[other]\nverdict = 'graceful'\ncause = 'none'\nlost_cleanup = 0\nprocesses = []\n",
    );
    let broken = File::new("[init-exits]\nverdict = 'good'\n");
    for (arguments, error) in [
        (
            &["init-exits", "--expect", "/nowhere/x"][..],
            "cannot read expectations from /nowhere/x",
        ),
        (
            &["init-exits", "--expect", other.name()],
            "says nothing of init-exits",
        ),
        (
            &["init-exits", "--expect", broken.name()],
            "init-exits: `verdict` has `good`",
        ),
        (&["tini-group", "--docker"], "has no form for --docker"),
        (&["init-exits", "all"], "`all` is every scenario"),
    ] {
        let mut all = vec!["demo"];
        all.extend(arguments);
        let ended = run(&all);
        assert!(ended.error(2).contains(error), "{ended:#?}");
    }
}
