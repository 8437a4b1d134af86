//! The HTTP server: a thread with a runtime of its own, so that neither a slow client holds up
//! tracing nor tracing a scrape.
//!
//! Its clients are not trusted: each connection has one request, a bound in time from its first byte
//! to its last and in the size of the request's head, and there are only so many. When there are
//! more, the oldest has to go: a scrape takes milliseconds, and who sits on a connection is slow or
//! means harm.

mod access;
mod hosts;
mod query;
mod routes;
mod stops;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::mpsc,
    thread,
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixListener, UnixStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::timeout,
};

use access::Access;
pub use hosts::AllowedHosts;

use super::{ApiSocket, SharedState, TokenFile, socket::SocketFile};

/// How long answers under way have when the server stops.
const LAST_ANSWERS: Duration = Duration::from_millis(150);
/// How long [`Server::stop`] waits for its thread: the daemon has a second for all that it ends.
const PATIENCE: Duration = Duration::from_millis(200);
/// Bytes of a request's head, and its headers.
const MAX_HEAD: usize = 16 << 10;
const MAX_HEADERS: usize = 64;
/// A pause after a connection could not be accepted: there are no more file descriptors.
const BREATHER: Duration = Duration::from_millis(100);

/// Bounds of clients.
#[derive(Clone, Copy, Debug)]
struct Limits {
    connections: usize,
    /// For the head of the request.
    head: Duration,
    /// For all of it.
    connection: Duration,
}

const LIMITS: Limits = Limits {
    connections: 8,
    head: Duration::from_secs(5),
    connection: Duration::from_secs(30),
};

/// Why there is no server.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The address cannot be listened at.
    #[error("cannot listen at {addr}: {error}; choose another address or port")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// Why. Part of the text, so not a source.
        error: io::Error,
    },
    /// No thread or runtime.
    #[error("cannot start the HTTP server: {0}")]
    Start(io::Error),
}

/// Where a server listens, and who is answered with reports there.
#[derive(Debug)]
pub struct ServerOptions {
    /// For metrics and health; for reports as well where there is no socket or a token.
    pub addr: SocketAddr,
    /// Names by which reports may be asked for at the address.
    pub hosts: AllowedHosts,
    /// The token that reports take at the address.
    pub token: Option<TokenFile>,
    /// For reports, without a token.
    pub socket: Option<ApiSocket>,
}

impl ServerOptions {
    /// At this address, without a token or a socket.
    pub fn at(addr: SocketAddr) -> Self {
        Self {
            addr,
            hosts: AllowedHosts::default(),
            token: None,
            socket: None,
        }
    }
}

/// A running server. Stops when dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    socket: Option<SocketFile>,
    stop: Option<watch::Sender<()>>,
    ended: mpsc::Receiver<()>,
}

impl Server {
    /// Listens from when this returns.
    pub fn start(options: ServerOptions, state: SharedState) -> Result<Self, ServerError> {
        Self::start_with(options, state, LIMITS)
    }

    fn start_with(
        options: ServerOptions,
        state: SharedState,
        limits: Limits,
    ) -> Result<Self, ServerError> {
        let ServerOptions {
            addr,
            hosts,
            token,
            socket,
        } = options;
        let bind = |error| ServerError::Bind { addr, error };
        let listener = TcpListener::bind(addr).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let addr = listener.local_addr().map_err(bind)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ServerError::Start)?;
        let (listener, local, file) = {
            let _entered = runtime.enter();
            let listener = tokio::net::TcpListener::from_std(listener).map_err(bind)?;
            let (local, file) = socket.map(|socket| (socket.listener, socket.file)).unzip();
            let local = local.map(UnixListener::from_std).transpose();
            (listener, local.map_err(ServerError::Start)?, file)
        };
        let access = match (&local, token) {
            (Some(_), None) => Access::Nobody,
            (_, token) => Access::Network(hosts, token),
        };
        let app = routes::router(SharedState::clone(&state), access);
        let local = local.map(|local| (local, routes::router(state, Access::Everybody)));
        let (stop, stopped) = watch::channel(());
        let (end, ended) = mpsc::channel();
        thread::Builder::new()
            .name("http".into())
            .spawn(move || {
                runtime.block_on(async {
                    // Each has connections of its own: clients of the network take none from those at the socket.
                    let at_socket = async {
                        if let Some((local, app)) = local {
                            serve(local, app, limits, stopped.clone()).await;
                        }
                    };
                    tokio::join!(serve(listener, app, limits, stopped.clone()), at_socket);
                });
                // Nobody waits any more: fine as well.
                let _ = end.send(());
            })
            .map_err(ServerError::Start)?;
        Ok(Self {
            addr,
            socket: file,
            stop: Some(stop),
            ended,
        })
    }

    /// Where it listens, with the port that was chosen for port 0.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The socket at which it answers, if there is one.
    pub fn socket(&self) -> Option<&Path> {
        self.socket.as_ref().map(SocketFile::path)
    }

    /// Lets answers under way come to their end. Waits at most 200 ms.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A thread that is not done by then ends with the program.
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

/// What connections come from.
trait Listener {
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    async fn accept(&self) -> io::Result<Self::Stream>;
}

impl Listener for tokio::net::TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        Ok(self.accept().await?.0)
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.accept().await?.0)
    }
}

/// Until nobody holds the sender of `stopped` any more.
async fn serve(
    listener: impl Listener,
    app: Router,
    limits: Limits,
    mut stopped: watch::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    let mut handles: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(stream) => {
                    handles.retain(|handle| !handle.is_finished());
                    if handles.len() >= limits.connections
                        && let Some(oldest) = handles.pop_front()
                    {
                        oldest.abort();
                    }
                    handles.push_back(connections.spawn(converse(stream, app.clone(), limits)));
                }
                Err(error) => {
                    tracing::debug!("cannot accept a connection: {error}");
                    tokio::time::sleep(BREATHER).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    let last_answers = async { while connections.join_next().await.is_some() {} };
    // Who is not done by then is cut off, with the runtime.
    let _ = timeout(LAST_ANSWERS, last_answers).await;
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    app: Router,
    limits: Limits,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    match timeout(limits.connection, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("a client was cut off: {error}"),
        Err(_) => tracing::debug!("a client was cut off: too slow"),
    }
}
