//! Kubernetes Events on the pods whose containers were stopped by force, or lost processes to the OOM
//! killer and live on.
//!
//! A side output of the daemon: what it offers is queued without waiting, and a thread of its own
//! talks to the API server. A server that is gone, slow or refuses costs Events, each of which is
//! counted, and never a report. The only requests are `create` and `patch` of `events` in the API
//! group `events.k8s.io`: no pod is read.
//!
//! Nothing here knows the kernel side, the tracer or the commands. Names in a report come from
//! containers: they are escaped in the note and checked before they become part of a request.

mod fault;
mod limits;
mod notice;
mod patience;
mod publisher;
mod stats;
mod tally;
#[cfg(test)]
mod tests;
mod worker;

use std::{sync::Arc, thread, time::Duration};

use anyhow::{Context, Result};
use kube::{Client, Config};
use rinit_trace_core::model::{KillsOutsideStop, StopReport};
use tokio::{
    runtime::{self, Runtime},
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

pub use stats::{EventOutcome, EventStats};

use notice::{NotAName, Notice};
use publisher::Publisher;
use stats::Counters;
use worker::{Phase, Worker};

/// Events that wait for their turn; more are dropped. A notice has at most 2 KiB.
const QUEUE: usize = 256;
/// How long a worker that was told to leave may take to count what it has not sent.
const LEAVE: Duration = Duration::from_millis(100);

/// Where the API server is.
#[derive(Clone, Debug)]
pub enum Api {
    /// That of the cluster which this program runs in as a pod: `KUBERNETES_SERVICE_HOST` and
    /// `KUBERNETES_SERVICE_PORT`, with the token and the CA of the service account.
    InCluster,
    /// Another.
    Given(Box<Config>),
}

/// How to publish, and how much of it.
#[derive(Clone, Debug)]
pub struct EventsOptions {
    /// Where.
    pub api: Api,
    /// The node, as the instance that reports; without, the Events name the controller alone.
    pub node: Option<String>,
    /// Most Events in a minute, repeats included; 0 for none.
    pub per_minute: u32,
    /// Most of them for one pod.
    pub per_pod: u32,
    /// Longest time for one answer of the API server.
    pub timeout: Duration,
    /// Pause after the first failure in a row; each further one doubles it.
    pub first_pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
    /// How old an Event may become before it is given up: it would come as news.
    pub give_up_after: Duration,
}

impl EventsOptions {
    /// The usual bounds. An API server that restarts is back well before an Event is given up.
    pub fn new(api: Api, node: Option<String>) -> Self {
        Self {
            api,
            node,
            per_minute: 60,
            per_pod: 6,
            timeout: Duration::from_secs(10),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_mins(1),
            give_up_after: Duration::from_mins(5),
        }
    }
}

/// Publishes Events on a thread of its own, from [`Events::start`] to [`Events::stop`].
#[derive(Debug)]
pub struct Events {
    queue: mpsc::Sender<Notice>,
    phase: watch::Sender<Phase>,
    ended: oneshot::Receiver<()>,
    counters: Arc<Counters>,
}

impl Events {
    /// Starts the thread. Asks the API server nothing yet; fails where its address, token or CA
    /// cannot be read.
    pub fn start(options: EventsOptions) -> Result<Self> {
        let (queue, notices) = mpsc::channel(QUEUE);
        let (phase, phases) = watch::channel(Phase::Running);
        let (end, ended) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let counters = Arc::new(Counters::default());
        let theirs = Arc::clone(&counters);
        let body = move || {
            // Made here, since a runtime may not be dropped where the caller may be: in another.
            let (runtime, client) = match set_up(&options) {
                Ok(set_up) => set_up,
                Err(error) => {
                    // The caller waits for it.
                    let _ = tell.send(Err(error));
                    return;
                }
            };
            let _ = tell.send(Ok(()));
            let publisher = Publisher::new(client, &options);
            let worker = Worker::new(notices, phases, publisher, &options, theirs);
            runtime.block_on(worker.run());
            // A name lookup that hangs would hold up the end.
            runtime.shutdown_background();
            // Nobody may wait for the end any more.
            let _ = end.send(());
        };
        thread::Builder::new()
            .name("kube-events".to_owned())
            .spawn(body)
            .context("cannot start the thread for Kubernetes Events")?;
        told.recv()
            .context("the thread for Kubernetes Events ended at its start")??;
        Ok(Self {
            queue,
            phase,
            ended,
            counters,
        })
    }

    /// Takes a report, and publishes an Event if its container is of a pod and was stopped by
    /// force. Never waits: with a full queue it is dropped and counted.
    pub fn offer(&self, report: &StopReport) {
        self.queue(Notice::of(report));
    }

    /// Takes what was killed of a container that lives on, and publishes an Event if it is of a pod and
    /// the OOM killer did it. Never waits, as [`Events::offer`].
    pub fn offer_kills(&self, kills: &KillsOutsideStop) {
        self.queue(Notice::of_kills(kills));
    }

    fn queue(&self, notice: Result<Option<Notice>, NotAName>) {
        match notice {
            Ok(None) => {}
            Ok(Some(notice)) => {
                if self.queue.try_send(notice).is_err() {
                    self.counters.count(EventOutcome::Dropped);
                }
            }
            Err(error) => {
                tracing::debug!("no Kubernetes Event: {error}");
                self.counters.count(EventOutcome::Failed);
            }
        }
    }

    /// How Events went so far.
    pub fn stats(&self) -> EventStats {
        self.counters.stats()
    }

    /// Sends what waits, each without a second try, for at most this time; what is left then is
    /// counted as dropped. Returns how Events went, and at most a moment after the time is over.
    pub async fn stop(self, time: Duration) -> EventStats {
        let Self {
            queue,
            phase,
            mut ended,
            counters,
        } = self;
        // Without a sender the worker finds an end of its queue.
        drop(queue);
        phase.send_replace(Phase::Draining);
        if timeout(time, &mut ended).await.is_err() {
            phase.send_replace(Phase::Over);
            // Whether it leaves in time changes the counters alone.
            let _ = timeout(LEAVE, ended).await;
        }
        counters.stats()
    }
}

fn set_up(options: &EventsOptions) -> Result<(Runtime, Client)> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime for Kubernetes Events")?;
    // The client's workers are tasks of this runtime.
    let inside = runtime.enter();
    let client = client(options)?;
    drop(inside);
    Ok((runtime, client))
}

fn client(options: &EventsOptions) -> Result<Client> {
    let mut config = match &options.api {
        Api::Given(config) => config.as_ref().clone(),
        Api::InCluster => Config::incluster().context(
            "no access to the Kubernetes API for Events; run in a pod whose service account token \
             is mounted, or without Kubernetes Events",
        )?,
    };
    config.connect_timeout = Some(options.timeout);
    // The worker tries again by itself, and knows when to stop.
    config.default_retry = false;
    Client::try_from(config).context("cannot set up access to the Kubernetes API for Events")
}
