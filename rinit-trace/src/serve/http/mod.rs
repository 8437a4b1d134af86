//! The HTTP server: a thread with a runtime of its own, so that neither a slow client holds up
//! tracing nor tracing a scrape.
//!
//! Its clients are not trusted: each connection has one request, a bound in time from its first byte
//! to its last and in the size of the request's head, and there are only so many. When there are
//! more, the oldest has to go: a scrape takes milliseconds, and who sits on a connection is slow or
//! means harm.

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
    net::TcpStream,
    sync::oneshot,
    task::{AbortHandle, JoinSet},
    time::timeout,
};

pub use hosts::AllowedHosts;

use super::SharedState;

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

/// A running server. Stops when dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: mpsc::Receiver<()>,
}

impl Server {
    /// Listens from when this returns.
    pub fn start(
        addr: SocketAddr,
        state: SharedState,
        hosts: AllowedHosts,
    ) -> Result<Self, ServerError> {
        Self::start_with(addr, state, hosts, LIMITS)
    }

    fn start_with(
        addr: SocketAddr,
        state: SharedState,
        hosts: AllowedHosts,
        limits: Limits,
    ) -> Result<Self, ServerError> {
        let bind = |error| ServerError::Bind { addr, error };
        let listener = TcpListener::bind(addr).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let addr = listener.local_addr().map_err(bind)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ServerError::Start)?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(bind)?
        };
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = mpsc::channel();
        thread::Builder::new()
            .name("http".into())
            .spawn(move || {
                runtime.block_on(serve(
                    listener,
                    routes::router(state, hosts),
                    limits,
                    stopped,
                ));
                // Nobody waits any more: fine as well.
                let _ = end.send(());
            })
            .map_err(ServerError::Start)?;
        Ok(Self {
            addr,
            stop: Some(stop),
            ended,
        })
    }

    /// Where it listens, with the port that was chosen for port 0.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Lets answers under way come to their end. Waits at most 200 ms.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It has ended by itself: there is nothing to stop.
            let _ = stop.send(());
        }
        // A thread that is not done by then ends with the program.
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

async fn serve(
    listener: tokio::net::TcpListener,
    app: Router,
    limits: Limits,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    let mut handles: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
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
            _ = &mut stopped => break,
        }
    }
    drop(listener);
    let last_answers = async { while connections.join_next().await.is_some() {} };
    // Who is not done by then is cut off, with the runtime.
    let _ = timeout(LAST_ANSWERS, last_answers).await;
}

async fn converse(stream: TcpStream, app: Router, limits: Limits) {
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
