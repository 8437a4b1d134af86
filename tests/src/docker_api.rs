//! A Docker API with canned answers, to see what the program does with them.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    thread,
};

use tempfile::TempDir;

/// How it answers.
#[derive(Debug, Clone)]
pub enum Manner {
    /// A body to the question about all containers, and one to those about a single one; empty is 404.
    Answers {
        /// To `/containers/json`.
        list: String,
        /// To `/containers/ID/json`.
        inspect: String,
    },
    /// Knows every container, by a name made of its id: see [`named`].
    Names,
    /// Nothing, ever.
    Hang,
    /// These bytes, whatever was asked.
    Raw(Vec<u8>),
    /// The socket is there and nobody listens.
    Refuse,
}

/// An API at a socket. Its thread ends with the test program.
#[derive(Debug)]
pub struct DockerApi {
    dir: TempDir,
}

impl DockerApi {
    /// Starts one.
    pub fn start(manner: Manner) -> Self {
        let api = Self {
            dir: TempDir::new().unwrap(),
        };
        let listener = UnixListener::bind(api.socket()).unwrap();
        if matches!(manner, Manner::Refuse) {
            drop(listener);
            return api;
        }
        thread::spawn(move || {
            // Connections that hang stay open.
            let mut open = Vec::new();
            while let Ok((stream, _)) = listener.accept() {
                open.extend(answer(stream, &manner));
            }
        });
        api
    }

    /// For `--docker-socket`.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("docker.sock")
    }
}

impl Drop for DockerApi {
    fn drop(&mut self) {
        // Nobody connects any more; the folder goes with its guard.
        let _ = fs::remove_file(self.socket());
    }
}

/// Answers one question; the connection when it is to stay open.
fn answer(mut stream: UnixStream, manner: &Manner) -> Option<UnixStream> {
    let mut request = Vec::new();
    let mut chunk = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut chunk) {
            Ok(length @ 1..) => request.extend_from_slice(&chunk[..length]),
            Ok(0) | Err(_) => return None,
        }
    }
    let asked = id_in(&request);
    let known = asked.map(|id| inspected(&id));
    let (status, body) = match manner {
        Manner::Names => known
            .as_ref()
            .map_or(("200 OK", "[]"), |known| ("200 OK", known)),
        Manner::Hang | Manner::Refuse => return Some(stream),
        Manner::Raw(bytes) => {
            // The program may have hung up.
            let _ = stream.write_all(bytes);
            return None;
        }
        Manner::Answers { list, .. } if request.starts_with(b"GET /containers/json") => {
            ("200 OK", list.as_str())
        }
        Manner::Answers { inspect, .. } if !inspect.is_empty() => ("200 OK", inspect.as_str()),
        Manner::Answers { .. } => ("404 Not Found", r#"{"message":"No such container"}"#),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&[head.as_bytes(), body.as_bytes()].concat());
    None
}

/// The name that [`Manner::Names`] has for a container.
pub fn named(id: &str) -> String {
    format!("web-{}", &id[id.len() - 16..])
}

/// `GET /containers/ID/json`
fn id_in(request: &[u8]) -> Option<String> {
    let request = String::from_utf8_lossy(request);
    let path = request.split(' ').nth(1)?;
    let id = path.split_once("/containers/")?.1.split_once("/json")?.0;
    (id.len() == 64).then(|| id.to_owned())
}

fn inspected(id: &str) -> String {
    serde_json::json!({
        "Id": id,
        "Name": format!("/{}", named(id)),
        "Config": {"Image": "shop/web:1.4"},
    })
    .to_string()
}
