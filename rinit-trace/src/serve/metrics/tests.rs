use rinit_trace_core::model::{
    BootTime, Disposition, KilledBy, KilledOutsideStop, Role, Sender, Signal, Trigger,
};

use super::*;
use crate::serve::{
    RecordCounts,
    testing::{DB, WEB, forced, graceful, in_pod, named},
};

mod documentation;

/// A second less than [`KEEP`].
const ALMOST: Duration = Duration::from_secs(30 * 60 - 1);

fn metrics(options: MetricsOptions) -> Metrics {
    Metrics::new(options).unwrap()
}

fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let text = metrics.encode();
    let mut lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    let (_, value) = lines.find(|(name, _)| *name == series)?;
    Some(value.parse().unwrap())
}

/// Values of a stops series of a container of Docker.
fn stops(metrics: &Metrics, container: &str, verdict: &str) -> Option<f64> {
    let labels = format!(r#"namespace="",pod="",container="{container}",verdict="{verdict}""#);
    value(metrics, &format!("rinit_trace_stops_total{{{labels}}}"))
}

fn of(metrics: &Metrics, family: &str, container: &str) -> Option<f64> {
    let labels = format!(r#"namespace="",pod="",container="{container}""#);
    value(metrics, &format!("rinit_trace_{family}{{{labels}}}"))
}

fn dropped(names: Option<WorkloadNames>) -> DroppedSignal {
    DroppedSignal {
        at: BootTime::default(),
        signal: Signal::TERM,
        disposition: Disposition::Default,
        init_pid: 8014,
        init_ns_pid: 1,
        init_comm: "sh".into(),
        sender: runc(),
        pid_namespace: 4_026_532_281,
        names,
    }
}

fn runc() -> Sender {
    Sender {
        pid: 1,
        comm: "runc".into(),
        parent_comm: "containerd-shim".into(),
        inside: false,
    }
}

fn identified(id: &str, names: WorkloadNames) -> WorkloadNames {
    WorkloadNames {
        container_id: Some(id.into()),
        ..names
    }
}

#[test]
fn all_series_of_a_known_container_begin_at_0() {
    let metrics = metrics(MetricsOptions::default());
    metrics.container_seen(WEB, &in_pod("shop", "web-7d9f", "web"));
    let labels = r#"namespace="shop",pod="web-7d9f",container="web""#;
    for verdict in VERDICTS {
        let series = format!(r#"rinit_trace_stops_total{{{labels},verdict="{verdict}"}}"#);
        assert_eq!(value(&metrics, &series), Some(0.0), "{series}");
    }
    for family in ["self_exits", "lost_cleanup", "stop_signal_ignored"] {
        let series = format!("rinit_trace_{family}_total{{{labels}}}");
        assert_eq!(value(&metrics, &series), Some(0.0), "{series}");
    }
}

#[test]
fn a_forced_stop_is_counted_with_its_cause_and_its_dead() {
    let metrics = metrics(MetricsOptions::default());
    metrics.container_seen(WEB, &named("web"));
    metrics.stop(&forced(Some(WEB), Some("web")));
    assert_eq!(stops(&metrics, "web", "forced"), Some(1.0));
    assert_eq!(stops(&metrics, "web", "graceful"), Some(0.0));
    assert_eq!(of(&metrics, "lost_cleanup_total", "web"), Some(1.0));
    let labels = r#"namespace="",pod="",container="web""#;
    for (series, count) in [
        (r#"stop_causes_total{L,cause="init-no-handler"}"#, 1.0),
        (r#"killed_processes_total{L,killed_by="runtime"}"#, 1.0),
        // Not the one of an exec session.
        (
            r#"killed_processes_total{L,killed_by="pidns-teardown"}"#,
            2.0,
        ),
    ] {
        let series = format!("rinit_trace_{}", series.replace('L', labels));
        assert_eq!(value(&metrics, &series), Some(count), "{series}");
    }
    for (series, count) in [
        (
            r#"stop_duration_seconds_bucket{verdict="forced",le="10"}"#,
            0.0,
        ),
        (
            r#"stop_duration_seconds_bucket{verdict="forced",le="15"}"#,
            1.0,
        ),
        (r#"stop_duration_seconds_count{verdict="graceful"}"#, 0.0),
        (r#"grace_used_ratio_bucket{namespace="",le="1"}"#, 0.0),
        (r#"grace_used_ratio_bucket{namespace="",le="1.05"}"#, 1.0),
    ] {
        let series = format!("rinit_trace_{series}");
        assert_eq!(value(&metrics, &series), Some(count), "{series}");
    }
}

#[test]
fn a_job_that_is_done_is_no_stop() {
    let metrics = metrics(MetricsOptions::default());
    for trigger in [Trigger::InitExit, Trigger::MainChildExit] {
        let mut report = graceful(Some(WEB), Some("job"));
        report.stop.trigger = trigger;
        metrics.stop(&report);
    }
    assert_eq!(of(&metrics, "self_exits_total", "job"), Some(2.0));
    for verdict in VERDICTS {
        assert_eq!(stops(&metrics, "job", verdict), Some(0.0), "{verdict}");
    }
    let durations = r#"rinit_trace_stop_duration_seconds_count{verdict="graceful"}"#;
    assert_eq!(value(&metrics, durations), Some(0.0));
    // The end of PID 1 killed somebody: that is a stop.
    let mut report = forced(Some(WEB), Some("job"));
    report.stop.trigger = Trigger::InitExit;
    metrics.stop(&report);
    assert_eq!(of(&metrics, "self_exits_total", "job"), Some(2.0));
    assert_eq!(stops(&metrics, "job", "forced"), Some(1.0));
}

#[test]
fn a_ratio_needs_both_times_and_a_verdict() {
    let metrics = metrics(MetricsOptions::default());
    let mut report = forced(None, Some("web"));
    for (grace, used, verdict) in [
        (None, Some(5.0), Verdict::Forced),
        (Some(10.0), None, Verdict::Forced),
        (Some(0.0), Some(5.0), Verdict::Forced),
        (Some(0.0), Some(0.0), Verdict::Forced),
        (Some(10.0), Some(f64::NAN), Verdict::Forced),
        (Some(10.0), Some(5.0), Verdict::Unknown),
    ] {
        report.stop.grace_ms = grace;
        report.stop.grace_used_ms = used;
        report.verdict = verdict;
        metrics.stop(&report);
    }
    let text = metrics.encode();
    assert!(
        !text.contains("rinit_trace_grace_used_ratio_count"),
        "{text}"
    );
    assert_eq!(stops(&metrics, "web", "forced"), Some(5.0));
    assert_eq!(stops(&metrics, "web", "unknown"), Some(1.0));
}

#[test]
fn series_outlive_their_last_container_for_a_while() {
    let metrics = metrics(MetricsOptions::default());
    let start = Instant::now();
    metrics.container_seen(WEB, &named("web"));
    metrics.container_seen(DB, &named("web"));
    metrics.stop(&forced(Some(WEB), Some("web")));
    metrics.container_gone(WEB, start);
    metrics.expire(start + 2 * KEEP);
    assert_eq!(stops(&metrics, "web", "forced"), Some(1.0), "one is left");
    let gone = start + 2 * KEEP;
    metrics.container_gone(DB, gone);
    metrics.container_gone(DB, gone + KEEP);
    metrics.expire(gone + ALMOST);
    assert_eq!(stops(&metrics, "web", "forced"), Some(1.0));
    metrics.expire(gone + KEEP);
    let text = metrics.encode();
    assert!(!text.contains(r#"container="web""#), "{text}");
    assert!(!text.contains("grace_used_ratio"), "{text}");
}

#[test]
fn a_container_that_comes_back_keeps_its_counters() {
    let metrics = metrics(MetricsOptions::default());
    let start = Instant::now();
    metrics.container_seen(WEB, &named("web"));
    metrics.stop(&forced(Some(WEB), Some("web")));
    metrics.container_gone(WEB, start);
    metrics.container_seen(WEB, &named("web"));
    metrics.container_seen(WEB, &named("web"));
    metrics.expire(start + 3 * KEEP);
    assert_eq!(stops(&metrics, "web", "forced"), Some(1.0));
    metrics.container_gone(WEB, start + 3 * KEEP);
    metrics.expire(start + 5 * KEEP);
    assert_eq!(stops(&metrics, "web", "forced"), None, "counted once");
}

#[test]
fn a_stop_after_the_end_is_scraped_for_a_while() {
    let metrics = metrics(MetricsOptions::default());
    let start = Instant::now();
    metrics.container_seen(WEB, &named("web"));
    metrics.container_gone(WEB, start);
    metrics.expire(start);
    // Nor does a container have to be known at all, or have an id.
    metrics.stop(&forced(Some(WEB), None));
    metrics.stop(&forced(Some(DB), Some("db")));
    metrics.stop(&forced(None, Some("nobody")));
    metrics.expire(start + ALMOST);
    metrics.expire(start + 2 * ALMOST);
    for name in ["web", "db", "nobody"] {
        assert_eq!(stops(&metrics, name, "forced"), Some(1.0), "{name}");
    }
    metrics.expire(start + 2 * KEEP);
    for name in ["web", "db", "nobody"] {
        assert_eq!(stops(&metrics, name, "forced"), None, "{name}");
    }
}

#[test]
fn better_names_move_a_container() {
    let metrics = metrics(MetricsOptions::default());
    metrics.container_seen(WEB, &WorkloadNames::default());
    assert_eq!(value(&metrics, &unnamed("forced")), Some(0.0));
    metrics.container_seen(WEB, &named("k8s_web"));
    let unused = value(&metrics, &unnamed("forced"));
    assert_eq!(unused, None, "nothing was counted");
    metrics.signal_ignored(&dropped(Some(identified(WEB, named("k8s_web")))));
    metrics.container_seen(WEB, &in_pod("shop", "web-7d9f", "web"));
    let ignored = "stop_signal_ignored_total";
    assert_eq!(
        of(&metrics, ignored, "k8s_web"),
        Some(1.0),
        "it was counted"
    );
    // A failed lookup later takes nothing away.
    metrics.container_seen(WEB, &WorkloadNames::default());
    metrics.stop(&forced(Some(WEB), None));
    let labels = r#"namespace="shop",pod="web-7d9f",container="web",verdict="forced""#;
    let series = format!("rinit_trace_stops_total{{{labels}}}");
    assert_eq!(value(&metrics, &series), Some(1.0));
    let start = Instant::now();
    metrics.expire(start);
    metrics.expire(start + KEEP);
    assert_eq!(of(&metrics, ignored, "k8s_web"), None);
    assert_eq!(value(&metrics, &series), Some(1.0), "it runs");
}

/// The stops series of those that have no name.
fn unnamed(verdict: &str) -> String {
    let labels = r#"namespace="_unnamed",pod="_unnamed",container="_unnamed""#;
    format!(r#"rinit_trace_stops_total{{{labels},verdict="{verdict}"}}"#)
}

#[test]
fn who_has_no_name_shares_a_series_that_says_so_and_is_counted() {
    let metrics = metrics(MetricsOptions::default());
    let count = || value(&metrics, "rinit_trace_unnamed_stops_total");
    assert_eq!(count(), Some(0.0));
    metrics.container_seen(WEB, &named("web"));
    // The name was known before, so it is now.
    metrics.stop(&forced(Some(WEB), None));
    assert_eq!(count(), Some(0.0));
    metrics.container_seen(DB, &WorkloadNames::default());
    metrics.stop(&forced(Some(DB), None));
    metrics.stop(&graceful(None, None));
    assert_eq!(count(), Some(2.0));
    assert_eq!(value(&metrics, &unnamed("forced")), Some(1.0));
    assert_eq!(value(&metrics, &unnamed("graceful")), Some(1.0));
    let text = metrics.encode();
    assert!(!text.contains(&DB[..12]), "{text}");
    assert!(!text.contains(r#"container="""#), "{text}");
}

#[test]
fn a_sandbox_has_no_series() {
    let metrics = metrics(MetricsOptions::default());
    let sandbox = WorkloadNames {
        is_sandbox: true,
        ..identified(WEB, named("pause"))
    };
    metrics.container_seen(WEB, &sandbox);
    metrics.signal_ignored(&dropped(Some(sandbox.clone())));
    // Known by its name before it was known as a sandbox.
    metrics.container_seen(DB, &named("pause"));
    metrics.container_seen(DB, &sandbox);
    let text = metrics.encode();
    assert!(!text.contains("pause"), "{text}");
}

#[test]
fn label_sets_beyond_the_bound_are_counted_together() {
    let options = MetricsOptions {
        max_containers: 2,
        ..MetricsOptions::default()
    };
    let metrics = metrics(options);
    for n in 0..100 {
        let (id, name) = (format!("{n:064x}"), format!("c{n}"));
        metrics.container_seen(&id, &named(&name));
        metrics.container_seen(&id, &named(&name));
        metrics.stop(&forced(Some(&id), Some(&name)));
        metrics.stop(&forced(None, Some(&name)));
    }
    assert_eq!(stops(&metrics, "c0", "forced"), Some(2.0));
    assert_eq!(stops(&metrics, "c1", "forced"), Some(2.0));
    assert_eq!(stops(&metrics, "c2", "forced"), None);
    let text = metrics.encode();
    let all = r#"namespace="_overflow",pod="_overflow",container="_overflow""#;
    let series = format!(r#"rinit_trace_stops_total{{{all},verdict="forced"}} 196"#);
    assert!(text.contains(&series), "{text}");
    assert_eq!(text.matches("rinit_trace_stops_total{").count(), 9);
    let overflows = value(&metrics, "rinit_trace_metric_overflow_total").unwrap();
    assert!(overflows >= 98.0, "{overflows}");
}

#[test]
fn labels_may_be_chosen() {
    let options = |labels: &[MetricLabel]| MetricsOptions {
        labels: labels.into(),
        ..MetricsOptions::default()
    };
    let chosen = [
        MetricLabel::Image,
        MetricLabel::Workload,
        MetricLabel::Image,
    ];
    let few = metrics(options(&chosen));
    few.container_seen(WEB, &in_pod("shop", "web-7d9f", "web"));
    few.stop(&forced(Some(WEB), None));
    let series = r#"rinit_trace_stops_total{workload="web",image="shop/web:1.4",verdict="forced"}"#;
    assert_eq!(value(&few, series), Some(1.0));
    assert_eq!(value(&few, "rinit_trace_grace_used_ratio_count"), Some(1.0));
    let none = metrics(options(&[]));
    none.container_seen(WEB, &named("web"));
    none.stop(&forced(Some(DB), Some("db")));
    let series = r#"rinit_trace_stops_total{verdict="forced"}"#;
    assert_eq!(value(&none, series), Some(1.0));
    assert_eq!(value(&none, "rinit_trace_metric_overflow_total"), Some(0.0));
}

#[test]
fn kills_of_a_container_that_lives_on_are_counted() {
    let metrics = metrics(MetricsOptions::default());
    let victim = |role, killed_by| KilledOutsideStop {
        pid: 1,
        ns_pid: 1,
        comm: "worker".into(),
        role,
        killed_by,
        sender: runc(),
    };
    metrics.kills_outside(&KillsOutsideStop {
        at: BootTime::default(),
        init_pid: 8014,
        pid_namespace: 4_026_532_281,
        names: Some(identified(WEB, named("web"))),
        victims: vec![
            victim(Role::Member, KilledBy::Oom),
            victim(Role::Exec, KilledBy::Runtime),
        ],
        more: 7,
    });
    for (by, count) in [
        ("oom", Some(1.0)),
        ("unknown", Some(7.0)),
        ("runtime", None),
    ] {
        let labels = format!(r#"namespace="",pod="",container="web",killed_by="{by}""#);
        let series = format!("rinit_trace_kills_outside_stop_total{{{labels}}}");
        assert_eq!(value(&metrics, &series), count, "{by}");
    }
}

#[test]
fn hostile_names_make_no_lines_of_their_own() {
    let metrics = metrics(MetricsOptions::default());
    let name = "a\"} 1\nrinit_trace_stops_total{x=\"\\";
    metrics.container_seen(WEB, &named(name));
    metrics.stop(&forced(Some(WEB), Some(name)));
    for line in metrics.encode().lines() {
        let is_known = line.starts_with("# ")
            || line.starts_with("rinit_trace_")
            || line.starts_with("process_");
        assert!(is_known, "{line}");
        assert!(!line.starts_with("rinit_trace_stops_total{x"), "{line}");
    }
}

#[test]
fn the_daemons_own_health_is_shown_without_double_series() {
    let metrics = metrics(MetricsOptions::default());
    let mut health = Health {
        probes: vec![
            ("oom:mark_victim", None),
            ("signal:signal_generate", Some("fentry")),
        ],
        lookups: vec![("docker", "hit", 3), ("docker", "hit", 4)],
        programs: vec![("signal_generate", 5, Duration::from_millis(1500))],
        outputs: vec![("history", 2, 1)],
        ..Health::default()
    };
    health.records[1] = RecordCounts {
        received: 10,
        lost: 2,
        undecodable: 1,
    };
    metrics.set_health(health);
    for (series, count) in [
        (r#"records_received_total{kind="signal"}"#, 10.0),
        (r#"records_lost_total{kind="signal"}"#, 2.0),
        (r#"records_undecodable_total{kind="none"}"#, 0.0),
        (
            r#"probe_attached{hook="oom:mark_victim",mechanism="none"}"#,
            0.0,
        ),
        (
            r#"probe_attached{hook="signal:signal_generate",mechanism="fentry"}"#,
            1.0,
        ),
        (r#"lookups_total{source="docker",result="hit"}"#, 7.0),
        (r#"program_seconds_total{program="signal_generate"}"#, 1.5),
        (r#"output_errors_total{sink="history"}"#, 2.0),
    ] {
        let series = format!("rinit_trace_{series}");
        assert_eq!(value(&metrics, &series), Some(count), "{series}");
    }
    assert_eq!(metrics.encode().matches("docker").count(), 1);
}
