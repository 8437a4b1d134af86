//! Events against an API server that grants the shipped rights and no others.

use std::{io::Write as _, time::Instant};

use axum::http::Method;
use rinit_trace_core::model::{
    BootTime, FindingId, KilledBy, KilledOutsideStop, Role, Sender, Verdict, WorkloadNames,
};
use serde_json::{Value, json};

use super::*;
use fake_api::{FakeApi, Mood, status};

mod fake_api;
mod told;
mod trouble;

/// Longest wait for what must happen.
const DEADLINE: Duration = Duration::from_secs(20);

/// A forced stop of the container `web` of the pod `shop/web-7d9f`.
fn report() -> StopReport {
    let finding = json!({
        "id": "not-forwarded", "confidence": "certain", "pids": [8014], "evidence": [],
        "summary": "PID 1 (sh) took SIGTERM and ended without passing it on",
        "fix": ["in the trap, `kill -TERM \"$child\"`"],
    });
    let report = json!({
        "schema": "rinit-trace.stop/v1", "node": "worker-3", "duration_ms": 9.4,
        "started_at": "2026-11-22T10:06:20.910222315Z", "ended_at": "2026-11-22T10:06:20.92Z",
        "workload": {
            "runtime": "containerd", "container_id": "3d206acf928a", "name": "web", "image": null,
            "pod": {
                "namespace": "shop", "name": "web-7d9f", "owner": "web", "container": "web",
                "uid": "0b1c7b4e-3c43-4f0e-9a0d-6f3f6a1f7f10",
            },
            "pid_namespace": 4_026_532_281_u32, "cgroup": null,
            "init": {"pid": 8014, "ns_pid": 1, "comm": "sh", "cmdline": null, "kind": "shell"},
        },
        "stop": {
            "trigger": "stop-signal", "signal": "SIGTERM", "result": "delivered", "taken": true,
            "sender": null, "kill": null, "grace_ms": null, "grace_source": null,
            "grace_used_ms": 9.4,
        },
        "verdict": "forced", "lost_cleanup": 1, "cause": finding, "findings": [finding],
        "processes": [], "signals": [],
        "observation": {"pidns_teardown": "fentry", "lost_records": 0},
    });
    serde_json::from_value(report).unwrap()
}

fn of_pod(namespace: &str, number: usize) -> StopReport {
    let mut report = report();
    let pod = report.workload.pod.as_mut().unwrap();
    pod.namespace = namespace.into();
    pod.name = format!("web-{number}");
    pod.uid = format!("uid-{number}");
    report
}

/// Bounds that a test can wait for.
fn options(api: &FakeApi) -> EventsOptions {
    EventsOptions {
        timeout: DEADLINE / 4,
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(100),
        ..EventsOptions::new(Api::Given(Box::new(api.config())), Some("worker-3".into()))
    }
}

fn start(api: &FakeApi) -> Events {
    Events::start(options(api)).unwrap()
}

fn counted(stats: EventStats) -> Vec<(&'static str, u64)> {
    let counts = stats.iter().filter(|(_, count)| *count > 0);
    counts
        .map(|(outcome, count)| (outcome.label(), count))
        .collect()
}

/// Waits until it is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn until_counted(events: &Events, outcome: EventOutcome, count: u64) {
    let what = format!("{count} {}", outcome.label());
    until(&what, || events.stats().get(outcome) >= count).await;
}

#[tokio::test]
async fn a_forced_stop_becomes_an_event_on_its_pod() {
    let api = FakeApi::start();
    let events = start(&api);
    events.offer(&report());
    assert_eq!(counted(events.stop(DEADLINE).await), [("published", 1)]);
    let seen = api.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    let mut event = seen[0].body.clone();
    assert_eq!(seen[0].method, Method::POST);
    assert_eq!(
        seen[0].path,
        "/apis/events.k8s.io/v1/namespaces/shop/events"
    );
    assert_eq!(seen[0].content_type, "application/json");
    let name = event["metadata"]["name"].take();
    assert!(name.as_str().unwrap().starts_with("web-7d9f."), "{name}");
    let time = event["eventTime"].take();
    assert_eq!(time, "2026-11-22T10:06:20.920000Z", "the stop's");
    let expected = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"name": null, "namespace": "shop"},
        "eventTime": null,
        "type": "Warning", "reason": "ForcedStop", "action": "Stop",
        "note": "container web: forced, not-forwarded (certain): PID 1 (sh) took SIGTERM and ended \
                 without passing it on; lost cleanup: 1 process had a handler and could not finish. \
                 Change: in the trap, `kill -TERM \"$child\"`",
        "regarding": {
            "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web-7d9f",
            "uid": "0b1c7b4e-3c43-4f0e-9a0d-6f3f6a1f7f10",
            "fieldPath": "spec.containers{web}",
        },
        "reportingController": "rinit-trace", "reportingInstance": "worker-3",
    });
    assert_eq!(event, expected);
}

/// Kills of the container `web` of the pod `shop/web-7d9f`, which lives on.
fn kills(victims: &[(Role, KilledBy)]) -> KillsOutsideStop {
    let victim = |(at, (role, killed_by)): (usize, &(Role, KilledBy))| KilledOutsideStop {
        pid: 8020,
        ns_pid: 20 + u32::try_from(at).unwrap(),
        comm: "worker\n".into(),
        role: *role,
        killed_by: *killed_by,
        sender: Sender {
            pid: 1,
            comm: "java".into(),
            parent_comm: "sh".into(),
            inside: true,
        },
    };
    KillsOutsideStop {
        at: BootTime::default(),
        init_pid: 8014,
        pid_namespace: 4_026_532_281,
        names: Some(WorkloadNames {
            pod: report().workload.pod,
            ..WorkloadNames::default()
        }),
        victims: victims.iter().enumerate().map(victim).collect(),
        more: 3,
    }
}

#[tokio::test]
async fn processes_that_the_oom_killer_took_of_a_container_that_lives_on_become_an_event() {
    let api = FakeApi::start();
    let events = start(&api);
    let oom = (Role::Member, KilledBy::Oom);
    events.offer_kills(&kills(&[oom, (Role::Member, KilledBy::Peer), oom]));
    // Another Event than that of a stop, and one that repeats.
    events.offer(&report());
    events.offer_kills(&kills(&[oom]));
    // Neither by the OOM killer, nor of the container itself, nor of a pod.
    events.offer_kills(&kills(&[(Role::Member, KilledBy::External)]));
    events.offer_kills(&kills(&[(Role::Exec, KilledBy::Oom)]));
    let mut docker = kills(&[oom]);
    docker.names = None;
    events.offer_kills(&docker);
    let stats = events.stop(DEADLINE).await;
    assert_eq!(counted(stats), [("published", 2), ("aggregated", 1)]);
    let event = &api.seen()[0].body;
    assert_eq!(event["reason"], "OOMKilledProcess");
    assert_eq!(event["action"], "Kill");
    assert_eq!(event["regarding"]["fieldPath"], "spec.containers{web}");
    let note = event["note"].as_str().unwrap();
    let killed = "container web lives on, and the OOM killer ended 2 processes of it: worker\\n (pid \
                  20 in the container); worker\\n (pid 22 in the container). Change: raise the memory limit";
    assert!(note.starts_with(killed), "{note}");
}

#[tokio::test]
async fn what_is_no_forced_stop_of_a_pod_is_not_told() {
    let api = FakeApi::start();
    let events = start(&api);
    let (mut graceful, mut unknown, mut docker) = (report(), report(), report());
    (graceful.verdict, graceful.cause) = (Verdict::Graceful, None);
    unknown.verdict = Verdict::Unknown;
    docker.workload.pod = None;
    for report in [&graceful, &unknown, &docker] {
        events.offer(report);
    }
    assert_eq!(counted(events.stop(DEADLINE).await), []);
    assert!(api.seen().is_empty(), "{:?}", api.seen());
}

#[tokio::test]
async fn what_repeats_is_counted_to_the_event_that_is_there() {
    let api = FakeApi::start();
    let events = start(&api);
    let mut other_cause = report();
    other_cause.cause.as_mut().unwrap().id = FindingId::GraceExceeded;
    let mut other_container = report();
    other_container.workload.pod.as_mut().unwrap().container = "log".into();
    let later = |time: &str| {
        let mut report = report();
        report.ended_at = time.parse().unwrap();
        report
    };
    let times = ["2026-11-22T10:07:00.500000Z", "2026-11-22T10:08:00.000000Z"];
    for report in [
        &report(),
        &later(times[0]),
        &other_cause,
        &other_container,
        &later(times[1]),
    ] {
        events.offer(report);
    }
    let stats = events.stop(DEADLINE).await;
    assert_eq!(counted(stats), [("published", 3), ("aggregated", 2)]);
    let (post, patch) = ((Method::POST, 201), (Method::PATCH, 200));
    let expected = [post.clone(), patch.clone(), post.clone(), post, patch];
    assert_eq!(api.verbs(), expected);
    let seen = api.seen();
    let name = seen[0].body["metadata"]["name"].as_str().unwrap();
    for (patch, count, time) in [(&seen[1], 2, times[0]), (&seen[4], 3, times[1])] {
        let path = format!("/apis/events.k8s.io/v1/namespaces/shop/events/{name}");
        assert_eq!(patch.path, path);
        assert_eq!(patch.query.as_deref().unwrap_or_default(), "");
        assert_eq!(patch.body["series"]["count"], count);
        assert_eq!(patch.body["series"]["lastObservedTime"], time, "the stop's");
        assert_eq!(patch.body["eventTime"], seen[0].body["eventTime"]);
    }
}

#[tokio::test]
async fn an_event_that_was_removed_is_made_anew() {
    let api = FakeApi::start();
    let events = start(&api);
    events.offer(&report());
    until_counted(&events, EventOutcome::Published, 1).await;
    api.forget_events();
    events.offer(&report());
    assert_eq!(counted(events.stop(DEADLINE).await), [("published", 2)]);
    let expected = [
        (Method::POST, 201),
        (Method::PATCH, 404),
        (Method::POST, 201),
    ];
    assert_eq!(api.verbs(), expected);
}

#[tokio::test]
async fn a_pod_and_all_pods_have_a_limit() {
    let api = FakeApi::start();
    let mut options = options(&api);
    (options.per_minute, options.per_pod) = (10, 3);
    let events = Events::start(options).unwrap();
    for _ in 0..8 {
        events.offer(&of_pod("shop", 0));
    }
    for pod in 1..=20 {
        events.offer(&of_pod("shop", pod));
    }
    let stats = events.stop(DEADLINE).await;
    let expected = [("published", 8), ("aggregated", 2), ("rate-limited", 18)];
    assert_eq!(counted(stats), expected);
    assert_eq!(api.seen().len(), 10);
}

#[tokio::test]
async fn hostile_names_reach_neither_a_path_nor_a_terminal() {
    let api = FakeApi::start();
    let events = start(&api);
    let mut bad_pods = 0;
    for name in ["../../../api/v1", "a/b", "a?x=1", "a\nb", "", "a b", "ä"] {
        for field in 0..4 {
            let mut report = report();
            let pod = report.workload.pod.as_mut().unwrap();
            let fields = [
                &mut pod.namespace,
                &mut pod.name,
                &mut pod.uid,
                &mut pod.container,
            ];
            *fields.into_iter().nth(field).unwrap() = name.into();
            events.offer(&report);
            bad_pods += 1;
        }
    }
    let mut report = report();
    let comm = "x\n\u{1b}[2J\u{202e}";
    report.workload.init.comm = comm.into();
    let cause = report.cause.as_mut().unwrap();
    cause.summary = format!("PID 1 ({}) took SIGTERM", comm.repeat(1000));
    events.offer(&report);
    let stats = events.stop(DEADLINE).await;
    assert_eq!(counted(stats), [("published", 1), ("failed", bad_pods)]);
    let seen = api.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    let note = seen[0].body["note"].as_str().unwrap();
    assert!(note.len() <= 1024, "{}", note.len());
    let plain = |c: char| c.is_ascii() && !c.is_ascii_control() || c == '…';
    assert!(note.chars().all(plain), "{note:?}");
    assert!(note.contains(r"x\n\u{1b}[2J\u{202e}"), "{note}");
}

#[tokio::test]
async fn the_token_is_read_from_its_file() {
    let api = FakeApi::start();
    let mut token = tempfile::NamedTempFile::new().unwrap();
    token.write_all(b"the-token").unwrap();
    let mut config = api.config();
    config.auth_info.token_file = Some(token.path().to_str().unwrap().to_owned());
    let mut options = options(&api);
    options.api = Api::Given(Box::new(config));
    let events = Events::start(options.clone()).unwrap();
    events.offer(&report());
    assert_eq!(counted(events.stop(DEADLINE).await), [("published", 1)]);
    let seen = api.seen();
    assert_eq!(seen[0].authorization.as_deref(), Some("Bearer the-token"));
    drop(token);
    let error = format!("{:#}", Events::start(options).unwrap_err());
    assert!(error.starts_with("cannot set up access"), "{error}");
    assert_eq!(error.lines().count(), 1);
}

#[tokio::test]
async fn a_long_node_name_is_cut_for_the_server() {
    let api = FakeApi::start();
    let mut options = options(&api);
    options.node = Some(format!("{}é", "n".repeat(127)));
    let events = Events::start(options).unwrap();
    events.offer(&report());
    assert_eq!(counted(events.stop(DEADLINE).await), [("published", 1)]);
    let instance = &api.seen()[0].body["reportingInstance"];
    assert_eq!(*instance, "n".repeat(127));
}

#[test]
fn the_fake_server_grants_nothing_else() {
    let api = FakeApi::start();
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        use k8s_openapi::api::{core::v1::Pod, events::v1::Event};
        let client = Client::try_from(api.config()).unwrap();
        let events = kube::Api::<Event>::namespaced(client.clone(), "shop");
        let pods = kube::Api::<Pod>::namespaced(client, "shop");
        assert!(
            events
                .list(&kube::api::ListParams::default())
                .await
                .is_err()
        );
        assert!(events.get("web").await.is_err());
        assert!(pods.get("web").await.is_err());
    });
    let codes: Vec<u16> = api.seen().iter().map(|seen| seen.answer).collect();
    assert_eq!(codes, [403, 403, 403]);
}
