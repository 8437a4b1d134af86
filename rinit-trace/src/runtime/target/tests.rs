use super::*;
use crate::runtime::testing::{DB, FakeDocker, FakeProc, FakeProcess, HOST, WEB, answer, ok};

const NS: u32 = 4_026_532_281;
const NO_DOCKER: &str = "/none/docker.sock";
const LIST: &str = "/containers/json?all=1";

/// Containers as (id, name, state, what inspect answers).
fn docker(containers: &[(&str, &str, &str, &str)]) -> FakeDocker {
    let list = containers.iter().map(|(id, name, state, _)| {
        format!(r#"{{"Id":"{id}","Names":["/{name}"],"State":"{state}"}}"#)
    });
    let list = format!("[{}]", list.collect::<Vec<_>>().join(","));
    let mut answers = std::collections::HashMap::from([(LIST.to_owned(), ok(&list))]);
    for (id, _, _, inspected) in containers {
        let body = format!(r#"{{"Id":"{id}",{inspected}}}"#);
        answers.insert(format!("/containers/{id}/json"), ok(&body));
    }
    FakeDocker::slow(answers, std::time::Duration::ZERO)
}

const RUNNING: &str = r#""State":{"Status":"running","Pid":40},"HostConfig":{"PidMode":""}"#;

fn host_with_web() -> FakeProc {
    let host = FakeProc::new();
    host.add_container(40, NS, WEB);
    host
}

async fn message(host: &FakeProc, docker: &FakeDocker, text: &str) -> (String, u8) {
    let error = resolve(text, &host.lookups(docker.socket()))
        .await
        .unwrap_err();
    (error.to_string(), error.exit_code())
}

#[tokio::test]
async fn docker_names_and_ids_lead_to_the_namespace() {
    let host = host_with_web();
    let docker = docker(&[(WEB, "web", "running", RUNNING)]);
    for text in ["web", "/web", WEB, "3d206acf928a", "3"] {
        let target = resolve(text, &host.lookups(docker.socket()))
            .await
            .unwrap()
            .running();
        assert_eq!((target.inum, target.init.pid), (NS, 40), "{text}");
        assert_eq!(target.label, "web (3d206acf928a)");
        assert_eq!(target.container_id.as_deref(), Some(WEB));
        assert_eq!(target.runtime(), Some(Runtime::Docker));
    }
}

#[tokio::test]
async fn a_name_wins_over_the_beginning_of_an_id() {
    let host = host_with_web();
    let docker = docker(&[(DB, "db", "exited", ""), (WEB, "3f", "paused", RUNNING)]);
    let target = resolve("3f", &host.lookups(docker.socket()))
        .await
        .unwrap()
        .running();
    assert_eq!(target.container_id.as_deref(), Some(WEB));
}

#[tokio::test]
async fn an_ambiguous_beginning_lists_what_it_may_mean() {
    let host = host_with_web();
    let docker = docker(&[
        (WEB, "web", "running", RUNNING),
        (DB, "db\\u001b[2J", "exited", ""),
    ]);
    let (text, code) = message(&host, &docker, "3").await;
    assert_eq!(
        text,
        "container `3` is ambiguous: web (3d206acf928a), db\\u{1b}[2J (3f00c2d3a495); \
         give more digits, or the name"
    );
    assert_eq!(code, 2);
}

#[test]
fn many_matches_are_counted() {
    let names: Vec<_> = (0..8)
        .map(|n| ContainerName::from_id(&format!("{n:064x}")))
        .collect();
    let matches = Matches::of(names.into_iter());
    assert_eq!((matches.shown.len(), matches.more), (5, 3));
    assert!(matches.to_string().ends_with("000000000000 and 3 more"));
}

#[tokio::test]
async fn what_does_not_run_cannot_be_traced() {
    let host = host_with_web();
    let stopped = r#""State":{"Status":"exited","Pid":0}"#;
    for state in ["exited", "removing", "dead", "running"] {
        let docker = docker(&[(WEB, "web", state, stopped)]);
        let shown = if state == "running" { "exited" } else { state };
        let expected = format!("container web (3d206acf928a) is not running ({shown})");
        assert_eq!(message(&host, &docker, "web").await, (expected, 3));
    }
    let list = format!(r#"[{{"Id":"{WEB}","Names":["/web"],"State":"running"}}]"#);
    let gone = answer("404 Not Found", "{}");
    let path = format!("/containers/{WEB}/json");
    let docker = FakeDocker::new([(LIST, ok(&list)), (path.as_str(), gone)]);
    let expected = "container web (3d206acf928a) is not running (removed)".to_owned();
    assert_eq!(message(&host, &docker, "web").await, (expected, 3));
}

#[tokio::test]
async fn what_is_about_to_start_is_waited_for() {
    let host = host_with_web();
    for state in ["created", "restarting"] {
        let docker = docker(&[(WEB, "web", state, r#""State":{"Status":"created","Pid":0}"#)]);
        let found = resolve("web", &host.lookups(docker.socket())).await;
        let Ok(Found::NotStarted(container)) = found else {
            panic!("{found:?}");
        };
        assert_eq!(container.to_string(), "web (3d206acf928a)");
        assert_eq!(container.id, WEB);
    }
}

#[tokio::test]
async fn shared_namespaces_without_cgroups_are_refused_with_their_owner() {
    let host = host_with_web();
    let mode = |mode: &str| {
        format!(r#""State":{{"Status":"running","Pid":41}},"HostConfig":{{"PidMode":"{mode}"}}"#)
    };
    let web = (WEB, "web", "running", RUNNING);
    let side = |mode: &str| docker(&[web, (DB, "side", "running", mode)]);
    let (text, code) = message(&host, &side(&mode("host")), "side").await;
    assert!(
        text.contains("side (3f00c2d3a495) shares the host's pid namespace"),
        "{text}"
    );
    assert_eq!(code, 3);
    let expected = "container side (3f00c2d3a495) shares the pid namespace of web (3d206acf928a), \
                    and its cgroup, which would tell them apart, is not to be seen here; \
                    mount /sys/fs/cgroup, or trace web instead";
    let owner = mode(&format!("container:{WEB}"));
    assert_eq!(
        message(&host, &side(&owner), "side").await,
        (expected.to_owned(), 3)
    );
    // Docker does not say so, but the process is not 1 in its namespace.
    host.add(&FakeProcess {
        pid: 41,
        inum: NS,
        ns_pids: &[41, 20],
        cgroup: &format!("0::/docker/{DB}\n"),
        ..FakeProcess::default()
    });
    assert_eq!(
        message(&host, &side(&mode("")), "side").await,
        (expected.to_owned(), 3)
    );
}

#[tokio::test]
async fn a_container_in_a_shared_namespace_is_traced_by_its_cgroup() {
    for (inum, ns_pids) in [(NS, &[41, 20][..]), (HOST, &[41][..])] {
        let host = host_with_web();
        let cgroup = host.add_cgroup(&format!("docker/{DB}"));
        let cgroups = format!("0::/docker/{DB}\n");
        let member = |pid, ppid, ns_pids| FakeProcess {
            pid,
            ppid,
            inum,
            ns_pids,
            comm: b"app",
            cgroup: &cgroups,
            ..FakeProcess::default()
        };
        host.add(&member(41, 1, ns_pids));
        host.add(&member(42, 41, ns_pids));
        // An exec session of it.
        host.add(&member(43, 1, ns_pids));
        let running = r#""State":{"Status":"running","Pid":41}"#;
        let docker = docker(&[
            (WEB, "web", "running", RUNNING),
            (DB, "side", "running", running),
        ]);
        for (text, socket) in [
            ("side", docker.socket()),
            ("3f", NO_DOCKER.into()),
            ("pid:42", NO_DOCKER.into()),
        ] {
            let target = resolve(text, &host.lookups(socket))
                .await
                .unwrap()
                .running();
            assert_eq!(target.cgroup, Some(cgroup), "{text}");
            assert_eq!(target.init.pid, 41, "{text}");
            assert_eq!(target.container_id.as_deref(), Some(DB), "{text}");
        }
        let web = resolve("3d", &host.lookups(NO_DOCKER))
            .await
            .unwrap()
            .running();
        assert_eq!(web.cgroup, None, "the owner is none");
        let shared = host.proc().shared_containers();
        assert_eq!(shared.len(), 1, "{shared:?}");
    }
}

#[tokio::test]
async fn a_pid_of_another_world_is_not_taken_for_the_container() {
    let host = FakeProc::new();
    let docker = docker(&[(WEB, "web", "running", RUNNING)]);
    let expected = "container web (3d206acf928a) has no process here: Docker says 40";
    let (text, code) = message(&host, &docker, "web").await;
    assert!(text.starts_with(expected) && code == 3, "{text}");
    host.add_container(40, NS, DB);
    assert!(message(&host, &docker, "web").await.0.starts_with(expected));
    std::fs::remove_dir_all(host.path("40")).unwrap();
    host.add(&FakeProcess {
        pid: 40,
        ..FakeProcess::default()
    });
    assert!(message(&host, &docker, "web").await.0.starts_with(expected));
}

#[tokio::test]
async fn without_docker_an_id_is_found_in_cgroups() {
    let host = host_with_web();
    host.add(&FakeProcess {
        pid: 44,
        inum: NS + 1,
        ns_pids: &[44, 10, 1],
        cgroup: &format!("0::/docker/{WEB}/sandbox\n"),
        ..FakeProcess::default()
    });
    for text in ["3d206a", WEB] {
        let target = resolve(text, &host.lookups(NO_DOCKER))
            .await
            .unwrap()
            .running();
        assert_eq!((target.inum, target.init.pid), (NS, 40));
        assert_eq!(target.label, "container 3d206acf928a (sh)");
    }
    host.add_container(50, NS + 2, DB);
    let error = resolve("3", &host.lookups(NO_DOCKER)).await.unwrap_err();
    let expected = "container `3` is ambiguous: 3d206acf928a, 3f00c2d3a495; give more digits";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[tokio::test]
async fn what_docker_does_not_know_may_be_another_runtimes() {
    let host = FakeProc::new();
    host.add(&FakeProcess {
        pid: 40,
        inum: NS,
        ns_pids: &[40, 1],
        cgroup: &format!("0::/machine.slice/libpod-{WEB}.scope/container\n"),
        ..FakeProcess::default()
    });
    let docker = docker(&[(DB, "db", "running", RUNNING)]);
    let target = resolve("3d2", &host.lookups(docker.socket()))
        .await
        .unwrap()
        .running();
    assert_eq!(target.runtime(), Some(Runtime::Podman));
    let (text, code) = message(&host, &docker, "nope").await;
    assert_eq!(
        text,
        "no container `nope`: Docker knows no such name; see `docker ps --all`"
    );
    assert_eq!(code, 2);
    let (text, _) = message(&host, &docker, "beef").await;
    assert!(
        text.contains("no running process is in a cgroup of such an id"),
        "{text}"
    );
}

#[tokio::test]
async fn shared_namespaces_without_cgroups_are_refused_without_docker_too() {
    let host = host_with_web();
    let process = FakeProcess {
        pid: 41,
        inum: NS,
        ns_pids: &[41, 20],
        cgroup: &format!("0::/docker/{DB}\n"),
        ..FakeProcess::default()
    };
    host.add(&process);
    let error = resolve("3f", &host.lookups(NO_DOCKER)).await.unwrap_err();
    let expected = "container 3f00c2d3a495 shares the pid namespace of 3d206acf928a, and its \
                    cgroup, which would tell them apart, is not to be seen here; \
                    mount /sys/fs/cgroup, or trace 3d206acf928a instead";
    assert_eq!(
        (error.to_string().as_str(), error.exit_code()),
        (expected, 3)
    );
    std::fs::remove_dir_all(host.path("41")).unwrap();
    host.add(&FakeProcess {
        inum: HOST,
        ns_pids: &[41],
        ..process
    });
    let error = resolve("3f", &host.lookups(NO_DOCKER)).await.unwrap_err();
    assert!(matches!(error, TargetError::SharesHost { .. }), "{error}");
}

#[tokio::test]
async fn without_docker_the_error_says_why_and_what_was_tried() {
    let host = FakeProc::new();
    let error = resolve("web", &host.lookups(NO_DOCKER)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot find container `web`: no Docker socket at /none/docker.sock; without Docker only \
         ids can be found, in cgroups: give the id, or a process inside the container as pid:N"
    );
    assert_eq!(error.exit_code(), 2);
    let error = resolve("beef", &host.lookups(NO_DOCKER)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot find container `beef`: no Docker socket at /none/docker.sock; and no running \
         process is in a cgroup of such an id; give a process inside the container as pid:N"
    );
}

#[tokio::test]
async fn a_process_stands_for_its_namespace() {
    let host = host_with_web();
    host.add(&FakeProcess {
        pid: 41,
        inum: NS,
        ns_pids: &[41, 20],
        ..FakeProcess::default()
    });
    let lookups = host.lookups(NO_DOCKER);
    let target = resolve("pid:41", &lookups).await.unwrap().running();
    assert_eq!((target.inum, target.init.pid), (NS, 40));
    assert_eq!(target.label, "process 41, below process 40 (sh)");
    assert_eq!(target.container_id.as_deref(), Some(WEB));
    assert_eq!(
        resolve("pid:40", &lookups).await.unwrap().running().label,
        "process 40 (sh)"
    );
    let error = resolve("pid:1", &lookups).await.unwrap_err();
    assert!(
        matches!(error, TargetError::HostProcess { pid: 1 }),
        "{error}"
    );
    assert_eq!(error.exit_code(), 3);
    let error = resolve("pid:9999", &lookups).await.unwrap_err();
    assert_eq!(
        (
            error.to_string().starts_with("no process 9999"),
            error.exit_code()
        ),
        (true, 2)
    );
}

#[tokio::test]
async fn a_namespace_is_taken_by_its_number() {
    let host = host_with_web();
    let lookups = host.lookups(NO_DOCKER);
    let target = resolve(&format!("pidns:{NS}"), &lookups)
        .await
        .unwrap()
        .running();
    assert_eq!(
        (target.init.pid, target.label.as_str()),
        (40, "pid namespace 4026532281 (sh)")
    );
    let error = resolve(&format!("pidns:{HOST}"), &lookups)
        .await
        .unwrap_err();
    assert!(
        matches!(error, TargetError::HostNamespace { .. }),
        "{error}"
    );
    let error = resolve("pidns:7", &lookups).await.unwrap_err();
    assert!(
        matches!(error, TargetError::NoNamespace { inum: 7 }),
        "{error}"
    );
}

#[tokio::test]
async fn bad_syntax_is_refused_before_anything_is_asked() {
    use Syntax::{Empty, Name, Namespace, Pid};
    let docker = docker(&[]);
    let lookups = FakeProc::new().lookups(docker.socket());
    let long = "a".repeat(382);
    for (text, expected) in [
        ("", Empty),
        ("/", Empty),
        ("pid:", Pid),
        ("pid:0", Pid),
        ("pid:+4", Pid),
        ("pid:-1", Pid),
        ("pid:[4026532281]", Pid),
        ("pid:99999999999", Pid),
        ("pidns:x", Namespace),
        ("-web", Name),
        ("a b", Name),
        ("a//b", Name),
        ("a/b/", Name),
        ("a/b/c/d", Name),
        ("shop/web 0/app", Name),
        ("../web", Name),
        ("web\n\u{1b}[31m", Name),
        (&long, Name),
    ] {
        let error = resolve(text, &lookups).await.unwrap_err();
        assert!(
            matches!(error, TargetError::BadSyntax { why, .. } if why == expected),
            "{text:?}: {error}"
        );
        assert_eq!(error.exit_code(), 2);
        assert!(!error.to_string().contains(char::is_control), "{error:?}");
    }
    assert_eq!(docker.asked(), 0);
}
