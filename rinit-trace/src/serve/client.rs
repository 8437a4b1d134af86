//! Asks a running daemon for the last stop of a container.
//!
//! What answers need not be a daemon of ours: each question is bounded in time from connect to the
//! last byte, and in the size of its answer.

use std::{fmt::Write as _, io, net::SocketAddr, time::Duration};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1,
    header::{CONNECTION, HOST},
};
use hyper_util::rt::TokioIo;
use rinit_trace_core::model::{SCHEMA, StopReport};
use serde::Deserialize;
use thiserror::Error;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use crate::escape::visible;

/// Largest answer: one report.
const MAX_ANSWER: usize = 16 << 20;
/// The daemon answers from memory.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why a daemon gave no answer. Texts are one line, and say what to do where that is known.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("cannot ask the daemon at {addr}: {error}; is `rinit-trace daemon` running there?")]
    Connect {
        /// The daemon.
        addr: SocketAddr,
        /// Why. Part of the text, so not a source.
        error: io::Error,
    },
    /// No complete answer in time.
    #[error("the daemon at {addr} did not answer within {TIMEOUT:?}")]
    TimedOut {
        /// The daemon.
        addr: SocketAddr,
    },
    /// It answered that it could not.
    #[error("the daemon at {addr} answered {code}")]
    Status {
        /// The daemon.
        addr: SocketAddr,
        /// HTTP status code.
        code: u16,
    },
    /// What answered is no daemon of ours.
    #[error("what listens at {addr} gave a bad answer: {fault}; is it a rinit-trace daemon?")]
    BadAnswer {
        /// What was asked.
        addr: SocketAddr,
        /// What is wrong with it, in one line.
        fault: String,
    },
}

#[derive(Deserialize)]
struct Answer {
    stops: Vec<StopReport>,
}

/// The last stop of a container, by its name, its pod's name or the begin of its id; `None` when
/// the daemon knows none.
pub async fn last(addr: SocketAddr, container: &str) -> Result<Option<StopReport>, ClientError> {
    let asked = timeout(TIMEOUT, ask(addr, container)).await;
    let (status, body) = asked.map_err(|_| ClientError::TimedOut { addr })??;
    if !status.is_success() {
        let code = status.as_u16();
        return Err(ClientError::Status { addr, code });
    }
    let answer: Answer =
        serde_json::from_slice(&body).map_err(|error| bad(addr, &error.to_string()))?;
    let report = answer.stops.into_iter().next();
    match report {
        Some(report) if report.schema != SCHEMA => Err(bad(addr, "a report of another version")),
        report => Ok(report),
    }
}

async fn ask(addr: SocketAddr, container: &str) -> Result<(StatusCode, Bytes), ClientError> {
    let stream = TcpStream::connect(addr)
        .await
        .map_err(|error| ClientError::Connect { addr, error })?;
    let http = |error: hyper::Error| bad(addr, &error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
    // Dropping the set ends the connection, also when the timeout drops this future.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let container = percent_encoded(container);
    let request = Request::get(format!("/api/v1/stops?limit=1&container={container}"))
        .header(HOST, addr.to_string())
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| bad(addr, &error.to_string()))?;
    let response = sender.send_request(request).await.map_err(http)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER)
        .collect()
        .await
        .map_err(|_| bad(addr, "the body breaks off, or is too large"))?;
    Ok((status, body.to_bytes()))
}

fn bad(addr: SocketAddr, fault: &str) -> ClientError {
    let fault = visible(fault.chars());
    ClientError::BadAnswer { addr, fault }
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
