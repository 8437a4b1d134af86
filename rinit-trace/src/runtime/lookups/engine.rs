//! Docker's API behind a socket, Docker's own or podman's, with bounds on how it is asked.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rinit_trace_core::model::{GraceSource, Runtime};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

use super::{Answer, LookupOutcome, MIN_SHARE, Subject};
use crate::runtime::{
    details::{Details, StopSignal, pod, text},
    docker::{DockerApi, Inspected},
};

/// A container engine.
#[derive(Debug)]
pub(super) struct Engine {
    api: DockerApi,
    runtime: Runtime,
    timeout: Duration,
    pause: Duration,
    permits: Semaphore,
    paused_until: Mutex<Option<Instant>>,
}

impl Engine {
    pub(super) fn new(
        runtime: Runtime,
        socket: &Path,
        timeout: Duration,
        pause: Duration,
        concurrency: usize,
    ) -> Self {
        Self {
            api: DockerApi::new(socket, timeout),
            runtime,
            timeout,
            pause,
            permits: Semaphore::new(concurrency),
            paused_until: Mutex::default(),
        }
    }

    pub(super) fn api(&self) -> &DockerApi {
        &self.api
    }

    #[cfg(test)]
    pub(super) fn permits(&self) -> &Semaphore {
        &self.permits
    }

    /// Whether it failed a moment ago.
    pub(super) fn is_paused(&self) -> bool {
        self.paused().is_some_and(|end| Instant::now() < end)
    }

    /// A turn to ask; `None` when there is none in time.
    pub(super) async fn turn(&self, deadline: Instant) -> Option<SemaphorePermit<'_>> {
        timeout_at(deadline, self.permits.acquire())
            .await
            .ok()?
            .ok()
    }

    /// Asks for one container; the caller has a turn.
    pub(super) async fn ask(&self, subject: &Subject, is_pods: bool, deadline: Instant) -> Answer {
        let left = deadline.saturating_duration_since(Instant::now());
        if left < self.timeout / MIN_SHARE {
            // A question with no time for an answer would only make a slow engine look dead.
            return Answer::nothing(LookupOutcome::Busy);
        }
        let api = DockerApi::new(self.api.socket(), left);
        match api.inspect(&subject.id).await {
            Ok(inspected) => {
                *self.paused() = None;
                let details = self.details(&inspected, is_pods);
                // It has no process when it has ended: then the id has to do.
                if !details.fits(subject.init_pid) {
                    return Answer::nothing(LookupOutcome::Conflict);
                }
                Answer::of(details)
            }
            Err(error) => {
                let outcome = LookupOutcome::from(&error);
                if error.concerns_socket() && outcome != LookupOutcome::Absent {
                    *self.paused() = Some(Instant::now() + self.pause);
                }
                Answer::nothing(outcome)
            }
        }
    }

    fn details(&self, inspected: &Inspected, is_pods: bool) -> Details {
        let source = match self.runtime {
            Runtime::Podman => GraceSource::Podman,
            _ => GraceSource::Docker,
        };
        let mut details = Details {
            runtime: Some(self.runtime),
            main_pid: inspected.pid(),
            name: text(inspected.name()),
            image: text(inspected.image()),
            grace: inspected.grace(source),
            stop_signal: inspected.stop_signal().map(|signal| StopSignal {
                signal,
                is_effective: true,
            }),
            ..Details::default()
        };
        if is_pods {
            read_labels(&mut details, inspected);
        }
        details
    }

    fn paused(&self) -> MutexGuard<'_, Option<Instant>> {
        self.paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What cri-dockerd writes into labels. Anybody may, so that only a cgroup of the kubelet's makes them
/// count.
fn read_labels(details: &mut Details, inspected: &Inspected) {
    let label = |name: &str| inspected.label(name);
    details.is_sandbox = label("io.kubernetes.docker.type") == Some("podsandbox");
    details.pod = pod(
        label("io.kubernetes.pod.namespace"),
        label("io.kubernetes.pod.name"),
        label("io.kubernetes.pod.uid"),
        label("io.kubernetes.container.name"),
    );
    if details.pod.is_some() {
        details.name = text(label("io.kubernetes.container.name"));
    }
    let mut of_pod = Details::default();
    of_pod.read_kubelet(&inspected.kubelet_annotations());
    // The grace period of `docker stop` is not what the kubelet asks for.
    details.grace = of_pod
        .grace
        .or(details.grace.filter(|_| details.pod.is_none()));
    details.has_pre_stop = of_pod.has_pre_stop;
}
