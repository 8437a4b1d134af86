//! How to look up.

use std::{path::PathBuf, time::Duration};

use crate::runtime::{docker::default_socket, proc::Proc};

/// Where podman's API listens unless told otherwise.
const PODMAN_SOCKET: &str = "/run/podman/podman.sock";
/// Where containerd, CRI-O and k3s's containerd listen unless told otherwise.
const CRI_SOCKETS: [&str; 3] = [
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/k3s/containerd/containerd.sock",
];
/// How to look up, and how much of it.
#[derive(Clone, Debug)]
pub struct LookupConfig {
    /// Docker's Unix socket.
    pub docker_socket: PathBuf,
    /// podman's Unix socket.
    pub podman_socket: PathBuf,
    /// Unix sockets of containerd and CRI-O. Those that are not there cost nothing.
    pub cri_sockets: Vec<PathBuf>,
    /// Longest time for the names of one workload, and for one answer of a socket.
    pub timeout: Duration,
    /// How long a socket that failed, or a container that a source did not know, is not asked again.
    pub pause: Duration,
    /// Most containers remembered.
    pub capacity: usize,
    /// Most questions to one socket at the same time, and most bundles read.
    pub concurrency: usize,
    /// Where processes are looked up.
    pub proc: Proc,
}

impl Default for LookupConfig {
    fn default() -> Self {
        Self {
            docker_socket: default_socket(),
            podman_socket: PODMAN_SOCKET.into(),
            cri_sockets: CRI_SOCKETS.map(PathBuf::from).into(),
            timeout: Duration::from_secs(2),
            pause: Duration::from_secs(5),
            capacity: 4096,
            concurrency: 4,
            proc: Proc::default(),
        }
    }
}
