//! Asks a running daemon for the last stop of a container.
//!
//! What answers need not be a daemon of ours: each question is bounded in time from connect to the
//! last byte, and in the size of its answer.

use std::{
    fmt::{self, Write as _},
    io,
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1,
    header::{AUTHORIZATION, CONNECTION, HOST},
};
use hyper_util::rt::TokioIo;
use rinit_trace_core::model::{SCHEMA, StopReport};
use serde::Deserialize;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    task::JoinSet,
    time::timeout,
};

use crate::escape::visible;

/// Largest answer: one report.
const MAX_ANSWER: usize = 16 << 20;
/// Characters of a refusal that are shown.
const MAX_SAID: usize = 300;
/// The daemon answers from memory.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where a daemon is asked.
#[derive(Clone, Debug)]
pub enum Place {
    /// At an address, with a token where it wants one.
    Tcp(SocketAddr, Option<String>),
    /// At a socket of this host.
    Socket(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr, _) => addr.fmt(f),
            Self::Socket(path) => path.display().fmt(f),
        }
    }
}

/// Why a daemon gave no answer. Texts are one line, and say what to do where that is known.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Nobody listens, or not for this user.
    #[error("cannot ask the daemon at {place}: {error}; {}", advice(error))]
    Connect {
        /// The daemon.
        place: Place,
        /// Why. Part of the text, so not a source.
        error: io::Error,
    },
    /// No complete answer in time.
    #[error("the daemon at {place} did not answer within {TIMEOUT:?}")]
    TimedOut {
        /// The daemon.
        place: Place,
    },
    /// It answered that it would not or could not.
    #[error("the daemon at {place} answered {code}{said}")]
    Status {
        /// The daemon.
        place: Place,
        /// HTTP status code.
        code: u16,
        /// What it said, behind a colon, in one line; empty when it said nothing.
        said: String,
    },
    /// What answered is no daemon of ours.
    #[error("what listens at {place} gave a bad answer: {fault}; is it a rinit-trace daemon?")]
    BadAnswer {
        /// What was asked.
        place: Place,
        /// What is wrong with it, in one line.
        fault: String,
    },
}

impl ClientError {
    /// Whether nobody listens there.
    pub fn is_nobody(&self) -> bool {
        let Self::Connect { error, .. } = self else {
            return false;
        };
        matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
        )
    }
}

fn advice(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        "run this as root, or as a member of the socket's group"
    } else {
        "is `rinit-trace daemon` running there?"
    }
}

#[derive(Deserialize)]
struct Answer {
    stops: Vec<StopReport>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// The last stop of a container, by its name, its pod's name or the begin of its id; `None` when
/// the daemon knows none.
pub async fn last(place: &Place, container: &str) -> Result<Option<StopReport>, ClientError> {
    let asked = timeout(TIMEOUT, ask(place, container)).await;
    let (status, body) = asked.map_err(|_| ClientError::TimedOut {
        place: place.clone(),
    })??;
    if !status.is_success() {
        let refusal = serde_json::from_slice::<Refusal>(&body).ok();
        let said = refusal.map(|refusal| refusal.error.chars().take(MAX_SAID).collect::<String>());
        return Err(ClientError::Status {
            place: place.clone(),
            code: status.as_u16(),
            said: said.map_or_else(String::new, |said| format!(": {}", visible(said.chars()))),
        });
    }
    let answer: Answer =
        serde_json::from_slice(&body).map_err(|error| bad(place, &error.to_string()))?;
    let report = answer.stops.into_iter().next();
    match report {
        Some(report) if report.schema != SCHEMA => Err(bad(place, "a report of another version")),
        report => Ok(report),
    }
}

async fn ask(place: &Place, container: &str) -> Result<(StatusCode, Bytes), ClientError> {
    let connect = |error| ClientError::Connect {
        place: place.clone(),
        error,
    };
    match place {
        Place::Tcp(addr, token) => {
            let stream = TcpStream::connect(addr).await.map_err(connect)?;
            converse(
                place,
                stream,
                &addr.to_string(),
                token.as_deref(),
                container,
            )
            .await
        }
        Place::Socket(path) => {
            let stream = UnixStream::connect(path).await.map_err(connect)?;
            converse(place, stream, "localhost", None, container).await
        }
    }
}

async fn converse(
    place: &Place,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    host: &str,
    token: Option<&str>,
    container: &str,
) -> Result<(StatusCode, Bytes), ClientError> {
    let http = |error: hyper::Error| bad(place, &error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
    // Dropping the set ends the connection, also when the timeout drops this future.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let container = percent_encoded(container);
    let mut request = Request::get(format!("/api/v1/stops?limit=1&container={container}"))
        .header(HOST, host)
        .header(CONNECTION, "close");
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|error| bad(place, &error.to_string()))?;
    let response = sender.send_request(request).await.map_err(http)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER)
        .collect()
        .await
        .map_err(|_| bad(place, "the body breaks off, or is too large"))?;
    Ok((status, body.to_bytes()))
}

fn bad(place: &Place, fault: &str) -> ClientError {
    ClientError::BadAnswer {
        place: place.clone(),
        fault: visible(fault.chars()),
    }
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
