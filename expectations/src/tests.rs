use serde_json::json;

use super::*;

/// The entries of two scenarios, and a report as each expects.
mod several;

const TEXT: &str = r#"
[dropped]
verdict = "forced"
cause = "init-no-handler"
confidence = "certain"
lost_cleanup = 1
summary = "no SIGTERM handler"
fix = ["exec form", "--init"]
named = ["bash", "java"]
processes = [
    "bash: killed-ignoring by runtime init",
    "java|python3: killed-unsignalled by pidns-teardown",
]
stop = { signal = "SIGTERM", result = "ignored", taken = false }
init = { kind = "shell", disposition = "default" }

[upgrade]
verdict = "graceful"
cause = "none"
lost_cleanup = 0
findings = ["unreaped"]
processes = ["app: exited init", "worker: terminated with SIGTERM", "worker|app: exited"]
stop = { signal = ["none", "SIGTERM"] }
"#;

fn dropped() -> Value {
    let cause = json!({
        "id": "init-no-handler", "confidence": "certain",
        "summary": "PID 1 (bash) has no SIGTERM handler", "pids": [7, 9],
        "fix": ["use the exec form of ENTRYPOINT", "or docker run --init"],
    });
    json!({
        "verdict": "forced", "lost_cleanup": 1, "findings": [cause], "cause": cause,
        "workload": {"init": {"kind": "shell"}},
        "stop": {"signal": "SIGTERM", "result": "ignored", "taken": false},
        "processes": [
            {"pid": 7, "comm": "bash", "role": "init", "outcome": "killed-ignoring", "killed_by": "runtime",
             "stop_signal": {"disposition": "default"}, "exit": {"signal": "SIGKILL"}},
            {"pid": 9, "comm": "java", "role": "member", "outcome": "killed-unsignalled",
             "killed_by": "pidns-teardown", "exit": {"signal": "SIGKILL"}},
        ],
    })
}

fn upgrade() -> Value {
    json!({
        "verdict": "graceful", "lost_cleanup": 0, "findings": [{"id": "unreaped"}], "cause": null,
        "stop": {"signal": null},
        "processes": [
            {"pid": 3, "comm": "app", "role": "init", "outcome": "exited", "killed_by": null,
             "exit": {"signal": null}},
            {"pid": 4, "comm": "worker", "role": "member", "outcome": "exited", "killed_by": null,
             "exit": {"signal": null}},
            {"pid": 5, "comm": "worker", "role": "member", "outcome": "terminated", "killed_by": null,
             "exit": {"signal": "SIGTERM"}},
        ],
    })
}

fn check(name: &str, report: &Value) -> Vec<String> {
    check_all(TEXT, name, std::slice::from_ref(report))
}

fn check_all(text: &str, name: &str, reports: &[Value]) -> Vec<String> {
    parse(text).unwrap().get(name).unwrap().check(reports)
}

/// Checks a report of `dropped` in which one value is another.
fn check_with(path: &str, value: impl Into<Value>) -> Vec<String> {
    let mut report = dropped();
    *report.pointer_mut(path).unwrap() = value.into();
    check("dropped", &report)
}

#[test]
fn a_report_as_expected_has_no_differences() {
    assert_eq!(check("dropped", &dropped()), Vec::<String>::new());
    assert_eq!(check("upgrade", &upgrade()), Vec::<String>::new());
    assert_eq!(
        parse(TEXT).unwrap().names().collect::<Vec<_>>(),
        ["dropped", "upgrade"]
    );
}

#[test]
fn expectations_that_are_swapped_do_not_fit() {
    for (name, report) in [("dropped", upgrade()), ("upgrade", dropped())] {
        let found = check(name, &report);
        for what in ["verdict: ", "cause: ", "lost_cleanup: ", "processes: "] {
            assert!(
                found.iter().any(|line| line.starts_with(what)),
                "{what}: {found:?}"
            );
        }
    }
}

/// A place in the report of `dropped`, another value for it as JSON, and what is told of it.
const CHANGES: &[[&str; 3]] = &[
    [
        "/verdict",
        r#""unknown""#,
        "verdict: expected forced, seen unknown",
    ],
    [
        "/lost_cleanup",
        "null",
        "lost_cleanup: expected 1, seen not known",
    ],
    ["/lost_cleanup", "2", "lost_cleanup: expected 1, seen 2"],
    [
        "/cause/confidence",
        r#""likely""#,
        "confidence: expected certain, seen likely",
    ],
    [
        "/cause/id",
        r#""unexplained""#,
        "cause: expected init-no-handler, seen unexplained",
    ],
    [
        "/cause/summary",
        r#""x""#,
        "summary: expected `no SIGTERM handler` in it, seen `x`",
    ],
    [
        "/cause/fix",
        r#"["exec form", "y"]"#,
        "fix: expected `--init` in one, seen exec form; y",
    ],
    [
        "/cause/pids",
        "[9]",
        "named: expected bash, java, seen java",
    ],
    [
        "/cause/pids",
        "[7, 8]",
        "named: expected bash, java, seen a pid of no process, bash",
    ],
    [
        "/stop/taken",
        "null",
        "stop.taken: expected false, seen null",
    ],
    [
        "/stop",
        "{}",
        "stop.signal: expected \"SIGTERM\", seen no such field",
    ],
    [
        "/workload/init/kind",
        r#""app""#,
        "init.kind: expected \"shell\", seen \"app\"",
    ],
    [
        "/processes/0/stop_signal/disposition",
        r#""handled""#,
        "init.disposition: expected \"default\", seen \"handled\"",
    ],
];

#[test]
fn every_value_is_compared() {
    for [path, value, difference] in CHANGES {
        let found = check_with(path, serde_json::from_str::<Value>(value).unwrap());
        assert!(
            found.iter().any(|line| line == difference),
            "{path}: {found:?}"
        );
    }
    let mut report = upgrade();
    report["findings"] = json!([]);
    assert_eq!(
        check("upgrade", &report),
        ["findings: expected unreaped among them, seen none"]
    );
}

#[test]
fn processes_are_compared_as_a_whole() {
    let not_seen =
        "processes: expected `java|python3: killed-unsignalled by pidns-teardown`, not seen";
    for (path, value, seen) in [
        (
            "/processes/1/comm",
            "ruby",
            "ruby: killed-unsignalled by pidns-teardown",
        ),
        (
            "/processes/1/outcome",
            "killed-pending",
            "java: killed-pending by pidns-teardown",
        ),
        (
            "/processes/1/killed_by",
            "peer",
            "java: killed-unsignalled by peer",
        ),
        (
            "/processes/1/role",
            "exec",
            "java: killed-unsignalled by pidns-teardown exec",
        ),
    ] {
        let seen = format!("processes: not expected `{seen}`, seen");
        let mut found = check_with(path, value);
        found.retain(|line| !line.starts_with("named: "));
        assert_eq!(found, [not_seen.to_owned(), seen], "{path}");
    }
    let mut report = dropped();
    let one_more = report["processes"][1].clone();
    report["processes"].as_array_mut().unwrap().push(one_more);
    let too_many = "processes: not expected `java: killed-unsignalled by pidns-teardown`, seen";
    assert_eq!(check("dropped", &report), [too_many]);
    let mut report = upgrade();
    report["processes"][2]["exit"]["signal"] = json!("SIGHUP");
    assert_eq!(check("upgrade", &report).len(), 2);
}

#[test]
fn alternatives_that_overlap_are_paired() {
    // The first process fits both lines, the second only the first line.
    let text = "[a]\nverdict = 'graceful'\ncause = 'none'\nlost_cleanup = 0\n\
                processes = ['app|worker: exited|alive', 'app: exited|terminated']\n";
    let process = |outcome: &str| json!({"comm": "app", "outcome": outcome, "killed_by": null, "role": "member"});
    let mut report = upgrade();
    report["processes"] = json!([process("exited"), process("alive")]);
    let found = check_all(text, "a", std::slice::from_ref(&report));
    assert_eq!(found, Vec::<String>::new());
    report["processes"] = json!([process("alive"), process("alive")]);
    assert_eq!(check_all(text, "a", &[report]).len(), 2);
}

#[test]
fn one_of_several_entries_fits_as_a_whole() {
    let entry = |verdict: &str, cause: &str, lost: u32, outcome: &str| {
        format!(
            "[[race.either]]\nverdict = '{verdict}'\n{cause}\nlost_cleanup = {lost}\nprocesses = ['app: {outcome}']\n"
        )
    };
    let forced = "cause = 'init-exited-early'\nconfidence = 'certain'";
    let text = entry("graceful", "cause = 'none'", 0, "exited")
        + &entry("forced", forced, 1, "killed-handling by pidns-teardown");
    let expectations = parse(&text).unwrap();
    let race = expectations.get("race").unwrap();
    assert_eq!(
        race.words(),
        [
            "graceful, 0 lost",
            "forced init-exited-early (certain), 1 lost"
        ]
    );
    let report = |verdict: &str, cause: Value, lost: u32, outcome: &str, killed_by: Value| {
        let app =
            json!({"comm": "app", "outcome": outcome, "killed_by": killed_by, "role": "member"});
        json!({"verdict": verdict, "cause": cause, "lost_cleanup": lost, "processes": [app]})
    };
    let early = json!({"id": "init-exited-early", "confidence": "certain"});
    let graceful = report("graceful", Value::Null, 0, "exited", Value::Null);
    let forced = report(
        "forced",
        early,
        1,
        "killed-handling",
        json!("pidns-teardown"),
    );
    for report in [graceful, forced.clone()] {
        assert_eq!(race.check(&[report]), Vec::<String>::new());
    }
    // Graceful, and yet somebody was killed.
    let mixed = report(
        "graceful",
        Value::Null,
        0,
        "killed-handling",
        json!("pidns-teardown"),
    );
    assert_eq!(race.check(&[mixed]).len(), 2);
    assert_eq!(words_of(&forced), race.words()[1]);
}

#[test]
fn a_lost_cleanup_may_be_expected_not_to_be_known() {
    let text = TEXT.replace("lost_cleanup = 1", "lost_cleanup = 'none'");
    let expectations = parse(&text).unwrap();
    let dropped_one = expectations.get("dropped").unwrap();
    assert_eq!(
        dropped_one.words(),
        ["forced init-no-handler (certain), ? lost"]
    );
    let difference = "lost_cleanup: expected not known, seen 1";
    assert_eq!(dropped_one.check(&[dropped()]), [difference]);
    let mut report = dropped();
    report["lost_cleanup"] = Value::Null;
    assert_eq!(dropped_one.check(&[report.clone()]), Vec::<String>::new());
    assert_eq!(words_of(&report), dropped_one.words()[0]);
    report.as_object_mut().unwrap().remove("lost_cleanup");
    let difference = "lost_cleanup: expected not known, seen missing";
    assert_eq!(dropped_one.check(&[report]), [difference]);
}

/// What a complete entry has.
const GOOD: &str = "verdict = 'graceful'\ncause = 'none'\nlost_cleanup = 0\nprocesses = []\n";

/// Texts, with `GOOD` for [`GOOD`], and the begin of the error.
const WRONG: &[[&str; 2]] = &[
    ["verdict = ", "line 1 is no TOML: "],
    ["[a]\n\n[a]\n", "line 3 is no TOML: "],
    ["a = 1", "a: is no table; write `[NAME]` above its keys"],
    [
        "[a]\nverdict = 'good'",
        "a: `verdict` has `good`, which is none of graceful, forced, ",
    ],
    [
        "[a]\nverdict = 1",
        "a: `verdict` is neither a text nor a list of texts",
    ],
    ["[a]\nverdict = []", "a: `verdict` is an empty list"],
    ["[a]\nverdict = 'forced'", "a: `cause` is missing"],
    [
        "[a]\nGOODfixes = 'x'",
        "a: `fixes` is no key; there are verdict, ",
    ],
    [
        "[a]\nGOODconfidence = 'likely'",
        "a: `confidence` is of no use without a cause",
    ],
    [
        "[a]\nverdict = 'forced'\ncause = 'oom'\nlost_cleanup = -1",
        "a: `lost_cleanup` is neither a count",
    ],
    [
        "[a]\nGOODinit = { kin = 'app' }",
        "a: `init` has no `kin`; it has kind, ",
    ],
    [
        "[a]\nGOODstop = { taken = 1 }",
        "a: `stop` has `taken`, which is neither a text nor true nor",
    ],
    ["[a]\nGOODeither = []", "a: `cause` is beside `either`"],
    [
        "[a]\neither = []",
        "a: `either` is no list of two entries or more",
    ],
    [
        "[[a.either]]\nGOODreports = 2\n[[a.either]]\nGOOD",
        "a: `reports` is in `either`, which is of one report",
    ],
    [
        "[a]\nGOODreports = 1",
        "a: `reports` is no count of two or more",
    ],
    [
        "[[a.either]]\nGOOD[[a.either]]\n",
        "a: `verdict` is missing",
    ],
];

/// Lines of `processes`, and what is wrong with each.
const WRONG_LINES: &[[&str; 2]] = &[
    ["app exited", "is not `COMM: OUTCOME"],
    ["app: exitted", "has `exitted`, none of exited, "],
    [
        "app: exited by nobody",
        "has `nobody`, none of pidns-teardown, ",
    ],
    ["app: exited by", "has ``, none of"],
    ["app: exited leader", "has `leader`, none of init, "],
    ["app: exited init now", "has a word too many"],
];

#[test]
fn an_error_names_the_scenario_and_the_key() {
    assert!(parse(&format!("[a]\n{GOOD}")).is_ok());
    for [text, error] in WRONG {
        let told = parse(&text.replace("GOOD", GOOD)).unwrap_err().to_string();
        assert!(told.starts_with(error), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    for [line, error] in WRONG_LINES {
        let text = format!("[a]\n{}", GOOD.replace("[]", &format!("['{line}']")));
        let told = parse(&text).unwrap_err().to_string();
        let error = format!("a: `processes` has `{line}`, which {error}");
        assert!(told.starts_with(&error), "{told}");
    }
}

#[test]
fn a_cause_needs_a_confidence() {
    let text = |confidence: &str| format!("[a]\n{}\n{confidence}", GOOD.replace("none", "oom"));
    let error = |confidence: &str| parse(&text(confidence)).unwrap_err().to_string();
    assert!(parse(&text("confidence = 'likely'")).is_ok());
    assert_eq!(error(""), "a: `confidence` is missing");
    assert_eq!(
        error("confidence = 'sure'"),
        "a: `confidence` has `sure`, which is none of certain, likely"
    );
}

#[test]
fn the_expectations_of_the_repository_are_read() {
    let expectations = parse(include_str!("../../tests/expectations.toml")).unwrap();
    assert!(expectations.names().count() > 30);
}

#[test]
fn causes_are_those_of_all_entries_without_none() {
    let expectations = parse(TEXT).unwrap();
    let causes = |name| {
        let causes = expectations.get(name).unwrap().causes();
        causes.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(causes("dropped"), ["init-no-handler"]);
    assert_eq!(causes("upgrade"), Vec::<&str>::new());
}

#[test]
fn a_report_that_lacks_records_may_be_unsure_and_never_wrong() {
    let all = parse(TEXT).unwrap();
    let expectation = all.get("dropped").unwrap();
    let report = |verdict: &str, confidence: &str, lost: u64| {
        let mut report = dropped();
        report["verdict"] = verdict.into();
        report["cause"]["id"] = "not-forwarded".into();
        report["cause"]["confidence"] = confidence.into();
        report["findings"] = json!([report["cause"]]);
        report["observation"] = json!({"lost_records": lost});
        [report]
    };
    let differ = |report: [Value; 1]| expectation.check_with_losses(&report).len();
    assert_eq!(differ(report("forced", "likely", 1)), 0);
    assert_eq!(differ(report("unknown", "likely", 1)), 0);
    assert!(differ(report("graceful", "likely", 1)) > 0);
    assert!(differ(report("forced", "certain", 1)) > 0);
    assert!(differ(report("forced", "likely", 0)) > 0);
    let lacking = report("forced", "likely", 1);
    assert!(!expectation.check(&lacking).is_empty());
}
