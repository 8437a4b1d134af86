//! Golden outputs of realistic reports, and what must hold for any report.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use super::{
    TextOptions, article, articles, escape::is_hidden, event_note, json, jsonl, samples, text,
};
use crate::{
    knowledge::Topic,
    model::{DispositionAtStop, FindingId, Outcome, SendResult, SignalEntry, StopReport},
};

fn plain(report: &StopReport) -> String {
    text(report, &TextOptions { color: false })
}

fn colored(report: &StopReport) -> String {
    text(report, &TextOptions { color: true })
}

/// Removes our own colour codes: `ESC [ digits ; m`.
fn strip(text: &str) -> String {
    let mut pieces = text.split('\x1b');
    let mut out = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (code, rest) = piece.strip_prefix('[').unwrap().split_once('m').unwrap();
        assert!(
            code.chars().all(|c| c.is_ascii_digit() || c == ';'),
            "{code:?}"
        );
        out.push_str(rest);
    }
    out
}

#[test]
fn a_shell_without_trap_is_killed_after_the_grace_period() {
    insta::assert_snapshot!(plain(&samples::shell_without_trap()));
}

#[test]
fn a_signal_that_was_not_forwarded_loses_a_cleanup() {
    insta::assert_snapshot!(plain(&samples::not_forwarded()));
}

#[test]
fn a_graceful_stop_is_short() {
    insta::assert_snapshot!(plain(&samples::graceful()));
}

#[test]
fn a_kill_without_stop_signal_shows_no_grace_as_used() {
    insta::assert_snapshot!(plain(&samples::no_stop_signal()));
}

#[test]
fn lost_records_come_first_and_nothing_is_guessed() {
    insta::assert_snapshot!(plain(&samples::lost_records()));
}

/// Of records that were lost, of a trace that came too late, and of who does not die, each says its own.
#[test]
fn the_headline_says_why_a_verdict_is_unknown() {
    let headline = |report: &StopReport| plain(report).lines().nth(1).unwrap().trim().to_owned();
    let mut report = samples::lost_records();
    let words = |why: &str| format!("{why}: whether anybody was killed cannot be said");
    assert_eq!(headline(&report), words("records were lost"));
    report.observation.lost_records = 0;
    assert_eq!(headline(&report), words("1 process did not end"));
    report.processes[0].outcome = Outcome::Exited;
    assert_eq!(headline(&report), words("the tracer came too late"));
    report.observation.left_out = 7;
    let why = "more happened than is kept of a stop";
    assert_eq!(headline(&report), words(why));
    assert!(plain(&report).contains("LEFT OUT 7 facts: there were more than are kept"));
}

/// A teardown sends SIGKILL to whoever has a number, zombies too: nobody ignores it.
#[test]
fn a_zombie_that_a_teardown_finds_is_dead_already() {
    let mut report = samples::graceful();
    report.signals.push(SignalEntry {
        at_ms: 1.0,
        signal: crate::model::Signal::KILL,
        from: report.workload.init.pid,
        to: 4242,
        result: SendResult::Ignored,
        origin: crate::model::Origin::PidnsTeardown,
        // A report from before that field.
        to_dead: None,
    });
    let text = plain(&report);
    let line = text.lines().find(|line| line.contains("4242")).unwrap();
    assert!(line.ends_with("dead already"), "{line}");
}

#[test]
fn hostile_names_show_as_escapes() {
    insta::assert_snapshot!(plain(&samples::hostile(samples::HOSTILE)));
}

#[test]
fn a_crowd_is_folded() {
    insta::assert_snapshot!(plain(&samples::crowd()));
}

#[test]
fn the_note_says_why_a_stop_signal_did_nothing() {
    use DispositionAtStop::{Blocked, Default, Handled, Ignored};
    for (at_stop, at_end, result, note) in [
        (
            Default,
            Default,
            SendResult::Ignored,
            "ignored: PID 1 without a handler",
        ),
        (
            Default,
            Handled,
            SendResult::Ignored,
            "ignored: PID 1 had no handler yet",
        ),
        (Ignored, Ignored, SendResult::Ignored, "ignored: SIG_IGN"),
        (
            Blocked,
            Blocked,
            SendResult::Delivered,
            "blocked, never taken",
        ),
        (Handled, Handled, SendResult::Delivered, "never taken"),
        (
            Handled,
            Handled,
            SendResult::AlreadyPending,
            "already pending",
        ),
    ] {
        let mut report = samples::shell_without_trap();
        report.signals[0].result = result;
        report.processes[0].stop_signal.disposition = Some(at_stop);
        report.processes[0].stop_signal.disposition_at_end = Some(at_end);
        let text = plain(&report);
        let row = text
            .lines()
            .find(|line| line.contains("+0.000 s  SIGTERM"))
            .unwrap();
        assert!(row.ends_with(&format!("  {note}")), "{row}");
    }
}

#[test]
fn a_near_miss_of_a_graceful_stop_comes_with_its_advice() {
    let mut report = samples::graceful();
    let mut near_miss = samples::not_forwarded().findings.remove(0);
    near_miss.id = FindingId::NearMiss;
    report.findings = vec![near_miss];
    let text = plain(&report);
    assert!(!text.contains("  why"), "{text}");
    assert!(text.contains("  also      near-miss (certain): "), "{text}");
    assert!(text.contains("  change    - in the trap"), "{text}");
}

#[test]
fn who_passed_the_signal_on_is_left_to_the_timeline() {
    let mut report = samples::graceful();
    let mut forwarded = samples::not_forwarded().findings.remove(0);
    forwarded.id = FindingId::Forwarded;
    let quiet = plain(&report);
    report.findings = vec![forwarded];
    assert_eq!(plain(&report), quiet);
    assert!(json(&report).unwrap().contains("\"forwarded\""));
}

#[test]
fn the_notes_of_stops() {
    let notes = samples::all()
        .iter()
        .map(|report| event_note(report, 1024))
        .collect::<Vec<_>>();
    insta::assert_snapshot!(notes.join("\n\n"));
}

#[test]
fn a_note_without_room_leaves_the_advice_out_before_it_is_cut() {
    let report = samples::shell_without_trap();
    let whole = event_note(&report, 1024);
    let (note, _) = whole.split_once(". Change: ").unwrap();
    assert_eq!(event_note(&report, whole.len()), whole);
    assert_eq!(event_note(&report, whole.len() - 1), note);
    let short = event_note(&report, 40);
    assert_eq!(short.len(), 40);
    assert!(
        note.starts_with(short.strip_suffix('…').unwrap()),
        "{short}"
    );
}

#[test]
fn articles_fit_on_a_terminal() {
    let (plain, colored) = (TextOptions { color: false }, TextOptions { color: true });
    let mut pages = vec![(articles(&plain), articles(&colored))];
    pages.extend(Topic::all().map(|topic| (article(topic, &plain), article(topic, &colored))));
    for (text, colored) in pages {
        assert_eq!(strip(&colored), text);
        assert_ne!(colored, text);
        let lines = text.lines().filter(|line| !line.contains("  $ "));
        for line in lines {
            assert!(line.chars().count() <= 100, "{line}");
            assert_eq!(line.trim_end(), line);
        }
    }
}

#[test]
fn the_article_of_a_near_miss() {
    let topic = Topic::Finding(FindingId::NearMiss);
    insta::assert_snapshot!(article(topic, &TextOptions { color: false }));
}

#[test]
fn a_report_of_nothing_says_so() {
    let mut report = samples::lost_records();
    report.signals.clear();
    report.processes.clear();
    let text = plain(&report);
    assert!(text.contains("    nothing was seen\n"), "{text}");
    assert!(text.contains("    none was seen\n"), "{text}");
}

#[test]
fn the_fold_spares_the_kill_of_the_init() {
    let mut report = samples::crowd();
    for (index, process) in report.processes.iter_mut().enumerate() {
        // No two alike, so that nothing can be told in one row.
        process.comm = format!("worker{index}");
    }
    let text = plain(&report);
    let timeline = text.split("\n\n").nth(1).unwrap();
    assert!(timeline.lines().count() <= 46, "{timeline}");
    assert!(
        timeline.contains("SIGKILL  cgroup.kill by runc (dockerd) → worker0[8014]"),
        "{timeline}"
    );
    assert!(
        timeline.contains("… 227 more, and among them"),
        "{timeline}"
    );
}

#[test]
fn many_equal_signals_to_one_process_are_counted_and_not_taken_for_many_processes() {
    let mut report = samples::shell_without_trap();
    let again = SignalEntry {
        at_ms: 5.0,
        ..report.signals[0]
    };
    report.signals.splice(1..1, [again; 100]);
    let text = plain(&report);
    assert!(
        text.contains("→ sh[8014]             ignored: PID 1 without"),
        "{text}"
    );
    assert!(
        text.contains("→ sh[8014]             100 times, ignored\n"),
        "{text}"
    );
}

#[test]
fn the_json_of_a_stop() {
    insta::assert_snapshot!(json(&samples::shell_without_trap()).unwrap());
}

#[test]
fn color_adds_codes_and_changes_no_text() {
    for report in samples::all() {
        assert_ne!(colored(&report), plain(&report));
        assert_eq!(strip(&colored(&report)), plain(&report));
    }
}

#[test]
fn no_line_ends_in_spaces_and_the_last_one_ends() {
    for report in samples::all() {
        let text = plain(&report);
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
        for line in text.lines() {
            assert_eq!(line.trim_end(), line);
        }
    }
}

#[test]
fn json_reads_back_as_the_same_report() {
    for report in samples::all() {
        let line = jsonl(&report).unwrap();
        assert_eq!(line.lines().count(), 1);
        assert!(serde_json::from_str::<StopReport>(&line).unwrap() == report);
        let pretty = json(&report).unwrap();
        assert!(serde_json::from_str::<StopReport>(&pretty).unwrap() == report);
        assert!(!pretty.chars().any(|c| c != '\n' && is_hidden(c)));
    }
}

/// The keys of the sample in the contract, nested ones with a dot, those of lists as of one element.
const CONTRACT: &[(&str, &str)] = &[
    (
        "",
        "schema node started_at ended_at duration_ms workload stop verdict lost_cleanup cause \
         findings processes signals observation",
    ),
    (
        "workload",
        "runtime container_id name image pod pid_namespace cgroup init",
    ),
    ("workload.pod", "namespace name uid container owner"),
    ("workload.init", "pid ns_pid comm cmdline kind"),
    (
        "stop",
        "trigger signal result taken sender kill grace_ms grace_source grace_used_ms",
    ),
    ("stop.sender", "pid comm parent_comm inside"),
    ("stop.kill", "at_ms sender"),
    ("stop.kill.sender", "pid comm parent_comm inside"),
    ("cause", "id confidence summary fix pids evidence"),
    ("findings", "id confidence summary fix pids evidence"),
    (
        "processes",
        "pid ns_pid ppid pgid sid comm cmdline role stop_signal killed_by outcome exit",
    ),
    (
        "processes.stop_signal",
        "disposition disposition_at_end received taken first_at_ms result from comm",
    ),
    ("processes.exit", "at_ms code signal"),
    ("signals", "at_ms signal from to result origin to_dead"),
    (
        "observation",
        "pidns_teardown lost_records left_out arguments unlisted",
    ),
    ("observation.unlisted", "processes signals arguments"),
];

/// The values at a path of the contract, through lists.
fn at<'a>(root: &'a Value, path: &str) -> Vec<&'a Value> {
    path.split('.')
        .filter(|key| !key.is_empty())
        .fold(vec![root], |values, key| {
            values
                .into_iter()
                .map(|value| &value[key])
                .flat_map(|value| {
                    value
                        .as_array()
                        .map_or(vec![value], |list| list.iter().collect())
                })
                .collect()
        })
}

#[test]
fn json_has_every_key_of_the_contract_and_null_where_unknown() {
    for report in samples::all() {
        let value: Value = serde_json::from_str(&json(&report).unwrap()).unwrap();
        for (path, keys) in CONTRACT {
            let expected: BTreeSet<&str> = keys.split_whitespace().collect();
            for object in at(&value, path)
                .into_iter()
                .filter(|value| !value.is_null())
            {
                let found: BTreeSet<&str> = object
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(String::as_str)
                    .collect();
                assert_eq!(found, expected, "{path}");
            }
        }
    }
}

/// Strings that are likelier than arbitrary ones to break out.
fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\\x00-\\x1f\\x7f-\\x9f\u{200b}-\u{206f}\u{2028}\u{feff}\\[\\]m;0-9a-z →·]{0,40}",
    ]
}

proptest! {
    #[test]
    fn no_name_can_forge_a_line_or_a_control_sequence(name in nasty()) {
        let report = samples::hostile(&name);
        let text = plain(&report);
        prop_assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)));
        prop_assert_eq!(strip(&colored(&report)), text.clone());
        let harmless = plain(&samples::hostile("name"));
        prop_assert_eq!(text.lines().count(), harmless.lines().count());
        prop_assert!(jsonl(&report).unwrap().lines().count() == 1);
        let note = event_note(&report, 1024);
        prop_assert!(!note.is_empty() && note.len() <= 1024 && !note.chars().any(is_hidden));
    }
}
