//! Names of workloads, with bounds: in time, in memory, in questions at once.
//!
//! Sources are asked in order, from what is always there to what may not be: the cgroup's path, the
//! bundle of the container, CRI, Docker, podman. A later one adds what the earlier ones left open; none
//! is needed. The driver asks here for every workload that the correlator opens; on a node under
//! pressure that is often, and runtimes are then slow, too. So a container is asked for once, a socket
//! that failed is left alone for some seconds, and an answer is given in time whatever happens.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rinit_trace_core::model::{NameDoubt, Runtime, WorkloadNames};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

mod cache;
mod config;
mod engine;
mod stats;
#[cfg(test)]
mod tests;

pub use config::LookupConfig;
pub use stats::{LookupOutcome, LookupSource, LookupStats};

use cache::{Cache, Standing};
use engine::Engine;

use super::{
    bundle,
    cgroup::{CgroupIdentity, parse_path},
    cri::{CriMiss, CriSocket},
    details::Details,
    docker::DockerApi,
    proc::{Identity, Proc},
    reader::{Bounds, ProcessId, Reader, Unread},
    reads,
};

/// Longest timeout and pause taken: more would be a mistake.
const MAX_WAIT: Duration = Duration::from_hours(1);
/// An engine is not asked with less than this part of the timeout left.
const MIN_SHARE: u32 = 4;

/// Looks up names of workloads. Shared by reference or `Arc`; all state is inside.
#[derive(Debug)]
pub struct Lookups {
    config: LookupConfig,
    docker: Engine,
    podman: Engine,
    cri: Vec<Arc<CriSocket>>,
    bundles: Arc<Reader>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    cache: Cache,
    stats: LookupStats,
}

/// What a source said.
struct Answer {
    found: Details,
    outcome: LookupOutcome,
}

impl Answer {
    fn of(found: Details) -> Self {
        Self {
            found,
            outcome: LookupOutcome::Answered,
        }
    }

    fn nothing(outcome: LookupOutcome) -> Self {
        Self {
            found: Details::default(),
            outcome,
        }
    }
}

/// Who is asked for.
struct Subject {
    identity: CgroupIdentity,
    id: String,
    /// Host pid of its main process.
    init_pid: u32,
    /// Its main process, where that is still there and in the container's cgroup.
    main: Option<ProcessId>,
}

impl Lookups {
    /// Touches neither socket nor `/proc` yet.
    pub fn new(mut config: LookupConfig) -> Self {
        // Adding an absurd duration to the clock would panic.
        config.timeout = config.timeout.min(MAX_WAIT);
        config.pause = config.pause.min(MAX_WAIT);
        let concurrency = config.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let (timeout, pause) = (config.timeout, config.pause);
        let engine = |runtime, socket| Engine::new(runtime, socket, timeout, pause, concurrency);
        let sockets = config.cri_sockets.iter();
        let sockets = sockets.map(|path| CriSocket::new(path.clone(), timeout, pause, concurrency));
        Self {
            docker: engine(Runtime::Docker, &config.docker_socket),
            podman: engine(Runtime::Podman, &config.podman_socket),
            cri: sockets.map(Arc::new).collect(),
            bundles: Reader::new("bundles", bounds(concurrency, timeout)),
            state: Mutex::new(State {
                cache: Cache::new(config.capacity),
                stats: LookupStats::default(),
            }),
            config,
        }
    }

    /// Docker as configured, without the cache.
    pub fn docker(&self) -> &DockerApi {
        self.docker.api()
    }

    /// The processes as configured.
    pub fn proc(&self) -> &Proc {
        &self.config.proc
    }

    /// As configured.
    pub fn config(&self) -> &LookupConfig {
        &self.config
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
        use LookupSource::{Bundle, Cri, Docker, Podman};
        let deadline = Instant::now() + self.config.timeout;
        let (identity, seen) = self.identity(init_pid, leaf, deadline).await;
        let mut known = Details::default();
        let mut doubt = None;
        let is_delegated = seen.as_ref().is_some_and(|seen| seen.is_delegated);
        if let Some(id) = identity.container_id.clone().filter(|_| !is_delegated) {
            let subject = Subject {
                identity: identity.clone(),
                id,
                init_pid,
                main: seen.map(|seen| seen.process),
            };
            for source in [Bundle, Cri, Docker, Podman] {
                let outcome = self.consult(source, &subject, &mut known, deadline).await;
                self.count(source, outcome);
                if outcome == LookupOutcome::Conflict {
                    doubt = Some(NameDoubt::Contradicted);
                }
            }
        } else {
            for source in [Bundle, Cri, Docker, Podman] {
                self.count(source, LookupOutcome::NotAsked);
            }
        }
        let mut names = WorkloadNames {
            doubt,
            ..known.into_names(identity)
        };
        if is_delegated {
            names.distrust();
        }
        names
    }

    /// The container by its cgroup, and the process when it is in that.
    async fn identity(
        &self,
        init_pid: u32,
        leaf: &str,
        deadline: Instant,
    ) -> (CgroupIdentity, Option<Identity>) {
        let proc = self.config.proc.clone();
        // The kernel takes its cgroup lock to answer, which a busy host may hold for long.
        let read = move || proc.identity_of(init_pid);
        let read = reads::looks().read(None, deadline, read).await;
        let is_late = read.is_err();
        let recorded = parse_path(leaf);
        // The record was made when the init lived. Another id now means that the pid has come to be
        // another process's; none, that it was moved or is somebody outside.
        let is_it = |seen: &Identity| {
            recorded.container_id.is_none() || seen.cgroup.container_id == recorded.container_id
        };
        let seen = read.ok().flatten().filter(is_it);
        let identity = seen.as_ref().map_or(recorded, |seen| seen.cgroup.clone());
        let outcome = match &identity.container_id {
            Some(_) => LookupOutcome::Answered,
            None if is_late => LookupOutcome::TimedOut,
            None => LookupOutcome::Unknown,
        };
        self.count(LookupSource::Cgroup, outcome);
        (identity, seen)
    }

    /// Asks one source, unless it has answered or is to be left alone, and adds to what is known.
    async fn consult(
        &self,
        source: LookupSource,
        subject: &Subject,
        known: &mut Details,
        deadline: Instant,
    ) -> LookupOutcome {
        self.recall(subject, known);
        if !self.concerns(source, subject, known) {
            return LookupOutcome::NotAsked;
        }
        if let Some(outcome) = self.at_hand(source, subject) {
            return outcome;
        }
        let mut answer = match source {
            LookupSource::Bundle => self.ask_bundle(subject, deadline).await,
            LookupSource::Cri => self.ask_cri(subject, deadline).await,
            LookupSource::Docker => {
                self.ask_engine(&self.docker, source, subject, deadline)
                    .await
            }
            LookupSource::Podman => {
                self.ask_engine(&self.podman, source, subject, deadline)
                    .await
            }
            LookupSource::Cgroup => return LookupOutcome::NotAsked,
        };
        if let LookupOutcome::Hit | LookupOutcome::Suppressed = answer.outcome {
            // Another call has asked while this one waited.
            self.recall(subject, known);
            known.complete(&answer.found);
            return answer.outcome;
        }
        if !known.complete(&answer.found) {
            // Nothing of it is kept, either: its place may have been given up in the meantime.
            answer = Answer::nothing(LookupOutcome::Conflict);
        }
        self.remember(source, &subject.id, &answer);
        answer.outcome
    }

    /// Adds what the cache has, unless that is of another main process: the container has been restarted since, or
    /// this is not the container.
    fn recall(&self, subject: &Subject, known: &mut Details) {
        let state = self.state();
        let cached = state.cache.details(&subject.id);
        if let Some(details) = cached.filter(|details| details.fits(subject.init_pid)) {
            known.complete(details);
        }
    }

    /// Whether a source may know the container, by what is known of it so far.
    fn concerns(&self, source: LookupSource, subject: &Subject, known: &Details) -> bool {
        let identity = &subject.identity;
        let is_pods = identity.pod_uid.is_some();
        let by_path = identity.runtime;
        match source {
            LookupSource::Cgroup => true,
            // Docker's says nothing of use.
            LookupSource::Bundle => by_path != Some(Runtime::Docker),
            LookupSource::Cri => match known.runtime.or(by_path) {
                Some(Runtime::Containerd | Runtime::CriO) | None => !self.cri.is_empty(),
                Some(Runtime::Docker) => is_pods && !self.cri.is_empty(),
                Some(Runtime::Podman) => false,
            },
            // Who is in a pod of CRI, or was found by another runtime, is none of the engines'.
            LookupSource::Docker => match known.runtime {
                Some(runtime) => runtime == Runtime::Docker,
                None => {
                    by_path == Some(Runtime::Docker)
                        || identity.docker_may_know() && known.pod.is_none()
                }
            },
            LookupSource::Podman => match known.runtime.or(by_path) {
                Some(runtime) => runtime == Runtime::Podman,
                None => known.pod.is_none(),
            },
        }
    }

    /// How a source's part is done without asking; `None` when it is to be asked.
    fn at_hand(&self, source: LookupSource, subject: &Subject) -> Option<LookupOutcome> {
        let state = self.state();
        let standing = state.cache.standing(&subject.id, source, Instant::now());
        let cached = state.cache.details(&subject.id);
        let fits = cached.is_none_or(|details| details.fits(subject.init_pid));
        drop(state);
        let is_paused = match source {
            LookupSource::Docker => self.docker.is_paused(),
            LookupSource::Podman => self.podman.is_paused(),
            _ => false,
        };
        match standing {
            Standing::Settled if fits => Some(LookupOutcome::Hit),
            Standing::PausedUntil(_) => Some(LookupOutcome::Suppressed),
            // Also of one that has answered about another main process.
            Standing::Settled | Standing::Open => is_paused.then_some(LookupOutcome::Suppressed),
        }
    }

    async fn ask_bundle(&self, subject: &Subject, deadline: Instant) -> Answer {
        let Some(main) = subject.main else {
            return Answer::nothing(LookupOutcome::Unknown);
        };
        let (proc, id) = (self.config.proc.clone(), subject.id.clone());
        // A nested runtime's file system may be one that never answers: leave time for the others.
        let deadline = halfway(deadline);
        let read = move || bundle::read(&proc, main.pid, &id);
        match self.bundles.read(Some(main), deadline, read).await {
            Ok(Ok(found)) => Answer::of(found),
            Ok(Err(error)) => Answer::nothing(error.into()),
            Err(Unread::Refused) => Answer::nothing(LookupOutcome::Busy),
            Err(Unread::TimedOut) => Answer::nothing(LookupOutcome::TimedOut),
        }
    }

    /// Asks all sockets at once: nobody knows whose a container is, and one may hang.
    async fn ask_cri(&self, subject: &Subject, deadline: Instant) -> Answer {
        let deadline = if subject.identity.runtime.is_none() {
            halfway(deadline)
        } else {
            deadline
        };
        let listed = self
            .cri
            .iter()
            .find(|socket| socket.known(&subject.id).is_some());
        if let Some(socket) = listed {
            return ask_socket(socket, &subject.id, deadline)
                .await
                .unwrap_or_else(Answer::nothing);
        }
        let mut asking = JoinSet::new();
        for socket in &self.cri {
            let (socket, id) = (Arc::clone(socket), subject.id.clone());
            asking.spawn(async move { ask_socket(&socket, &id, deadline).await });
        }
        let mut outcome = LookupOutcome::Absent;
        while let Some(answer) = asking.join_next().await {
            match answer {
                Ok(Ok(answer)) => return answer,
                Ok(Err(other)) => outcome = outcome.worse(other),
                Err(_) => {}
            }
        }
        Answer::nothing(outcome)
    }

    async fn ask_engine(
        &self,
        engine: &Engine,
        source: LookupSource,
        subject: &Subject,
        deadline: Instant,
    ) -> Answer {
        let Some(_turn) = engine.turn(deadline).await else {
            return Answer::nothing(LookupOutcome::Busy);
        };
        // Whoever had the turn may have asked for the same, or found the socket dead.
        if let Some(outcome) = self.at_hand(source, subject) {
            return Answer::nothing(outcome);
        }
        let is_pods = subject.identity.pod_uid.is_some();
        engine.ask(subject, is_pods, deadline).await
    }

    fn remember(&self, source: LookupSource, id: &str, answer: &Answer) {
        let standing = match answer.outcome {
            LookupOutcome::Answered => Standing::Settled,
            // Cheap to find out, and over in a moment; or said of this process alone.
            LookupOutcome::Absent | LookupOutcome::Busy | LookupOutcome::Conflict => Standing::Open,
            // One that is just being made may not be in its cgroup yet.
            LookupOutcome::Unknown if source == LookupSource::Bundle => Standing::Open,
            _ => Standing::PausedUntil(Instant::now() + self.config.pause),
        };
        let mut state = self.state();
        state.cache.add(id, source, &answer.found, standing);
    }

    fn count(&self, source: LookupSource, outcome: LookupOutcome) {
        self.state().stats.count(source, outcome);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way; counters and a cache are worth no more than that.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask_socket(
    socket: &CriSocket,
    id: &str,
    deadline: Instant,
) -> Result<Answer, LookupOutcome> {
    let outcome = |miss| match miss {
        CriMiss::Busy => LookupOutcome::Busy,
        CriMiss::Suppressed => LookupOutcome::Suppressed,
        CriMiss::Unknown => LookupOutcome::Unknown,
        CriMiss::Failed(error) => error.into(),
    };
    let known = socket.find(id, deadline).await.map_err(outcome)?;
    let (found, completed) = socket.complete(id, known, deadline).await;
    Ok(Answer {
        found,
        outcome: completed.map_or_else(outcome, |()| LookupOutcome::Answered),
    })
}

/// How bundles are read.
fn bounds(concurrency: usize, timeout: Duration) -> Bounds {
    Bounds {
        threads: concurrency,
        most: concurrency.saturating_mul(4),
        queue: 0,
        time: timeout / 2,
    }
}

/// Half of the time that is left.
fn halfway(deadline: Instant) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now) / 2
}
