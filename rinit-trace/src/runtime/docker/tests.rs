use std::{os::unix::fs::PermissionsExt, time::Instant};

use super::*;
use crate::runtime::testing::{FakeDocker, WEB, answer, ok};
use rinit_trace_core::model::{Grace, GraceSource, Signal};

const SOON: Duration = Duration::from_millis(200);
const LATE: Duration = Duration::from_secs(20);

fn path() -> String {
    format!("/containers/{WEB}/json")
}

async fn inspect_answered_with(
    bytes: Vec<u8>,
    timeout: Duration,
) -> Result<Inspected, DockerError> {
    let docker = FakeDocker::new([(path().as_str(), bytes)]);
    DockerApi::new(docker.socket(), timeout).inspect(WEB).await
}

/// Cut from the answer of Docker 20.10 for `docker run -d --name web --stop-timeout 3
/// --stop-signal SIGUSR1 busybox:1 sleep 1000`.
const INSPECTED: &str = r#"{"Id":"3d206acf928a4f1d0e1f9bb2a6d1c8f0a5b4c3d2e1f00112233445566778899a",
"Created":"2024-05-01T10:17:03.5Z","Path":"sleep","Args":["1000"],"State":{"Status":"running","Running":true,
"Paused":false,"OOMKilled":false,"Pid":4711,"ExitCode":0,"Error":""},"Image":"sha256:abc","Name":"/web",
"HostConfig":{"NetworkMode":"default","PidMode":"","Init":null},
"Config":{"Image":"busybox:1","StopSignal":"SIGUSR1","StopTimeout":3,"Labels":{}}}"#;

#[tokio::test]
async fn inspect_reads_what_a_report_shows() {
    let inspected = inspect_answered_with(ok(INSPECTED), LATE).await.unwrap();
    assert_eq!(inspected.name(), Some("web"));
    assert_eq!(inspected.image(), Some("busybox:1"));
    assert_eq!(inspected.pid(), Some(4711));
    assert_eq!(inspected.status(), Some("running"));
    assert_eq!(inspected.pid_mode(), Some(""));
    assert_eq!(inspected.stop_signal(), Some(Signal::USR1));
    let grace = Grace {
        period: Duration::from_secs(3),
        source: GraceSource::Docker,
    };
    assert_eq!(inspected.grace(GraceSource::Docker), Some(grace));
}

#[test]
fn missing_and_odd_fields_are_survived() {
    let read = |json: &str| {
        let json = json.replacen('{', r#"{"Id":"a","#, 1).replace(",}", "}");
        serde_json::from_str::<Inspected>(&json).unwrap()
    };
    for json in [
        "{}",
        r#"{"Config":null,"State":null}"#,
        r#"{"Config":{"StopTimeout":null}}"#,
    ] {
        let inspected = read(json);
        assert_eq!(
            inspected.grace(GraceSource::Docker).unwrap().period,
            Duration::from_secs(10),
            "{json}"
        );
        assert_eq!(
            (inspected.name(), inspected.pid(), inspected.stop_signal()),
            (None, None, None)
        );
    }
    let podman = read(r#"{"Config":{"StopSignal":"10","StopTimeout":-1},"State":{"Pid":0}}"#);
    assert_eq!(podman.stop_signal(), Some(Signal::USR1));
    assert_eq!(
        (podman.grace(GraceSource::Docker), podman.pid()),
        (None, None)
    );
    assert_eq!(read(r#"{"Config":{"StopSignal":""}}"#).stop_signal(), None);
    assert_eq!(read(r#"{"State":{"Pid":-1}}"#).pid(), None);
    let most = read(r#"{"Config":{"StopTimeout":9223372036854775807}}"#);
    assert_eq!(
        most.grace(GraceSource::Docker).unwrap().period.as_secs(),
        9_223_372_036_854_775_807
    );
}

#[tokio::test]
async fn list_reads_names_and_states() {
    let body = format!(
        r#"[{{"Id":"{WEB}","Names":["/db/alias","/web"],"State":"running","Ports":[]}},{{"Id":"ab","Names":null}}]"#
    );
    let docker = FakeDocker::new([("/containers/json?all=1", ok(&body))]);
    let list = DockerApi::new(docker.socket(), LATE).list().await.unwrap();
    assert_eq!(list[0].name(), Some("web"));
    assert!(list[0].is_named("db/alias") && !list[0].is_named("alias"));
    assert_eq!((list[1].name(), list[1].state.as_deref()), (None, None));
}

#[tokio::test]
async fn chunked_answers_are_put_together() {
    let mut bytes =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec();
    for chunk in INSPECTED.as_bytes().chunks(100) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    let inspected = inspect_answered_with(bytes, LATE).await.unwrap();
    assert_eq!(inspected.name(), Some("web"));
}

#[tokio::test]
async fn dockers_own_refusal_keeps_code_and_message() {
    let bytes = answer(
        "404 Not Found",
        r#"{"message":"No such container:\u001b x"}"#,
    );
    let error = inspect_answered_with(bytes, LATE).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Docker answered 404: No such container:\\u{1b} x"
    );
    assert!(!error.concerns_socket());
    let error = inspect_answered_with(answer("500 Oops", "<html>"), LATE)
        .await
        .unwrap_err();
    assert!(matches!(error, DockerError::Status { code: 500, ref message } if message.is_empty()));
}

#[tokio::test]
async fn a_missing_socket_is_absent() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    for name in ["none.sock", "file/docker.sock"] {
        let error = DockerApi::new(dir.path().join(name), LATE)
            .list()
            .await
            .unwrap_err();
        assert!(matches!(error, DockerError::Absent { .. }), "{error:?}");
        assert!(error.concerns_socket());
    }
}

#[tokio::test]
async fn a_socket_without_listener_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let error = DockerApi::new(socket, LATE).list().await.unwrap_err();
    assert!(matches!(error, DockerError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_full_queue_of_connections_refuses_too() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    let listening = tokio::net::UnixSocket::new_stream().unwrap();
    listening.bind(&socket).unwrap();
    let _listener = listening.listen(1).unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = UnixStream::connect(&socket).await {
        waiting.push(stream);
    }
    let error = DockerApi::new(&socket, SOON).list().await.unwrap_err();
    assert!(matches!(error, DockerError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_socket_that_we_may_not_use_is_told_apart() {
    if rustix::process::geteuid().is_root() {
        // Root may connect to anything; the mapping is all there is to check.
        let api = DockerApi::new("/s", LATE);
        let error = api.connect_error(io::ErrorKind::PermissionDenied.into());
        assert!(
            matches!(error, DockerError::PermissionDenied { .. }),
            "{error:?}"
        );
        return;
    }
    let docker = FakeDocker::new([]);
    std::fs::set_permissions(docker.socket(), std::fs::Permissions::from_mode(0o000)).unwrap();
    let error = DockerApi::new(docker.socket(), LATE)
        .list()
        .await
        .unwrap_err();
    assert!(
        matches!(error, DockerError::PermissionDenied { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_path_that_no_socket_can_have_is_an_error_of_connecting() {
    let error = DockerApi::new("/".repeat(300), LATE)
        .list()
        .await
        .unwrap_err();
    assert!(matches!(error, DockerError::Connect { .. }), "{error:?}");
}

#[tokio::test]
async fn silence_ends_at_the_timeout() {
    let docker = FakeDocker::new([]);
    let before = Instant::now();
    let error = DockerApi::new(docker.socket(), SOON)
        .inspect(WEB)
        .await
        .unwrap_err();
    assert!(
        matches!(error, DockerError::TimedOut { after, .. } if after == SOON),
        "{error:?}"
    );
    assert!(before.elapsed() < LATE);
}

#[tokio::test]
async fn a_socket_that_never_accepts_ends_at_the_timeout() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let error = DockerApi::new(socket, SOON).inspect(WEB).await.unwrap_err();
    assert!(matches!(error, DockerError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn half_an_answer_is_a_bad_one() {
    let whole = ok(INSPECTED);
    for length in [0, 10, 60, whole.len() - 20] {
        let error = inspect_answered_with(whole[..length].to_vec(), LATE)
            .await
            .unwrap_err();
        assert!(
            matches!(error, DockerError::BadAnswer { .. }),
            "{length}: {error:?}"
        );
    }
}

#[tokio::test]
async fn garbage_is_a_bad_answer() {
    for bytes in [
        b"\x00\xff\xfe not http at all \r\n\r\n".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        ok("not json"),
        ok("[]"),
        ok("{}"),
        ok(r#"{"Config":"text"}"#),
        ok(&"[".repeat(100_000)),
    ] {
        let error = inspect_answered_with(bytes, LATE).await.unwrap_err();
        assert!(matches!(error, DockerError::BadAnswer { .. }), "{error:?}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[tokio::test]
async fn an_oversized_body_is_cut_off() {
    let body = format!(r#"{{"Name":"/{}"}}"#, "x".repeat(MAX_ANSWER));
    for bytes in [
        ok(&body),
        [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), body.as_bytes()].concat(),
    ] {
        let error = inspect_answered_with(bytes, LATE).await.unwrap_err();
        let too_large = matches!(
            error,
            DockerError::BadAnswer {
                fault: AnswerFault::Body,
                ..
            }
        );
        assert!(too_large, "{error:?}");
    }
}

#[test]
fn an_id_stays_one_segment_of_the_path() {
    assert_eq!(percent_encoded("web-1_x"), "web-1_x");
    assert_eq!(percent_encoded("../a b?\r\n"), "%2E%2E%2Fa%20b%3F%0D%0A");
}

#[test]
fn docker_host_names_the_socket_only_when_it_is_a_unix_one() {
    let socket = |host: Option<&str>| socket_named_by(host.map(OsStr::new));
    assert_eq!(
        socket(Some("unix:///run/user/1/docker.sock")),
        Path::new("/run/user/1/docker.sock")
    );
    for host in [
        None,
        Some(""),
        Some("unix://"),
        Some("tcp://10.0.0.1:2375"),
        Some("ssh://a"),
    ] {
        assert_eq!(socket(host), Path::new(DEFAULT_SOCKET), "{host:?}");
    }
}
