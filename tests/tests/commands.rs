//! `system-info`, `demo` and `explain`, as somebody new runs them.

use rinit_trace_tests::{Kernel, Report, run, run_with_closed_stdout};
use serde_json::Value;

#[test]
fn system_info_says_that_the_self_test_passed() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let ended = run(&["system-info"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.stderr, "");
    let value_of = |name: &str| {
        let mut lines = ended.stdout.lines();
        let line = lines
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim);
        line.unwrap_or_else(|| panic!("no {name}: {ended:#?}"))
    };
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert!(
        value_of("kernel ").starts_with(release.trim()),
        "{ended:#?}"
    );
    assert!(value_of("self-test ").starts_with("passed: "), "{ended:#?}");
    for required in ["signal:signal_generate", "sched:sched_process_exit"] {
        let attached = format!("{required}: attached by");
        assert!(ended.stdout.contains(&attached), "{ended:#?}");
    }
}

#[test]
fn system_info_as_json_says_the_same() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let ended = run(&["system-info", "-o", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let info: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(info["self_test"]["passed"], true, "{info:#}");
    assert_eq!(info["problems"], Value::Array(Vec::new()), "{info:#}");
    let probes = info["probes"].as_array().unwrap();
    let required = probes.iter().filter(|probe| probe["required"] == true);
    assert!(required.clone().count() >= 2, "{info:#}");
    for probe in required {
        assert!(probe["mechanism"].is_string(), "{info:#}");
    }
    // What is not attached says what is lost, and why.
    for probe in probes.iter().filter(|probe| probe["mechanism"].is_null()) {
        assert_ne!(probe["lost_without"], "", "{info:#}");
        assert_ne!(probe["refused"], Value::Array(Vec::new()), "{info:#}");
    }
}

#[test]
fn demo_lists_its_scenarios_in_groups() {
    let ended = run(&["demo"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    for line in [
        "tini",
        "  shell-no-trap ",
        "  init-exits ",
        "  waits-for-all ",
        "  all ",
    ] {
        assert!(
            ended.stdout.lines().any(|told| told.starts_with(line)),
            "{line}: {ended:#?}"
        );
    }
    // What they are about begins at the same place.
    let about = |line: &str| line.find("  ").map(|at| line[at..].trim_start().len());
    let scenarios = ended
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("  "));
    let begins: Vec<_> = scenarios
        .map(|line| about(line).map(|length| line.len() - length))
        .collect();
    assert!(
        begins
            .iter()
            .all(|begin| begin.is_some() && *begin == begins[0]),
        "{ended:#?}"
    );
}

#[test]
fn demo_shows_three_stops_and_what_came_of_them() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let ended = run(&[
        "demo",
        "shell-no-trap",
        "init-exits",
        "waits-for-all",
        "-o",
        "jsonl",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let reports: Vec<Report> = ended.stdout.lines().map(Report::parse).collect();
    let expected = [
        ("shell-no-trap", "forced", "init-no-handler", 0),
        ("init-exits", "forced", "not-forwarded", 1),
        ("waits-for-all", "graceful", "", 0),
    ];
    assert_eq!(reports.len(), expected.len(), "{ended:#?}");
    for (report, (name, verdict, cause, lost_cleanup)) in reports.iter().zip(expected) {
        report.is("/workload/name", name);
        report.says(verdict, cause, lost_cleanup);
    }
}

#[test]
fn demo_for_people_says_why_and_what_to_change() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let ended = run(&["demo", "init-exits"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    for part in [
        "init-exits",
        "FORCED",
        "not-forwarded",
        "SIGTERM",
        "SIGKILL",
        "server",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    // Not a terminal: no colours.
    assert!(!ended.stdout.contains('\x1b'), "{}", ended.stdout);
}

#[test]
fn explain_lists_every_word_of_the_reports_that_the_demo_expects() {
    let ended = run(&["explain"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.stderr, "");
    let listed: Vec<&str> = ended
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .collect();
    for expectation in [
        "graceful",
        "forced",
        "init-no-handler",
        "unreaped",
        "killed-ignoring",
        "pidns-teardown",
    ] {
        assert!(listed.contains(&expectation), "{expectation}: {ended:#?}");
    }
    // Whatever is listed is explained.
    for id in ["unknown", "grace-exceeded", "forwarded", "alive", "self"] {
        assert!(listed.contains(&id), "{id}: {ended:#?}");
        let article = run(&["explain", id]);
        assert_eq!(article.code, Some(0), "{article:#?}");
        assert!(article.stdout.starts_with(id), "{article:#?}");
    }
}

#[test]
fn explain_says_what_the_kernel_did_and_what_to_change() {
    let ended = run(&["explain", "init-no-handler"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    for part in [
        "kernel/signal.c",
        "SIGNAL_UNKILLABLE",
        "/status",
        "stop.result",
        "+ENTRYPOINT [\"./server\"",
        "rinit-trace demo shell-trap",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    // Not a terminal: no colours.
    assert!(!ended.stdout.contains('\x1b'), "{}", ended.stdout);
}

#[test]
fn explain_helps_somebody_who_mistypes() {
    let error = run(&["explain", "init-no-handlr"]).error(2).to_owned();
    assert!(error.contains("did you mean init-no-handler?"), "{error}");
    let error = run(&["explain", "\x1b[31mx\n"]).error(2).to_owned();
    assert!(error.contains("`rinit-trace explain` lists"), "{error}");
    assert!(!error.contains('\x1b'), "{error:?}");
}

#[test]
fn reader_that_has_seen_enough_is_no_error() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    for arguments in [
        &["system-info"][..],
        &["demo"],
        &["demo", "waits-for-all"],
        &["explain"],
    ] {
        let ended = run_with_closed_stdout(arguments);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert_eq!(ended.stderr, "");
    }
}
