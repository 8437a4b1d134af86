//! The two questions we ask Docker, over its Unix socket: HTTP/1.1, one connection per question.
//!
//! Docker may be absent, hang or talk nonsense, and a stop report must come out all the same: each
//! request is bounded in time from connect to the last byte and in the size of its answer, and each
//! way to fail is told apart, because callers act on them. Podman serves the same API.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::{net::UnixStream, task::JoinSet};

mod answers;
#[cfg(test)]
mod tests;

pub use answers::{
    ContainerConfig, ContainerState, HostConfig, Inspected, Listed, is_running, is_to_start,
};

use super::text::escaped;

/// Where Docker listens unless told otherwise.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// Largest answer read. `list` needs about 1 KiB per container, `inspect` some 10 KiB.
const MAX_ANSWER: usize = 4 << 20;

/// Docker behind a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerApi {
    socket: PathBuf,
    timeout: Duration,
}

/// Why Docker gave no answer. Texts are one line, and say what to do where that is known.
#[derive(Debug, Error)]
pub enum DockerError {
    /// Nothing at the socket's path.
    #[error("no Docker socket at {}", path.display())]
    Absent {
        /// The socket.
        path: PathBuf,
    },
    /// A socket nobody listens at, or whose queue is full.
    #[error("Docker at {} refuses connections; is dockerd running?", path.display())]
    Refused {
        /// The socket.
        path: PathBuf,
    },
    /// We may not connect.
    #[error("no permission to ask Docker at {}; run as root", path.display())]
    PermissionDenied {
        /// The socket.
        path: PathBuf,
    },
    /// No complete answer in time.
    #[error("Docker at {} did not answer within {after:?}", path.display())]
    TimedOut {
        /// The socket.
        path: PathBuf,
        /// How long we waited.
        after: Duration,
    },
    /// Docker answered that it could not; 404 for a container that it does not know.
    #[error("Docker answered {code}: {}", escaped(message))]
    Status {
        /// HTTP status code.
        code: u16,
        /// Docker's own words, raw; may be empty.
        message: String,
    },
    /// What answered does not speak Docker's API, or too much of it.
    #[error("Docker at {} gave a bad answer: {fault}", path.display())]
    BadAnswer {
        /// The socket.
        path: PathBuf,
        /// What is wrong with it. Part of the text, so not a source.
        fault: AnswerFault,
    },
    /// Connecting failed in another way.
    #[error("cannot connect to Docker at {}: {error}", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why. Part of the text, so not a source.
        error: io::Error,
    },
}

/// What is wrong with an answer.
#[derive(Debug, Error)]
pub enum AnswerFault {
    /// Not HTTP, or cut off.
    #[error("{0}")]
    Http(hyper::Error),
    /// Not the JSON that the API promises.
    #[error("{0}")]
    Json(serde_json::Error),
    /// The body broke off or is larger than 4 MiB.
    #[error("the body breaks off, or is larger than {} MiB", MAX_ANSWER >> 20)]
    Body,
    /// Our own request cannot be put in HTTP.
    #[error("{0}")]
    Request(hyper::http::Error),
}

impl DockerError {
    /// Whether the fault lies with the socket, so that the next question would fail as this one.
    pub fn concerns_socket(&self) -> bool {
        match self {
            Self::Absent { .. }
            | Self::Refused { .. }
            | Self::PermissionDenied { .. }
            | Self::TimedOut { .. }
            | Self::Connect { .. } => true,
            Self::Status { .. } | Self::BadAnswer { .. } => false,
        }
    }
}

/// The socket to ask: `DOCKER_HOST` when it names a Unix socket, else Docker's default.
pub fn default_socket() -> PathBuf {
    socket_named_by(std::env::var_os("DOCKER_HOST").as_deref())
}

fn socket_named_by(docker_host: Option<&OsStr>) -> PathBuf {
    let path = docker_host
        .and_then(OsStr::to_str)
        .and_then(|host| host.strip_prefix("unix://"))
        .filter(|path| !path.is_empty());
    path.unwrap_or(DEFAULT_SOCKET).into()
}

impl DockerApi {
    /// Asks at this socket, and waits so long for each answer. Connects only when asked.
    pub fn new(socket: impl Into<PathBuf>, timeout: Duration) -> Self {
        Self {
            socket: socket.into(),
            timeout,
        }
    }

    /// The socket that is asked.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What Docker knows of one container, by full id, name or unambiguous prefix.
    pub async fn inspect(&self, id: &str) -> Result<Inspected, DockerError> {
        self.get(&format!("/containers/{}/json", percent_encoded(id)))
            .await
    }

    /// All containers, running or not.
    pub async fn list(&self) -> Result<Vec<Listed>, DockerError> {
        self.get("/containers/json?all=1").await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, DockerError> {
        let Ok(answer) = tokio::time::timeout(self.timeout, self.exchange(path)).await else {
            return Err(DockerError::TimedOut {
                path: self.socket.clone(),
                after: self.timeout,
            });
        };
        let (status, body) = answer?;
        if !status.is_success() {
            return Err(DockerError::Status {
                code: status.as_u16(),
                message: answers::parse_message(&body),
            });
        }
        serde_json::from_slice(&body).map_err(|error| self.bad(AnswerFault::Json(error)))
    }

    async fn exchange(&self, path: &str) -> Result<(StatusCode, Bytes), DockerError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| self.connect_error(error))?;
        let http = |error| self.bad(AnswerFault::Http(error));
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
        // Dropping the set ends the connection, also when the timeout drops this future.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let request = Request::get(path)
            .header(HOST, "docker")
            .body(Empty::<Bytes>::new())
            .map_err(|error| self.bad(AnswerFault::Request(error)))?;
        let response = sender.send_request(request).await.map_err(http)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await;
        let body = body.map_err(|_| self.bad(AnswerFault::Body))?;
        Ok((status, body.to_bytes()))
    }

    fn bad(&self, fault: AnswerFault) -> DockerError {
        DockerError::BadAnswer {
            path: self.socket.clone(),
            fault,
        }
    }

    fn connect_error(&self, error: io::Error) -> DockerError {
        let path = self.socket.clone();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => DockerError::Absent { path },
            // A Unix socket whose queue of connections is full says EAGAIN.
            io::ErrorKind::ConnectionRefused | io::ErrorKind::WouldBlock => {
                DockerError::Refused { path }
            }
            io::ErrorKind::PermissionDenied => DockerError::PermissionDenied { path },
            _ => DockerError::Connect { path, error },
        }
    }
}

/// An id stands in the request's path, where it must stay one segment whatever it holds.
fn percent_encoded(id: &str) -> String {
    let mut encoded = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
