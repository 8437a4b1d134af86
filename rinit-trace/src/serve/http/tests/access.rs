//! Who is answered with reports, at an address and at a socket.

use std::{
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use super::*;

/// A folder with a token and room for a socket.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.put("s3cret\n");
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, token: &str) {
        std::fs::write(self.path("token"), token).unwrap();
    }

    fn token(&self) -> TokenFile {
        TokenFile::open(&self.path("token")).unwrap()
    }

    fn socket(&self) -> ApiSocket {
        ApiSocket::bind(&self.path("api.sock"), None).unwrap()
    }
}

fn started(options: ServerOptions) -> Server {
    let state = state();
    state.keep(&forced(Some(WEB), Some("web")));
    Server::start(options, state).unwrap()
}

/// Everything that is answered to a request for reports.
fn reports(mut stream: impl io::Read + io::Write, headers: &str) -> String {
    let request = format!("GET /api/v1/stops HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn local_stream(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(LATE)).unwrap();
    stream
}

#[test]
fn reports_take_the_token_and_metrics_do_not() {
    let folder = Folder::new();
    let server = started(ServerOptions {
        token: Some(folder.token()),
        ..local()
    });
    let asked = |headers: &str| reports(connect(server.addr()), headers);
    for headers in [
        "",
        "Authorization: Bearer other\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: s3cret\r\n",
        "Authorization: Basic s3cret\r\n",
        "Authorization: Bearer s3cret\r\nAuthorization: Bearer s3cret\r\n",
    ] {
        let answer = asked(headers);
        assert!(answer.starts_with("HTTP/1.1 401"), "{headers}: {answer}");
        assert!(answer.contains("www-authenticate: Bearer\r\n"), "{answer}");
        assert!(
            !answer.contains(WEB) && !answer.contains("s3cret"),
            "{answer}"
        );
    }
    assert!(asked("Authorization: Bearer s3cret\r\n").contains(WEB));
    assert!(asked("authorization: bearer s3cret\r\n").contains(WEB));
    let page = "Origin: https://attacker.example\r\nAuthorization: Bearer s3cret\r\n";
    assert!(asked(page).starts_with("HTTP/1.1 403"));
    for path in ["/metrics", "/healthz", "/"] {
        assert_eq!(get(server.addr(), path).0, 200, "{path}");
    }
    folder.put("another");
    assert!(asked("Authorization: Bearer s3cret\r\n").starts_with("HTTP/1.1 401"));
    assert!(asked("Authorization: Bearer another\r\n").contains(WEB));
    folder.put("");
    assert!(asked("Authorization: Bearer another\r\n").starts_with("HTTP/1.1 401"));
    assert!(asked("Authorization: Bearer \r\n").starts_with("HTTP/1.1 401"));
}

#[test]
fn reports_at_a_socket_are_not_at_the_address_unless_there_is_a_token() {
    let folder = Folder::new();
    let server = started(ServerOptions {
        socket: Some(folder.socket()),
        ..local()
    });
    let closed = reports(connect(server.addr()), "Authorization: Bearer s3cret\r\n");
    assert!(closed.starts_with("HTTP/1.1 403"), "{closed}");
    assert!(
        closed.contains("--api-socket") && !closed.contains(WEB),
        "{closed}"
    );
    assert!(reports(local_stream(&folder.path("api.sock")), "").contains(WEB));
    assert_eq!(get(server.addr(), "/metrics").0, 200);
    server.stop();
    let server = started(ServerOptions {
        socket: Some(folder.socket()),
        token: Some(folder.token()),
        ..local()
    });
    assert!(reports(connect(server.addr()), "").starts_with("HTTP/1.1 401"));
    let with = "Authorization: Bearer s3cret\r\n";
    assert!(reports(connect(server.addr()), with).contains(WEB));
    assert!(reports(local_stream(&folder.path("api.sock")), "").contains(WEB));
}

#[test]
fn bounds_hold_at_a_socket_and_those_of_the_network_are_not_its_own() {
    let folder = Folder::new();
    let limits = Limits {
        connections: 4,
        head: Duration::from_millis(1500),
        connection: 2 * LATE,
    };
    let options = ServerOptions {
        socket: Some(folder.socket()),
        ..local()
    };
    let server = Server::start_with(options, state(), limits).unwrap();
    let path = folder.path("api.sock");
    let mut slow = local_stream(&path);
    slow.write_all(b"GET /api/v1/stops HTTP/1.1\r\nA: b\r\n")
        .unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(!answer.contains("200 OK"), "{answer}");
    let long = format!("X: {}\r\n", "x".repeat(20_000));
    let mut stream = local_stream(&path);
    // It may hang up before it has read everything.
    let _ = write!(stream, "GET /api/v1/stops HTTP/1.1\r\n{long}\r\n");
    let mut begin = [0; 12];
    if stream.read_exact(&mut begin).is_ok() {
        assert_ne!(&begin, b"HTTP/1.1 200");
    }
    let mut first = local_stream(&path);
    // One more each time: the oldest has to go.
    let others: Vec<UnixStream> = (0..8).map(|_| local_stream(&path)).collect();
    let _sitting: Vec<Stream> = (0..20).map(|_| connect(server.addr())).collect();
    assert!(reports(local_stream(&path), "").starts_with("HTTP/1.1 200"));
    let _ = first.read_to_end(&mut Vec::new());
    drop(others);
}
