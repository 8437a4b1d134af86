//! Secrets in the arguments of processes, where they are not to be shown.

use std::{fs, path::Path, process::Command};

use rinit_trace_tests::{Contained, Daemon, Kernel, Report, Tracer, run, wait};
use tempfile::TempDir;

/// Each in another place of the command line.
const SECRETS: [&str; 5] = [
    "Sec0Script",
    "Sec1Option",
    "Sec2Word",
    "Sec3Url",
    "Sec4Header",
];

/// A shell that leaves when it was asked to by SIGTERM and its input has ended, and a child that is killed then.
fn start() -> Contained {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "trap 'read line; exit 0' TERM; : --password \"Sec0Script\"; sleep 1000 & echo ready; wait",
        "app",
        "--password=Sec1Option",
        "--api-token",
        "Sec2Word",
        "postgres://shop:Sec3Url@db/shop",
        "Authorization: Bearer Sec4Header",
    ]);
    Contained::start_command(command, 1)
}

fn secrets_in(text: &str) -> Vec<&'static str> {
    let found = SECRETS.into_iter().filter(|secret| text.contains(secret));
    found.collect()
}

fn has_none(what: &str, text: &str) {
    assert_eq!(secrets_in(text), Vec::<&str>::new(), "{what}");
}

/// Waits until the files of a history have a stop, and returns all that is in them.
fn kept(dir: &Path, id: &str) -> String {
    wait::until("the stop is in the history", || {
        let files = fs::read_dir(dir).ok()?.flatten();
        let texts = files.map(|file| fs::read_to_string(file.path()).unwrap_or_default());
        let all: String = texts.collect();
        all.contains(id).then_some(all)
    })
}

/// What `--last` prints of a container, in each form.
fn last(id: &str, arguments: &[&str]) -> String {
    let mut all = String::new();
    for output in ["text", "json", "jsonl"] {
        let mut whole = vec!["--container", id, "--last", "-o", output];
        whole.extend(arguments);
        let ended = run(&whole);
        assert_eq!(ended.code, Some(1), "{ended:#?}");
        all = all + &ended.stdout + &ended.stderr;
    }
    assert!(all.contains(&id[..12]), "{all}");
    all
}

/// What a daemon answers of a container; others stop at the same time.
fn told(daemon: &Daemon, id: &str) -> String {
    let answer = daemon
        .endpoint()
        .get(&format!("/api/v1/stops?container={id}"));
    let (_, answer) = answer.unwrap();
    assert!(answer.contains(id), "{answer}");
    answer
}

fn shown(report: &Report) -> &str {
    report.says("forced", "not-forwarded", 0);
    report.text("/observation/arguments")
}

#[test]
fn secrets_in_arguments_are_in_no_output_when_they_are_masked_or_left_out() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let (full, masked) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let [full, masked] = [&full, &masked].map(|dir| dir.path().to_str().unwrap());
    let mut contained = start();
    let id = contained.id().to_owned();
    let id = id.as_str();
    let plain = Tracer::ready(&["-o", "jsonl", "--history", full]);
    let text = Tracer::ready(&["--arguments", "masked"]);
    let none = Tracer::ready(&["-o", "jsonl", "--arguments", "none"]);
    let daemon = Daemon::start(&["--arguments", "masked", "--history", masked]);
    contained.ask();
    // While another comes and goes all arguments are read: those of a process that ends at once may not be.
    for tracer in [&plain, &none, daemon.output()] {
        tracer.catch_up();
    }
    contained.end_input();
    contained.wait();

    // They are there to be masked, and the cause is the same.
    let report = plain.report_of(id);
    assert_eq!(shown(&report), "full");
    assert_eq!(secrets_in(&report.to_string()), SECRETS);
    let report = daemon.output().report_of(id);
    assert_eq!(shown(&report), "masked");
    let cmdline = report.at("/workload/init/cmdline").to_string();
    assert!(cmdline.contains("--password=***") && cmdline.contains("postgres://shop:***@db"));
    let report = none.report_of(id);
    assert_eq!(shown(&report), "none");
    assert!(report.at("/workload/init/cmdline").is_null(), "{report}");
    assert!(report.at("/processes/0/cmdline").is_null(), "{report}");

    let answer = told(&daemon, id);
    has_none("the API", &answer);
    has_none("the history", &kept(Path::new(masked), id));
    let address = daemon.endpoint().address().to_string();
    has_none("--last of a daemon", &last(id, &["--daemon", &address]));
    has_none("--last of a history", &last(id, &["--history", masked]));

    // What was kept in full before is masked by the program that prints it.
    assert_eq!(secrets_in(&kept(Path::new(full), id)), SECRETS);
    let hidden = last(id, &["--history", full, "--arguments", "masked"]);
    has_none("--last of a history in full", &hidden);
    for (what, ended) in [
        ("the daemon", daemon.terminate().0),
        ("text", interrupted(text)),
        ("none", interrupted(none)),
    ] {
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert!(ended.stdout.contains(&id[..12]), "{ended:#?}");
        has_none(what, &(ended.stdout + &ended.stderr));
    }
    assert_eq!(interrupted(plain).code, Some(0));
    let later = Daemon::start(&["--arguments", "masked", "--history", full]);
    let answer = told(&later, id);
    has_none(
        "the API of one that was started on a history in full",
        &answer,
    );
}

fn interrupted(tracer: Tracer) -> rinit_trace_tests::Ended {
    tracer.interrupt();
    tracer.ended()
}
