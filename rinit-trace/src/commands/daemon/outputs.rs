//! Everything that a stop goes to: stdout, metrics, the history, Kubernetes.

use std::{
    io,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use rinit_trace_core::{
    arguments,
    model::{DroppedSignal, KillsOutsideStop, StopReport},
    render::{self, TextOptions},
};

use super::known::Key;
use crate::{
    cli::{DaemonArgs, DaemonFormat, HostArgs},
    commands::{by_itself, fit, one_line},
    lines::Lines,
    logs,
    serve::{
        AllowedHosts, ApiSocket, Disk, DiskOptions, Health, History, HistoryOptions, Metrics,
        MetricsOptions, Server, ServerOptions, SharedState, State, TokenFile, history,
    },
    tracer::KnownWorkload,
};

/// How long all outputs together may take to get rid of what they have, at the end.
const FLUSH: Duration = Duration::from_millis(300);

/// Most bytes of reports that wait for stdout.
const MAX_WAITING: usize = 64 << 20;

/// The outputs.
pub(super) struct Outputs {
    format: DaemonFormat,
    host: HostArgs,
    lines: Lines,
    state: SharedState,
    disk: Option<Disk>,
    server: Server,
    #[cfg(feature = "kube")]
    events: Option<crate::kubernetes::Events>,
}

impl Outputs {
    /// Opens them all: what cannot be opened is told before anything is traced.
    pub(super) fn start(args: &DaemonArgs, socket: Option<ApiSocket>) -> Result<Self> {
        let metrics = Metrics::new(MetricsOptions {
            labels: args.metric_labels.clone(),
            max_containers: usize::try_from(args.metric_max_containers).unwrap_or(usize::MAX),
            keep: args.metric_keep,
        })
        .context("make the metrics")?;
        let mut memory = History::new(HistoryOptions::default());
        let disk = match &args.history {
            Some(folder) => {
                let disk = Disk::open(folder, DiskOptions::default())?;
                let mut stops = history::read(folder)?;
                let shown = args.host.arguments.into();
                memory.load(stops.by_ref().map(|mut stop| {
                    // Written by one that may have shown more.
                    arguments::limit(&mut stop, shown);
                    stop
                }));
                let (folder, skipped) = (folder.display(), stops.skipped());
                if skipped > 0 {
                    tracing::warn!("{skipped} lines in {folder} are no whole reports: left out");
                }
                Some(disk)
            }
            None => None,
        };
        let state = State::new(metrics, memory);
        let server = start_server(args, socket, SharedState::clone(&state))?;
        Ok(Self {
            format: args.format,
            host: args.host.clone(),
            lines: Lines::start("stdout", io::stdout(), MAX_WAITING)?,
            state,
            disk,
            server,
            #[cfg(feature = "kube")]
            events: start_events(args)?,
        })
    }

    /// Everything is attached, and everybody is known.
    pub(super) fn ready(&self) {
        self.state.probes_attached();
        self.state.scan_done();
    }

    /// A container is there.
    pub(super) fn seen(&self, key: &Key, known: &KnownWorkload) {
        self.state
            .metrics()
            .container_seen(key.as_str(), &known.names);
    }

    /// It is there no more.
    pub(super) fn gone(&self, key: &Key) {
        let metrics = self.state.metrics();
        metrics.container_gone(key.as_str(), Instant::now());
    }

    /// A stop has closed.
    pub(super) fn stop(&self, report: &StopReport) {
        self.state.metrics().stop(report);
        let fitted = fit(report, &self.host);
        self.state.keep(&fitted);
        match self.text(report, &fitted) {
            Ok(text) => self.lines.put(text.into()),
            Err(error) => tracing::error!("a report could not be printed: {error}"),
        }
        if let Some(disk) = &self.disk {
            disk.append(&fitted);
        }
        #[cfg(feature = "kube")]
        if let Some(events) = &self.events {
            events.offer(report);
        }
    }

    fn text(&self, report: &StopReport, fitted: &StopReport) -> serde_json::Result<String> {
        match self.format {
            DaemonFormat::Json => render::jsonl(fitted),
            DaemonFormat::Text if by_itself(report) => Ok(one_line(report)),
            DaemonFormat::Text => {
                let options = TextOptions { color: false };
                Ok(render::text(report, &options) + "\n")
            }
        }
    }

    /// The moment it is dropped: there is time to do something about it.
    pub(super) fn signal_dropped(&self, dropped: &DroppedSignal) {
        tracing::warn!("{}", render::dropped_line(dropped));
        self.state.metrics().signal_ignored(dropped);
    }

    /// No stop, and no report.
    pub(super) fn killed_outside(&self, kills: &KillsOutsideStop) {
        tracing::warn!("{}", render::outside_line(kills));
        self.state.metrics().kills_outside(kills);
        #[cfg(feature = "kube")]
        if let Some(events) = &self.events {
            events.offer_kills(kills);
        }
    }

    /// Once a second.
    pub(super) fn tick(&self, health: Health) {
        self.state.metrics().set_health(health);
        self.state.metrics().expire(Instant::now());
        self.state.tick();
    }

    /// Log rotation has moved the files away.
    pub(super) fn reopen(&self) {
        if let Some(disk) = &self.disk {
            disk.reopen();
            tracing::info!("the files of the history are opened anew");
        }
    }

    /// Reports that the history in memory gave up for newer ones.
    pub(super) fn evicted(&self) -> u64 {
        self.state.history_evicted()
    }

    /// By sink: writes that failed, and what was dropped.
    pub(super) fn failures(&self) -> Vec<(&'static str, u64, u64)> {
        let (errors, dropped) = self.lines.stats();
        let (log_errors, log_dropped) = logs::stats();
        let mut failures = vec![
            ("stdout", errors, dropped),
            ("stderr", log_errors, log_dropped),
        ];
        if let Some(disk) = &self.disk {
            let stats = disk.stats();
            failures.push(("history", stats.errors, stats.dropped));
        }
        failures
    }

    /// By result.
    pub(super) fn kube_events(&self) -> Vec<(&'static str, u64)> {
        #[cfg(feature = "kube")]
        if let Some(events) = &self.events {
            let stats = events.stats();
            return stats
                .iter()
                .map(|(outcome, count)| (outcome.label(), count))
                .collect();
        }
        Vec::new()
    }

    /// Gets everything out, in bounded time.
    pub(super) async fn finish(self) {
        let deadline = Instant::now() + FLUSH;
        let left = || deadline.saturating_duration_since(Instant::now());
        // Each has been at work meanwhile: one that stalls must not take the time of the others.
        if let Some(disk) = &self.disk
            && !disk.flush(left() / 3)
        {
            tracing::error!("reports were left: the history could not be written");
        }
        #[cfg(feature = "kube")]
        if let Some(events) = self.events {
            events.stop(left() / 2).await;
        }
        if !self.lines.finish(left()) {
            tracing::error!("reports were left: nobody reads stdout");
        }
        self.server.stop();
    }
}

fn start_server(
    args: &DaemonArgs,
    socket: Option<ApiSocket>,
    state: SharedState,
) -> Result<Server> {
    let token = args.api_token_file.as_deref().map(TokenFile::open);
    let options = ServerOptions {
        addr: args.listen,
        hosts: AllowedHosts::new(&args.allowed_host),
        token: token.transpose()?,
        socket,
    };
    let has_token = options.token.is_some();
    let server = Server::start(options, state)?;
    tracing::info!("listening on {}", server.addr());
    let token = if has_token {
        " and, with the token, there"
    } else {
        ""
    };
    match server.socket() {
        Some(path) => tracing::info!("/api is answered at {}{token}", path.display()),
        None if has_token => tracing::info!("/api is answered there with the token"),
        None => tracing::info!("/api is answered there to everybody"),
    }
    Ok(server)
}

#[cfg(feature = "kube")]
fn start_events(args: &DaemonArgs) -> Result<Option<crate::kubernetes::Events>> {
    use crate::kubernetes::{Api, Events, EventsOptions};
    if !args.kube_events {
        return Ok(None);
    }
    let node = super::start::node(&args.host);
    Events::start(EventsOptions::new(Api::InCluster, node)).map(Some)
}
