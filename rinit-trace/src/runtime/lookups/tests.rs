mod sources;

use rinit_trace_core::model::{GraceSource, Signal};

use super::*;
use crate::runtime::testing::{DB, FakeDocker, FakeProc, FakeProcess, WEB, answer, ok};

const NS: u32 = 4_026_532_281;

fn inspect_path(id: &str) -> String {
    format!("/containers/{id}/json")
}

fn web() -> Vec<u8> {
    ok(&format!(
        r#"{{"Id":"{WEB}","Name":"/web","Config":{{"Image":"shop/web:1.4","StopSignal":"SIGQUIT"}}}}"#
    ))
}

fn docker_with_web() -> FakeDocker {
    FakeDocker::new([(inspect_path(WEB).as_str(), web())])
}

fn leaf(id: &str) -> String {
    format!("docker-{id}.scope")
}

/// How often a source went how, without what never was.
fn counts(lookups: &Lookups, source: LookupSource) -> Vec<(LookupOutcome, u64)> {
    let stats = lookups.stats();
    let all = LookupOutcome::ALL.into_iter();
    all.map(|outcome| (outcome, stats.get(source, outcome)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

#[track_caller]
fn assert_counts(lookups: &Lookups, expected: &[(LookupOutcome, u64)]) {
    assert_eq!(counts(lookups, LookupSource::Docker), expected);
}

#[tokio::test]
async fn a_container_of_docker_is_named_once_and_remembered() {
    let host = FakeProc::new();
    host.add_container(40, NS, WEB);
    let docker = docker_with_web();
    let lookups = host.lookups(docker.socket());
    for _ in 0..3 {
        let names = lookups.names(40, &leaf(WEB)).await;
        assert_eq!(names.runtime, Some(Runtime::Docker));
        assert_eq!(names.container_id.as_deref(), Some(WEB));
        assert_eq!(names.name.as_deref(), Some("web"));
        assert_eq!(names.image.as_deref(), Some("shop/web:1.4"));
        assert_eq!(names.stop_signal, Some(Signal::QUIT));
        let grace = names.grace.unwrap();
        assert_eq!(
            (grace.period, grace.source),
            (Duration::from_secs(10), GraceSource::Docker)
        );
        assert_eq!(
            names.cgroup.unwrap(),
            format!("/system.slice/docker-{WEB}.scope")
        );
        assert_eq!(names.pod, None);
    }
    assert_eq!(docker.asked(), 1);
    assert_counts(
        &lookups,
        &[(LookupOutcome::Hit, 2), (LookupOutcome::Answered, 1)],
    );
}

/// A cgroup with its id is another's.
#[tokio::test]
async fn docker_is_not_believed_of_another_main_process() {
    let host = FakeProc::new();
    host.add_container(40, NS, WEB);
    host.add_container(41, NS + 1, WEB);
    for (pid, name, doubt) in [
        (40, Some("web"), None),
        // It has ended, or is about to start.
        (0, Some("web"), None),
        (41, None, Some(NameDoubt::Contradicted)),
    ] {
        let body = format!(r#"{{"Id":"{WEB}","Name":"/web","State":{{"Pid":{pid}}}}}"#);
        let docker = FakeDocker::new([(inspect_path(WEB).as_str(), ok(&body))]);
        let lookups = host.lookups(docker.socket());
        // Said again each time, also when the right one was asked for in the meantime.
        for _ in 0..2 {
            let names = lookups.names(40, &leaf(WEB)).await;
            assert_eq!((names.name.as_deref(), names.doubt), (name, doubt), "{pid}");
            if pid == 41 {
                let names = lookups.names(41, &leaf(WEB)).await;
                assert_eq!((names.name.as_deref(), names.doubt), (Some("web"), None));
            }
        }
    }
}

#[tokio::test]
async fn a_cgroup_that_a_user_could_make_has_no_names() {
    let host = FakeProc::new();
    host.add_container(40, NS, WEB);
    let docker = docker_with_web();
    let path = format!("system.slice/docker-{WEB}.scope");
    host.add_cgroup(&path);
    let names = host.lookups(docker.socket()).names(40, &leaf(WEB)).await;
    assert_eq!((names.name.as_deref(), names.doubt), (Some("web"), None));
    std::os::unix::fs::chown(host.path("cgroups/system.slice"), Some(1000), None).unwrap();
    let lookups = host.lookups(docker.socket());
    let names = lookups.names(40, &leaf(WEB)).await;
    assert_eq!(names.doubt, Some(NameDoubt::Delegated));
    assert_eq!((names.name, names.container_id), (None, None));
    assert!(names.cgroup.is_some());
    assert_counts(&lookups, &[(LookupOutcome::NotAsked, 1)]);
}

#[tokio::test]
async fn the_recorded_leaf_names_a_container_that_is_gone() {
    let docker = docker_with_web();
    let lookups = FakeProc::new().lookups(docker.socket());
    let names = lookups.names(40, &leaf(WEB)).await;
    assert_eq!(names.name.as_deref(), Some("web"));
    assert_eq!(names.cgroup, Some(leaf(WEB)));
}

#[tokio::test]
async fn the_recorded_leaf_wins_over_a_pid_that_has_come_to_be_anothers() {
    let host = FakeProc::new();
    host.add_container(40, NS, DB);
    let docker = docker_with_web();
    let lookups = host.lookups(docker.socket());
    assert_eq!(
        lookups.names(40, &leaf(WEB)).await.container_id.as_deref(),
        Some(WEB)
    );
    assert_eq!(
        lookups.names(1, &leaf(WEB)).await.container_id.as_deref(),
        Some(WEB)
    );
    assert_eq!(
        lookups
            .names(40, "init.scope")
            .await
            .container_id
            .as_deref(),
        Some(DB)
    );
}

#[tokio::test]
async fn an_id_of_nobody_is_dockers_when_docker_says_so() {
    let docker = docker_with_web();
    let lookups = FakeProc::new().lookups(docker.socket());
    assert_eq!(lookups.names(40, WEB).await.runtime, Some(Runtime::Docker));
    let no_docker = FakeProc::new().lookups("/none/docker.sock");
    let names = no_docker.names(40, WEB).await;
    assert_eq!(
        (names.runtime, names.container_id.as_deref()),
        (None, Some(WEB))
    );
}

#[tokio::test]
async fn other_runtimes_and_plain_processes_are_not_asked_for() {
    let host = FakeProc::new();
    host.add(&FakeProcess {
        pid: 40,
        cgroup: "0::/system.slice/cron.service\n",
        ..FakeProcess::default()
    });
    let docker = docker_with_web();
    let lookups = host.lookups(docker.socket());
    let names = lookups.names(41, &format!("crio-{WEB}.scope")).await;
    assert_eq!((names.runtime, names.name), (Some(Runtime::CriO), None));
    let names = lookups.names(40, "").await;
    assert_eq!(names.cgroup.as_deref(), Some("/system.slice/cron.service"));
    assert_eq!(lookups.names(42, "").await, WorkloadNames::default());
    assert_eq!(docker.asked(), 0);
    assert_counts(&lookups, &[(LookupOutcome::NotAsked, 3)]);
}

#[tokio::test]
async fn a_dead_socket_is_left_alone_for_a_while() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let lookups = FakeProc::new().lookups(socket);
    for id in [WEB, DB, WEB] {
        assert_eq!(lookups.names(40, &leaf(id)).await.name, None);
    }
    assert_counts(
        &lookups,
        &[(LookupOutcome::Suppressed, 2), (LookupOutcome::Refused, 1)],
    );
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    // A clock that stands still jumps to the next deadline while threads work.
    tokio::time::resume();
    lookups.names(40, &leaf(DB)).await;
    let refused = lookups
        .stats()
        .get(LookupSource::Docker, LookupOutcome::Refused);
    assert_eq!(refused, 2);
}

#[tokio::test]
async fn a_socket_that_is_not_there_is_no_error() {
    let lookups = FakeProc::new().lookups("/none/docker.sock");
    for _ in 0..3 {
        assert_eq!(lookups.names(40, &leaf(WEB)).await.name, None);
    }
    assert_counts(&lookups, &[(LookupOutcome::Absent, 3)]);
}

#[tokio::test]
async fn an_unknown_container_does_not_silence_the_others() {
    let unknown = answer("404 Not Found", r#"{"message":"No such container"}"#);
    let docker = FakeDocker::new([
        (inspect_path(WEB).as_str(), web()),
        (inspect_path(DB).as_str(), unknown),
    ]);
    let lookups = FakeProc::new().lookups(docker.socket());
    let names = lookups.names(40, &leaf(DB)).await;
    assert_eq!((names.runtime, names.name), (Some(Runtime::Docker), None));
    lookups.names(40, &leaf(DB)).await;
    assert_eq!(
        lookups.names(41, &leaf(WEB)).await.name.as_deref(),
        Some("web")
    );
    let expected = [
        (LookupOutcome::Answered, 1),
        (LookupOutcome::Suppressed, 1),
        (LookupOutcome::Unknown, 1),
    ];
    assert_counts(&lookups, &expected);
}

#[tokio::test]
async fn a_hanging_docker_delays_many_lookups_by_one_timeout() {
    let docker = FakeDocker::new([]);
    let timeout = Duration::from_millis(300);
    let lookups = Lookups::new(LookupConfig {
        docker_socket: docker.socket(),
        timeout,
        concurrency: 2,
        ..FakeProc::new().config()
    });
    let before = Instant::now();
    let lookups = std::sync::Arc::new(lookups);
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..50 {
        let lookups = std::sync::Arc::clone(&lookups);
        asking.spawn(async move { lookups.names(40, &leaf(&format!("{number:064x}"))).await });
    }
    for names in asking.join_all().await {
        assert_eq!((names.runtime, names.name), (Some(Runtime::Docker), None));
    }
    // One after the other they would take more than seven seconds.
    assert!(before.elapsed() < timeout * 10, "{:?}", before.elapsed());
    let stats = lookups.stats();
    assert_eq!(docker.asked(), 2);
    assert_eq!(stats.get(LookupSource::Docker, LookupOutcome::TimedOut), 2);
    assert_eq!(stats.iter().map(|(_, _, count)| count).sum::<u64>(), 5 * 50);
}

#[tokio::test]
async fn no_more_questions_at_once_than_configured() {
    let ids: Vec<String> = (0..12).map(|number| format!("{number:064x}")).collect();
    let answers = ids
        .iter()
        .map(|id| (inspect_path(id), ok(&format!(r#"{{"Id":"{id}"}}"#))));
    let docker = FakeDocker::slow(answers.collect(), Duration::from_millis(20));
    let lookups = Lookups::new(LookupConfig {
        docker_socket: docker.socket(),
        timeout: Duration::from_secs(20),
        concurrency: 3,
        capacity: 5,
        ..FakeProc::new().config()
    });
    let lookups = std::sync::Arc::new(lookups);
    let mut asking = tokio::task::JoinSet::new();
    for id in ids {
        let lookups = std::sync::Arc::clone(&lookups);
        asking.spawn(async move { lookups.names(40, &leaf(&id)).await });
    }
    assert!(
        asking
            .join_all()
            .await
            .iter()
            .all(|names| names.grace.is_some())
    );
    // The server sees a connection end a little after the client has gone on to the next.
    assert!((1..=6).contains(&docker.peak()), "{}", docker.peak());
    assert_eq!(docker.asked(), 12);
    assert_eq!(lookups.stats().evicted, 7);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_cannot_be_put_in_time_is_not_held_against_docker() {
    let docker = docker_with_web();
    let lookups = FakeProc::new().lookups(docker.socket());
    let all = lookups.docker.permits().acquire_many(4).await.unwrap();
    assert_eq!(lookups.names(40, &leaf(WEB)).await.name, None);
    // Put too late to be answered: no question either.
    let release = async {
        tokio::time::sleep(Duration::from_millis(1600)).await;
        drop(all);
    };
    let late = leaf(WEB);
    let (names, ()) = tokio::join!(lookups.names(40, &late), release);
    assert_eq!((names.name, docker.asked()), (None, 0));
    assert_counts(&lookups, &[(LookupOutcome::Busy, 2)]);
    tokio::time::resume();
    assert_eq!(
        lookups.names(40, &leaf(WEB)).await.name.as_deref(),
        Some("web")
    );
}

#[tokio::test]
async fn absurd_settings_are_survived() {
    let lookups = Lookups::new(LookupConfig {
        cri_sockets: vec!["/none/cri.sock".into()],
        timeout: Duration::MAX,
        pause: Duration::MAX,
        capacity: usize::MAX,
        concurrency: usize::MAX,
        ..FakeProc::new().config()
    });
    assert_eq!(lookups.names(u32::MAX, &leaf(WEB)).await.name, None);
}

#[test]
fn every_outcome_has_its_own_counter_and_label() {
    let mut labels = std::collections::HashSet::new();
    for (index, outcome) in LookupOutcome::ALL.into_iter().enumerate() {
        assert_eq!(outcome as usize, index);
        assert!(labels.insert(outcome.label()));
    }
    for (index, source) in LookupSource::ALL.into_iter().enumerate() {
        assert_eq!(source as usize, index);
        assert!(labels.insert(source.label()));
    }
    // A metric has all of them from the start.
    assert_eq!(LookupStats::default().iter().count(), 3 + 12 + 3 * 15);
}

#[test]
fn a_cache_of_nothing_keeps_nothing() {
    let mut cache = Cache::new(0);
    let later = Standing::PausedUntil(Instant::now() + Duration::from_secs(9));
    cache.add(WEB, LookupSource::Docker, &Details::default(), later);
    let standing = cache.standing(WEB, LookupSource::Docker, Instant::now());
    assert_eq!(standing, Standing::Open);
}
