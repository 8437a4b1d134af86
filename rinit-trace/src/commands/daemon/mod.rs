//! `rinit-trace daemon`: every stop of this host for months, with metrics.
//!
//! One loop: what the tracer tells goes to every output, and a tick keeps the books. No output can
//! hold it up: stdout, the logs, the history, HTTP and Kubernetes have threads of their own.

mod health;
mod known;
mod outputs;
mod service;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use rinit_trace_core::render;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior, interval, timeout_at},
};

use super::{Exit, start};
use crate::{
    cli::DaemonArgs,
    logs,
    privileges::Loader,
    runtime::{self, Lookups},
    serve::ApiSocket,
    tracer::{News, Tracer},
};
use known::{Key, Known, Main};
use outputs::Outputs;

/// How often the books are kept: health, series that are due to go, the watchdog.
const TICK: Duration = Duration::from_secs(1);

/// Ticks between two looks whether the containers that are known still run.
const SWEEP: u64 = 10;

/// How long a stop that is about to close is waited for at the end.
const LAST_STOPS: Duration = Duration::from_millis(200);

/// The socket of the API, if there is to be one.
pub fn socket(args: &DaemonArgs) -> Result<Option<ApiSocket>> {
    let path = args.api_socket.as_deref();
    let group = args.api_socket_group.as_deref();
    let socket = path.map(|path| ApiSocket::bind(path, group)).transpose();
    Ok(socket?)
}

/// Runs until SIGTERM or SIGINT.
pub async fn run(args: &DaemonArgs, loader: Loader, socket: Option<ApiSocket>) -> Result<Exit> {
    logs::in_background()?;
    let mut signals = Signals::new()?;
    let outputs = Outputs::start(args, socket)?;
    let lookups = Arc::new(start::lookups(&args.host));
    start::tell_denied(lookups.config()).await;
    let tracer = start::tracer(&args.host, None, Arc::clone(&lookups), loader)?;
    let mut daemon = Daemon::new(tracer, lookups, outputs);
    daemon.keep_books();
    daemon.outputs.ready();
    service::ready();
    tracing::info!("tracing every container of this host");
    daemon.run(&mut signals).await;
    service::stopping();
    daemon.finish().await;
    Ok(Exit::Ok)
}

struct Daemon {
    tracer: Tracer,
    lookups: Arc<Lookups>,
    outputs: Outputs,
    known: Known,
    tick: Interval,
    ticks: u64,
    swept: mpsc::Receiver<Vec<(Key, Main)>>,
    sweep: mpsc::Sender<Vec<(Key, Main)>>,
}

impl Daemon {
    fn new(tracer: Tracer, lookups: Arc<Lookups>, outputs: Outputs) -> Self {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (sweep, swept) = mpsc::channel(1);
        Self {
            tracer,
            lookups,
            outputs,
            known: Known::default(),
            tick,
            ticks: 0,
            swept,
            sweep,
        }
    }

    async fn run(&mut self, signals: &mut Signals) {
        loop {
            tokio::select! {
                news = self.tracer.next() => self.take(news),
                _ = self.tick.tick() => self.keep_books(),
                Some(ended) = self.swept.recv() => self.forget(ended),
                asked = signals.recv() => match asked {
                    Asked::Reopen => self.outputs.reopen(),
                    Asked::End(signal) => {
                        tracing::info!("ending: {signal}");
                        return;
                    }
                },
            }
        }
    }

    fn take(&mut self, news: News) {
        match news {
            News::Stop(report) => {
                let gone = self.known.stopped(&report);
                self.outputs.stop(&report);
                if let Some(key) = gone {
                    self.outputs.gone(&key);
                }
            }
            News::SandboxStop(report) => {
                // Names may have come too late: then it was taken for a container.
                if let Some(key) = self.known.stopped(&report) {
                    self.outputs.gone(&key);
                }
                tracing::debug!("the sandbox of a pod has ended");
            }
            News::NeverRan(report) => {
                if let Some(key) = self.known.stopped(&report) {
                    self.outputs.gone(&key);
                }
                tracing::info!("{}", render::never_ran_line(&report));
            }
            News::SignalDropped(mut dropped) => {
                let known = || self.known.names(dropped.init_pid).cloned();
                dropped.names = dropped.names.take().or_else(known);
                self.outputs.signal_dropped(&dropped);
            }
            News::KilledOutsideStop(mut kills) => {
                let known = || self.known.names(kills.init_pid).cloned();
                kills.names = kills.names.take().or_else(known);
                self.outputs.killed_outside(&kills);
            }
            News::Known(known) => {
                if let Some(key) = self.known.note(&known) {
                    self.outputs.seen(&key, &known);
                }
            }
        }
    }

    fn keep_books(&mut self) {
        let health = health::of(&self.tracer, &self.lookups, &self.known, &self.outputs);
        self.outputs.tick(health);
        service::alive();
        if self.ticks.is_multiple_of(SWEEP) {
            self.look_for_ended();
        }
        self.ticks += 1;
    }

    /// A container whose stop was not seen, because records were lost or the trace began in the middle,
    /// must not keep its series for ever.
    fn look_for_ended(&self) {
        let Ok(done) = self.sweep.clone().try_reserve_owned() else {
            return;
        };
        let mut mains = self.known.mains();
        let look = move || {
            mains.retain(|(_, main)| runtime::start_of(main.pid) != Some(main.start_ticks));
            mains
        };
        runtime::look(look, move |ended| {
            done.send(ended);
        });
    }

    fn forget(&mut self, ended: Vec<(Key, Main)>) {
        for (key, main) in ended {
            if let Some(key) = self.known.ended(&key, main) {
                self.outputs.gone(&key);
            }
        }
    }

    /// Hands out everything that can be told.
    async fn finish(mut self) {
        let deadline = Instant::now() + LAST_STOPS;
        while self.tracer.stats().correlator.open_stops > 0
            && let Ok(news) = timeout_at(deadline, self.tracer.next()).await
        {
            self.take(news);
        }
        for news in self.tracer.finish() {
            self.take(news);
        }
        let open = self.tracer.stats().correlator.open_stops;
        if open > 0 {
            tracing::warn!("stops that were under way and are not reported: {open}");
        }
        self.keep_books();
        self.outputs.finish().await;
    }
}

/// What somebody asked for.
enum Asked {
    Reopen,
    End(&'static str),
}

struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let handler = |kind, name: &str| {
            signal(kind).with_context(|| format!("install the handler for {name}"))
        };
        Ok(Self {
            hangup: handler(SignalKind::hangup(), "SIGHUP")?,
            interrupt: handler(SignalKind::interrupt(), "SIGINT")?,
            terminate: handler(SignalKind::terminate(), "SIGTERM")?,
        })
    }

    async fn recv(&mut self) -> Asked {
        tokio::select! {
            _ = self.hangup.recv() => Asked::Reopen,
            _ = self.interrupt.recv() => Asked::End("SIGINT"),
            _ = self.terminate.recv() => Asked::End("SIGTERM"),
        }
    }
}
