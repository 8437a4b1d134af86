use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::serve::{
    AllowedHosts, History, Metrics, MetricsOptions, Server, State,
    testing::{WEB, forced},
};

/// A listener that answers one request with these bytes, and hangs up when they are not empty.
async fn answering(bytes: Vec<u8>) -> (SocketAddr, JoinSet<()>) {
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
    (addr, server)
}

async fn answered(body: &str) -> Result<Option<StopReport>, ClientError> {
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
    let (addr, _server) = answering(answer.into_bytes()).await;
    last(addr, "web").await
}

#[tokio::test]
async fn the_daemon_tells_the_last_stop_of_a_container() {
    let metrics = Metrics::new(MetricsOptions::default()).unwrap();
    let state = State::new(metrics, History::default());
    let server = Server::start(
        ([127, 0, 0, 1], 0).into(),
        state.clone(),
        AllowedHosts::default(),
    )
    .unwrap();
    for node in ["1", "2"] {
        let mut report = forced(Some(WEB), Some("a b&c=ü"));
        report.node = Some(node.to_owned());
        state.stop(&report);
    }
    for text in ["a b&c=ü", &WEB[..12]] {
        let report = last(server.addr(), text).await.unwrap().unwrap();
        assert_eq!(report.node.as_deref(), Some("2"));
    }
    assert_eq!(last(server.addr(), "a").await.unwrap(), None);
    let addr = server.addr();
    server.stop();
    let error = last(addr, "a").await.unwrap_err().to_string();
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
    let (addr, _server) = answering(b"HTTP/1.1 503 No\r\n\r\n".to_vec()).await;
    let error = last(addr, "web").await.unwrap_err();
    assert!(
        matches!(error, ClientError::Status { code: 503, .. }),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_hangs_is_not_waited_for() {
    let (addr, _server) = answering(Vec::new()).await;
    let error = last(addr, "web").await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error:?}");
}
