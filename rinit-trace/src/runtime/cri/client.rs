//! gRPC over a runtime's Unix socket. No time is limited here: callers do that.

use std::{io, path::Path};

use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::UnixStream;
use tonic::{
    Code, Request,
    client::Grpc,
    codegen::http::{Uri, uri::PathAndQuery},
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

/// Largest answer read; the kubelet takes as much.
const MAX_ANSWER: usize = 16 << 20;

/// Why a runtime gave no answer.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(in crate::runtime) enum CriError {
    /// Nothing at the socket's path.
    #[error("there is no such socket")]
    Absent,
    /// A socket nobody listens at, or whose queue is full.
    #[error("it refuses connections; is the runtime running?")]
    Refused,
    /// We may not connect.
    #[error("no permission to connect; run as root")]
    PermissionDenied,
    /// Connecting failed in another way.
    #[error("cannot connect ({0:?})")]
    Connect(io::ErrorKind),
    /// No complete answer in time.
    #[error("it did not answer in time")]
    TimedOut,
    /// The runtime does not know the container or the image.
    #[error("it does not know what was asked for")]
    NotFound,
    /// It does not serve this part of CRI.
    #[error("it does not serve CRI v1; is its CRI plugin disabled?")]
    Unimplemented,
    /// It answered with another error.
    #[error("it answered with an error ({0:?})")]
    Status(Code),
    /// What answered hung up, does not speak gRPC, or says too much.
    #[error("it gave a bad answer, or none")]
    Bad,
}

impl CriError {
    /// Whether the fault lies with the socket, so that the next question would fail as this one.
    pub(in crate::runtime) fn concerns_socket(self) -> bool {
        !matches!(self, Self::NotFound | Self::Absent)
    }

    fn of_connect(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Absent,
            // A Unix socket whose queue of connections is full says EAGAIN.
            io::ErrorKind::ConnectionRefused | io::ErrorKind::WouldBlock => Self::Refused,
            io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            kind => Self::Connect(kind),
        }
    }
}

impl From<tonic::Status> for CriError {
    fn from(status: tonic::Status) -> Self {
        // Where the transport failed the status is tonic's own, and has a source.
        if std::error::Error::source(&status).is_some() {
            return Self::Bad;
        }
        match status.code() {
            Code::NotFound => Self::NotFound,
            Code::Unimplemented => Self::Unimplemented,
            Code::DeadlineExceeded => Self::TimedOut,
            // What tonic says of an answer that it cannot read, or that is too large.
            Code::Internal | Code::OutOfRange => Self::Bad,
            code => Self::Status(code),
        }
    }
}

/// One connection. It ends with the channel, and is not made again when the runtime ends it.
pub(super) async fn connect(socket: &Path) -> Result<Channel, CriError> {
    let stream = UnixStream::connect(socket).await;
    let stream = stream.map_err(|error| CriError::of_connect(&error))?;
    let mut stream = Some(TokioIo::new(stream));
    let hand_out = tower::service_fn(move |_: Uri| {
        let stream = stream.take();
        async move { stream.ok_or(io::Error::from(io::ErrorKind::NotConnected)) }
    });
    // The name of a host stands in every request; runtimes do not look at it.
    let endpoint = Endpoint::from_static("http://localhost");
    let channel = endpoint.connect_with_connector(hand_out).await;
    channel.map_err(|_| CriError::Bad)
}

/// One question; `method` as `/runtime.v1.RuntimeService/ListContainers`.
pub(super) async fn ask<Q, A>(
    channel: &Channel,
    method: &'static str,
    question: Q,
) -> Result<A, CriError>
where
    Q: prost::Message + Send + Sync + 'static,
    A: prost::Message + Default + Send + Sync + 'static,
{
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(MAX_ANSWER);
    grpc.ready().await.map_err(|_| CriError::Bad)?;
    let codec = ProstCodec::<Q, A>::default();
    let method = PathAndQuery::from_static(method);
    let answer = grpc.unary(Request::new(question), method, codec).await?;
    Ok(answer.into_inner())
}
