mod access;

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream as Stream},
    time::Instant,
};

use proptest::prelude::*;
use rinit_trace_core::model::StopReport;

use super::*;
use crate::serve::{
    ApiSocket, History, Metrics, MetricsOptions, State, TokenFile,
    testing::{WEB, forced, graceful, in_pod, pod},
};

const LOCAL: ([u8; 4], u16) = ([127, 0, 0, 1], 0);
const LATE: Duration = Duration::from_secs(60);

fn local() -> ServerOptions {
    ServerOptions::at(LOCAL.into())
}

fn state() -> SharedState {
    let metrics = Metrics::new(MetricsOptions::default()).unwrap();
    State::new(metrics, History::default())
}

fn server() -> (Server, SharedState) {
    let state = state();
    let server = Server::start(local(), state.clone()).unwrap();
    (server, state)
}

fn connect(addr: SocketAddr) -> Stream {
    let stream = Stream::connect(addr).unwrap();
    stream.set_read_timeout(Some(LATE)).unwrap();
    stream.set_write_timeout(Some(LATE)).unwrap();
    stream
}

/// Everything up to the end of the connection, however it ends.
fn rest(stream: &mut Stream) -> String {
    let mut bytes = Vec::new();
    let result = stream.read_to_end(&mut bytes);
    let late = result.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
    assert!(!late, "the server did not hang up");
    String::from_utf8(bytes).unwrap()
}

/// Status, head and body.
fn ask(addr: SocketAddr, request: &str) -> (u16, String, String) {
    let mut stream = connect(addr);
    write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let answer = rest(&mut stream);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), body.to_owned())
}

fn get(addr: SocketAddr, path: &str) -> (u16, String) {
    let (status, _, body) = ask(addr, &format!("GET {path}"));
    (status, body)
}

fn stops(addr: SocketAddr, query: &str) -> Vec<StopReport> {
    let (status, body) = get(addr, &format!("/api/v1/stops{query}"));
    assert_eq!(status, 200, "{body}");
    let mut answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    serde_json::from_value(answer["stops"].take()).unwrap()
}

#[test]
fn metrics_are_served_as_text() {
    let (server, state) = server();
    state
        .metrics()
        .container_seen(WEB, &in_pod("shop", "web-7d9f", "web"));
    let (status, head, body) = ask(server.addr(), "GET /metrics");
    assert_eq!(status, 200);
    assert!(
        head.contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    assert!(head.contains("x-content-type-options: nosniff"), "{head}");
    assert!(
        body.contains(r#"pod="web-7d9f",container="web",verdict="forced"} 0"#),
        "{body}"
    );
}

/// As by DNS rebinding. Whoever scrapes metrics may use any name.
#[test]
fn reports_are_not_answered_by_another_name() {
    let (server, state) = server();
    state.keep(&forced(Some(WEB), Some("web")));
    let by = |path: &str, headers: &str| {
        let mut stream = connect(server.addr());
        write!(stream, "GET {path} HTTP/1.1\r\n{headers}\r\n\r\n").unwrap();
        rest(&mut stream)
    };
    let answer = by("/api/v1/stops", "Host: attacker.example:9763");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("--allowed-host"), "{answer}");
    assert!(!answer.contains(WEB), "{answer}");
    let origin = "Host: 127.0.0.1\r\nOrigin: https://attacker.example";
    assert!(by("/api/v1/stops", origin).starts_with("HTTP/1.1 403"));
    assert!(by("/api/v1/stops", "Host: 127.0.0.1").contains(WEB));
    assert!(by("/metrics", "Host: tracer.monitoring.svc").starts_with("HTTP/1.1 200"));
}

#[test]
fn head_has_no_body_and_other_methods_are_refused() {
    let (server, _) = server();
    let (status, head, body) = ask(server.addr(), "HEAD /metrics");
    assert_eq!((status, body.as_str()), (200, ""), "{head}");
    for method in ["POST", "DELETE", "OPTIONS", "BREW"] {
        let (status, head, _) = ask(server.addr(), &format!("{method} /metrics"));
        assert_eq!(status, 405, "{method}: {head}");
    }
}

#[test]
fn unknown_paths_are_not_found_and_the_index_lists_the_others() {
    let (server, _) = server();
    for path in ["/x", "/metrics/", "/api/v1", "/%00", "//", "/../etc/passwd"] {
        assert_eq!(get(server.addr(), path).0, 404, "{path}");
    }
    let (status, index) = get(server.addr(), "/");
    assert_eq!(status, 200);
    for path in ["/metrics", "/healthz", "/readyz", "/api/v1/stops"] {
        assert!(index.contains(path), "{index}");
    }
}

#[test]
fn readiness_says_what_is_missing() {
    let (server, state) = server();
    assert_eq!(get(server.addr(), "/healthz"), (200, "ok\n".into()));
    let (status, why) = get(server.addr(), "/readyz");
    assert_eq!(
        (status, why.as_str()),
        (503, "the probes are not attached yet\n")
    );
    state.probes_attached();
    state.scan_done();
    assert_eq!(get(server.addr(), "/readyz"), (200, "ok\n".into()));
}

#[test]
fn stops_can_be_asked_for() {
    let (server, state) = server();
    let mut first = forced(Some(WEB), Some("a"));
    first.workload.pod = Some(pod("shop", "web-7d9f", "web"));
    state.keep(&first);
    state.keep(&graceful(None, Some("b")));
    let all = stops(server.addr(), "");
    assert_eq!(all.len(), 2);
    assert_eq!(
        all[0].workload.name.as_deref(),
        Some("b"),
        "the newest first"
    );
    assert_eq!(all[1], first);
    for (query, count) in [
        ("?limit=1", 1),
        ("?verdict=forced", 1),
        ("?verdict=unknown", 0),
        ("?namespace=shop", 1),
        (
            "?container=web-7d9f&verdict=forced&namespace=shop&limit=9",
            1,
        ),
        ("?container=3d206acf928a", 1),
        ("?container=3d206acf928", 0),
    ] {
        assert_eq!(stops(server.addr(), query).len(), count, "{query}");
    }
    let (status, body) = get(server.addr(), "/api/v1/stops?limit=many");
    assert_eq!(status, 400);
    let error: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(
        error["error"].as_str().unwrap().contains("1 to 1000"),
        "{error}"
    );
}

#[test]
fn an_address_in_use_is_told() {
    let (server, _) = server();
    let error = Server::start(ServerOptions::at(server.addr()), state())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!("cannot listen at {}", server.addr())),
        "{error}"
    );
}

#[test]
fn a_stop_is_quick_also_with_clients_that_hang() {
    let (server, _) = server();
    let addr = server.addr();
    let mut hanging = connect(addr);
    hanging.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    assert_eq!(get(addr, "/").0, 200);
    let begin = Instant::now();
    server.stop();
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(rest(&mut hanging), "");
    assert!(Stream::connect(addr).is_err());
}

#[test]
fn slow_heads_are_cut_off() {
    let limits = Limits {
        head: Duration::from_millis(50),
        // Not what cuts off here.
        connection: 2 * LATE,
        ..LIMITS
    };
    let server = Server::start_with(local(), state(), limits).unwrap();
    let mut slow = connect(server.addr());
    slow.write_all(b"GET /metrics HTTP/1.1\r\nA: b\r\n")
        .unwrap();
    let answer = rest(&mut slow);
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[test]
fn slow_readers_are_cut_off() {
    let limits = Limits {
        connection: Duration::from_millis(300),
        ..LIMITS
    };
    let state = state();
    // More than all buffers between the two hold.
    for _ in 0..15 {
        state.keep(&forced(None, Some(&"x".repeat(1 << 20))));
    }
    let server = Server::start_with(local(), state, limits).unwrap();
    let mut slow = connect(server.addr());
    slow.write_all(b"GET /api/v1/stops HTTP/1.1\r\n\r\n")
        .unwrap();
    let mut first = [0; 1];
    slow.read_exact(&mut first).unwrap();
    // Nothing more is read until the server has given up, which a second client would not notice.
    assert_eq!(get(server.addr(), "/").0, 200);
    crate::serve::testing::until("it is cut off", || slow.write_all(b"x").is_err());
}

#[test]
fn those_who_sit_on_connections_do_not_keep_others_out() {
    let limits = Limits {
        connections: 4,
        ..LIMITS
    };
    let server = Server::start_with(local(), state(), limits).unwrap();
    let mut sitting: Vec<Stream> = (0..20).map(|_| connect(server.addr())).collect();
    assert_eq!(get(server.addr(), "/").0, 200);
    assert_eq!(rest(&mut sitting[0]), "");
}

#[test]
fn heads_that_are_too_large_are_refused() {
    let (server, _) = server();
    // A query that the index ignores: it would answer 200.
    let long = format!("GET /?{} HTTP/1.1\r\n\r\n", "x".repeat(20_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100));
    for request in [long, many] {
        let mut stream = connect(server.addr());
        // It may hang up before it has read everything.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = [0; 12];
        if stream.read_exact(&mut answer).is_ok() {
            assert_ne!(&answer, b"HTTP/1.1 200");
        }
    }
    assert_eq!(get(server.addr(), "/").0, 200);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_request_ends_the_server(
        line in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "(GET|HEAD|PUT) /(api/v1/stops|metrics|x)?(\\?[a-z%=&0-9\u{e9}]{0,30})? HTTP/1\\.[01]\r\n".prop_map(String::into_bytes),
            "GET /api/v1/stops\\?(container|limit|verdict|namespace)=[%a-f0-9+]{0,30} HTTP/1\\.1\r\n".prop_map(String::into_bytes),
        ],
        tail in proptest::collection::vec(any::<u8>(), 0..100),
        ends in any::<bool>(),
    ) {
        thread_local! {
            static SERVER: Server = Server::start(local(), state()).unwrap();
        }
        let addr = SERVER.with(Server::addr);
        let mut stream = connect(addr);
        let end: &[u8] = if ends { b"\r\n\r\n" } else { b"" };
        // It may hang up in the middle of it.
        let _ = stream.write_all(&[&line, &tail, end].concat());
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
        prop_assert_eq!(get(addr, "/healthz").0, 200);
    }
}
