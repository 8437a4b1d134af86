//! Names of workloads, with bounds: in time, in memory, in questions at once.
//!
//! The driver asks here for every workload that the correlator opens; on a node under pressure that
//! is often, and Docker is then slow, too. So a container is asked for once, a socket that failed
//! is left alone for some seconds, and an answer is given in time whatever happens.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rinit_trace_core::model::{Runtime, WorkloadNames};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

mod cache;
mod stats;
#[cfg(test)]
mod tests;

pub use stats::{LookupOutcome, LookupStats};

use cache::{Cache, Cached, DockerNames};

use super::{
    cgroup::{CgroupIdentity, parse_path},
    docker::{DockerApi, DockerError, default_socket},
    proc::Proc,
};

/// Longest timeout and pause taken: more would be a mistake.
const MAX_WAIT: Duration = Duration::from_hours(1);

/// How to look up, and how much of it.
#[derive(Clone, Debug)]
pub struct LookupConfig {
    /// Docker's Unix socket.
    pub docker_socket: PathBuf,
    /// Longest time for the names of one workload, and for one answer of Docker.
    pub timeout: Duration,
    /// How long a socket that failed, or a container that Docker did not know, is not asked again.
    pub pause: Duration,
    /// Most containers remembered.
    pub capacity: usize,
    /// Most questions to Docker at the same time.
    pub concurrency: usize,
    /// Where processes are looked up.
    pub proc: Proc,
}

impl Default for LookupConfig {
    fn default() -> Self {
        Self {
            docker_socket: default_socket(),
            timeout: Duration::from_secs(2),
            pause: Duration::from_secs(5),
            capacity: 1024,
            concurrency: 4,
            proc: Proc::default(),
        }
    }
}

/// Looks up names of workloads. Shared by reference or `Arc`; all state is inside.
#[derive(Debug)]
pub struct Lookups {
    config: LookupConfig,
    docker: DockerApi,
    permits: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    cache: Cache,
    stats: LookupStats,
}

impl Lookups {
    /// Touches neither socket nor `/proc` yet.
    pub fn new(mut config: LookupConfig) -> Self {
        // Adding an absurd duration to the clock would panic.
        config.timeout = config.timeout.min(MAX_WAIT);
        config.pause = config.pause.min(MAX_WAIT);
        Self {
            docker: DockerApi::new(&config.docker_socket, config.timeout),
            permits: Semaphore::new(config.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            state: Mutex::new(State {
                cache: Cache::new(config.capacity),
                stats: LookupStats::default(),
            }),
            config,
        }
    }

    /// Docker as configured, without the cache.
    pub fn docker(&self) -> &DockerApi {
        &self.docker
    }

    /// The processes as configured.
    pub fn proc(&self) -> &Proc {
        &self.config.proc
    }

    /// How lookups went so far.
    pub fn stats(&self) -> LookupStats {
        let state = self.state();
        let mut counted = state.stats;
        counted.evicted = state.cache.evicted();
        counted
    }

    /// What is known of the workload with this init, within the timeout. Never fails: what could
    /// not be found is `None`. `leaf` is the init's cgroup leaf name by the kernel's record, for
    /// when the init is gone already; empty when not known.
    pub async fn names(&self, init_pid: u32, leaf: &str) -> WorkloadNames {
        let deadline = Instant::now() + self.config.timeout;
        let identity = self.identity(init_pid, leaf, deadline).await;
        let docker_names = match &identity.container_id {
            Some(id) if identity.docker_may_know() => self.docker_names(id, deadline).await,
            _ => {
                self.count(LookupOutcome::NotAsked);
                None
            }
        };
        let mut names = WorkloadNames {
            runtime: identity.runtime,
            container_id: identity.container_id,
            cgroup: Some(identity.path).filter(|path| !path.is_empty()),
            ..WorkloadNames::default()
        };
        if let Some(found) = docker_names {
            names.runtime = Some(Runtime::Docker);
            names.name = found.name;
            names.image = found.image;
            names.grace = found.grace;
            names.stop_signal = found.stop_signal;
        }
        names
    }

    async fn identity(&self, init_pid: u32, leaf: &str, deadline: Instant) -> CgroupIdentity {
        let proc = self.config.proc.clone();
        // The kernel takes its cgroup lock to answer, which a busy host may hold for long.
        let read = tokio::task::spawn_blocking(move || proc.cgroup_of(init_pid));
        let read = timeout_at(deadline, read).await;
        let seen = read.ok().and_then(Result::ok).flatten();
        let recorded = parse_path(leaf);
        match seen {
            // The record was made when the init lived. Another id now means that the pid has come
            // to be another process's; none, that it was moved or is somebody outside.
            Some(seen) if recorded.container_id.is_none() => seen,
            Some(seen) if seen.container_id == recorded.container_id => seen,
            _ => recorded,
        }
    }

    async fn docker_names(&self, id: &str, deadline: Instant) -> Option<DockerNames> {
        match self.cached(id) {
            Cached::Nothing => {}
            Cached::Known(names) => return Some(names),
            Cached::Paused => return None,
        }
        let Ok(Ok(_permit)) = timeout_at(deadline, self.permits.acquire()).await else {
            self.count(LookupOutcome::Busy);
            return None;
        };
        // Whoever held the permit may have asked for the same, or found the socket dead.
        match self.cached(id) {
            Cached::Nothing => {}
            Cached::Known(names) => return Some(names),
            Cached::Paused => return None,
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left < self.config.timeout / 2 {
            // A question with no time for an answer would only make a slow Docker look dead.
            self.count(LookupOutcome::Busy);
            return None;
        }
        let answer = DockerApi::new(self.docker.socket(), left).inspect(id).await;
        self.remember(id, answer.as_ref());
        answer.ok().as_ref().map(DockerNames::from)
    }

    fn cached(&self, id: &str) -> Cached {
        let mut state = self.state();
        let cached = state.cache.get(id, Instant::now());
        match cached {
            Cached::Nothing => {}
            Cached::Known(_) => state.stats.count(LookupOutcome::Hit),
            Cached::Paused => state.stats.count(LookupOutcome::Suppressed),
        }
        cached
    }

    fn remember(&self, id: &str, answer: Result<&super::docker::Inspected, &DockerError>) {
        let paused_until = Instant::now() + self.config.pause;
        let mut state = self.state();
        state.stats.count(LookupOutcome::of(answer));
        match answer {
            Ok(inspected) => state.cache.keep(id, inspected.into()),
            Err(error) if error.concerns_socket() => state.cache.pause_socket(paused_until),
            Err(_) => state.cache.pause(id, paused_until),
        }
    }

    fn count(&self, outcome: LookupOutcome) {
        self.state().stats.count(outcome);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way; counters and a cache are worth no more than that.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
