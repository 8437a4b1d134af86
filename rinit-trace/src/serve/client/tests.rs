use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::serve::{
    ApiSocket, History, Metrics, MetricsOptions, Server, ServerOptions, SharedState, State,
    TokenFile,
    testing::{WEB, forced},
};

/// A listener that answers one request with these bytes, and hangs up when they are not empty.
async fn answering(bytes: Vec<u8>) -> (Place, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut request).await.unwrap();
        }
        if bytes.is_empty() {
            std::future::pending::<()>().await;
        }
        // The client may have seen enough.
        let _ = stream.write_all(&bytes).await;
    });
    (at(addr), server)
}

fn at(addr: SocketAddr) -> Place {
    Place::Tcp(addr, None)
}

fn server(options: impl FnOnce(&mut ServerOptions)) -> (Server, SharedState) {
    let metrics = Metrics::new(MetricsOptions::default()).unwrap();
    let state = State::new(metrics, History::default());
    let mut all = ServerOptions::at(([127, 0, 0, 1], 0).into());
    options(&mut all);
    let server = Server::start(all, SharedState::clone(&state)).unwrap();
    (server, state)
}

async fn answered(body: &str) -> Result<Option<StopReport>, ClientError> {
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
    let (place, _server) = answering(answer.into_bytes()).await;
    last(&place, "web").await
}

#[tokio::test]
async fn the_daemon_tells_the_last_stop_of_a_container() {
    let (server, state) = server(|_| {});
    for node in ["1", "2"] {
        let mut report = forced(Some(WEB), Some("a b&c=ü"));
        report.node = Some(node.to_owned());
        state.keep(&report);
    }
    for text in ["a b&c=ü", &WEB[..12]] {
        let report = last(&at(server.addr()), text).await.unwrap().unwrap();
        assert_eq!(report.node.as_deref(), Some("2"));
    }
    assert_eq!(last(&at(server.addr()), "a").await.unwrap(), None);
    let place = at(server.addr());
    server.stop();
    let error = last(&place, "a").await.unwrap_err().to_string();
    assert!(
        error.ends_with("is `rinit-trace daemon` running there?"),
        "{error}"
    );
}

#[tokio::test]
async fn answers_that_are_none_are_told() {
    for body in [
        "",
        "[]",
        "{\"stops\":{}}",
        "{\"stops\":[{}]}",
        "<html>\u{1b}",
    ] {
        let error = answered(body).await.unwrap_err();
        assert!(matches!(error, ClientError::BadAnswer { .. }), "{error:?}");
        let text = error.to_string();
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    let mut other = forced(None, None);
    other.schema = "rinit-trace.stop/v9".into();
    let body = serde_json::json!({ "stops": [other] }).to_string();
    let error = answered(&body).await.unwrap_err().to_string();
    assert!(error.contains("another version"), "{error}");
    let error = answered(&"x".repeat(MAX_ANSWER + 1))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("too large"), "{error}");
    assert_eq!(answered("{\"stops\":[]}").await.unwrap(), None);
}

#[tokio::test]
async fn a_refusal_keeps_its_code() {
    let (place, _server) = answering(b"HTTP/1.1 503 No\r\n\r\n".to_vec()).await;
    let error = last(&place, "web").await.unwrap_err();
    assert!(
        matches!(error, ClientError::Status { code: 503, .. }),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_hangs_is_not_waited_for() {
    let (place, _server) = answering(Vec::new()).await;
    let error = last(&place, "web").await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn a_daemon_with_a_token_is_asked_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "s3cret\n").unwrap();
    let (server, state) = server(|all| all.token = Some(TokenFile::open(&path).unwrap()));
    state.keep(&forced(None, Some("web")));
    let with = |token: Option<&str>| Place::Tcp(server.addr(), token.map(str::to_owned));
    let known = last(&with(Some("s3cret")), "web").await.unwrap();
    assert!(known.is_some());
    for token in [None, Some("other")] {
        let error = last(&with(token), "web").await.unwrap_err().to_string();
        assert!(
            error.contains("401") && error.contains("--api-token-file"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_daemon_with_a_socket_is_asked_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("api.sock");
    let (server, state) = server(|all| all.socket = Some(ApiSocket::bind(&path, None).unwrap()));
    state.keep(&forced(None, Some("web")));
    let place = Place::Socket(path.clone());
    assert!(last(&place, "web").await.unwrap().is_some());
    let error = last(&at(server.addr()), "web")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("403") && error.contains("--api-socket"),
        "{error}"
    );
    server.stop();
    let error = last(&place, "web").await.unwrap_err();
    assert!(error.is_nobody(), "{error}");
    assert!(!path.exists());
}
