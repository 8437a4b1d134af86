//! Whether the sockets of runtimes can be used: one that cannot costs names without a sound.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;
use tokio::{net::UnixStream, task::JoinSet, time::timeout};

use super::LookupConfig;

/// Longest time to connect: a runtime that stalls must not hold up a start.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A socket, and what came of an attempt to connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Socket {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub state: SocketState,
}

/// What came of an attempt to connect to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SocketState {
    /// Somebody listens.
    Open,
    /// There is no such socket.
    Absent,
    /// We may not connect.
    PermissionDenied,
    /// Nobody listens, or too slowly.
    Refused,
    /// It is no socket, or connecting failed in another way.
    Unusable,
}

impl SocketState {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Absent => "not there",
            Self::PermissionDenied => {
                "no permission to connect; run as root, and look at the socket's mode and at what \
                 AppArmor or SELinux refuses"
            }
            Self::Refused => "nobody answers; is the runtime running?",
            Self::Unusable => "cannot be connected to; is it a socket?",
        }
    }

    fn of(connected: io::Result<UnixStream>) -> Self {
        use io::ErrorKind::{
            ConnectionRefused, NotADirectory, NotFound, PermissionDenied, TimedOut, WouldBlock,
        };
        match connected.map_err(|error| error.kind()) {
            Ok(_) => Self::Open,
            Err(NotFound | NotADirectory) => Self::Absent,
            Err(PermissionDenied) => Self::PermissionDenied,
            Err(ConnectionRefused | WouldBlock | TimedOut) => Self::Refused,
            Err(_) => Self::Unusable,
        }
    }
}

/// Connects to every socket that lookups would ask, and asks nothing there. In the order of the
/// lookups: CRI, Docker, podman.
pub async fn sockets(config: &LookupConfig) -> Vec<Socket> {
    let engines = [&config.docker_socket, &config.podman_socket];
    let mut connecting = JoinSet::new();
    for (at, path) in config.cri_sockets.iter().chain(engines).enumerate() {
        let path = path.clone();
        connecting.spawn(async move {
            let state = state_of(&path).await;
            (at, Socket { path, state })
        });
    }
    let mut sockets = connecting.join_all().await;
    sockets.sort_unstable_by_key(|(at, _)| *at);
    sockets.into_iter().map(|(_, socket)| socket).collect()
}

async fn state_of(socket: &Path) -> SocketState {
    let connected = timeout(TIMEOUT, UnixStream::connect(socket)).await;
    SocketState::of(connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[tokio::test]
    async fn each_socket_is_told_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let open = tokio::net::UnixListener::bind(path("open")).unwrap();
        drop(tokio::net::UnixListener::bind(path("left")).unwrap());
        let denied = tokio::net::UnixListener::bind(path("denied")).unwrap();
        fs::set_permissions(path("denied"), fs::Permissions::from_mode(0o000)).unwrap();
        let config = LookupConfig {
            cri_sockets: vec![path("open"), path("none"), path("left")],
            docker_socket: path("denied"),
            podman_socket: "/".repeat(300).into(),
            ..LookupConfig::default()
        };
        let found = sockets(&config).await;
        // Root may connect to anything.
        let is_root = rustix::process::geteuid().is_root();
        let of_denied = if is_root {
            SocketState::Open
        } else {
            SocketState::PermissionDenied
        };
        let states: Vec<SocketState> = found.iter().map(|socket| socket.state).collect();
        let expected = [
            SocketState::Open,
            SocketState::Absent,
            SocketState::Refused,
            of_denied,
            SocketState::Unusable,
        ];
        assert_eq!(states, expected);
        assert_eq!(found[0].path, path("open"));
        drop((open, denied));
    }

    #[test]
    fn what_we_may_not_use_is_told_apart() {
        let state = SocketState::of(Err(io::ErrorKind::PermissionDenied.into()));
        assert_eq!(state, SocketState::PermissionDenied);
        assert!(state.text().contains("permission"));
    }
}
