//! `rinit-trace daemon` while it runs.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    cgroup::Cgroup,
    endpoint::Endpoint,
    program::{Ended, plain, program},
    stalled::Stalled,
    tracer::Tracer,
    wait,
};

/// How it says where it can be asked.
const LISTENS: &str = "listening on ";

/// And, in a log of text, that it traces.
pub(crate) const TRACES: &str = "INFO tracing every";

/// A running daemon, on a port of its own. Dropping it kills it; what it said is printed when the test fails.
#[derive(Debug)]
pub struct Daemon {
    tracer: Tracer,
    endpoint: Endpoint,
    /// Keeps the pipe of its logs open.
    stalled: Option<Stalled>,
}

impl Daemon {
    /// Starts it without any socket of a runtime but those in the arguments. Returns once it traces.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_command(plain(program()), arguments)
    }

    /// The same in a cgroup that looks like a container's, with the pids of the host.
    pub fn start_in(cgroup: &Cgroup, arguments: &[&str]) -> Self {
        let mut command = plain(program());
        cgroup.hold(&mut command);
        Self::start_command(command, arguments)
    }

    /// The same as a service that tells systemd how it is, at this socket.
    pub fn start_notifying(socket: &Path, arguments: &[&str]) -> Self {
        let mut command = plain(program());
        command.env("NOTIFY_SOCKET", socket);
        Self::start_command(command, arguments)
    }

    /// Sends it a signal.
    pub fn send(&self, signal: i32) {
        crate::namespace::send(self.tracer.pid(), signal);
    }

    /// The same with logs that nobody reads any more once it traces: there is no room for another line.
    pub fn start_with_stalled_logs(arguments: &[&str]) -> Self {
        let (stalled, stderr) = Stalled::after(TRACES);
        let reader = stalled.clone();
        let spawn = |command| Tracer::spawn_logging(command, stderr, reader);
        let mut daemon = Self::start_by(plain(program()), arguments, spawn);
        daemon.tracer.wait_until_it_traces();
        stalled.fill();
        daemon.stalled = Some(stalled);
        daemon
    }

    fn start_command(command: Command, arguments: &[&str]) -> Self {
        Self::start_by(command, arguments, Tracer::spawn_command)
    }

    fn start_by(
        mut command: Command,
        arguments: &[&str],
        spawn: impl FnOnce(Command) -> Tracer,
    ) -> Self {
        command.args(["daemon", "--listen", "127.0.0.1:0"]);
        for option in ["--docker-socket", "--podman-socket", "--cri-socket"] {
            if !arguments.contains(&option) {
                command.args([option, "/nonexistent/runtime.sock"]);
            }
        }
        command.args(arguments);
        let mut tracer = spawn(command);
        let address = wait::until("the daemon says where it listens", || {
            assert!(!tracer.has_ended(), "the daemon ended before it traced");
            address_in(&tracer.stderr())
        });
        let daemon = Self {
            tracer,
            endpoint: Endpoint::at(&address),
            stalled: None,
        };
        daemon.endpoint.wait_until_ready();
        daemon
    }

    /// Its metrics, its health and its stops.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Its reports, and what it says.
    pub fn output(&self) -> &Tracer {
        &self.tracer
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.tracer.pid());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: u64 = line.unwrap().trim_end_matches("kB").trim().parse().unwrap();
        kib << 10
    }

    /// Asks it to end by SIGTERM, as service managers and runtimes do. Returns what it said, and how long it took.
    pub fn terminate(self) -> (Ended, Duration) {
        let asked = Instant::now();
        crate::namespace::send(self.tracer.pid(), libc::SIGTERM);
        let ended = self.tracer.ended();
        (ended, asked.elapsed())
    }
}

/// In text as in JSON.
pub(crate) fn address_in(log: &str) -> Option<String> {
    let lines = log.split_inclusive('\n');
    let mut whole = lines.filter(|line| line.ends_with('\n'));
    let (_, rest) = whole.find_map(|line| line.split_once(LISTENS))?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'));
    Some(rest[..end.unwrap_or(rest.len())].to_owned())
}
