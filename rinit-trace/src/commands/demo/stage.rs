//! Runs scenarios, one after the other, under one tracer.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use rinit_trace_core::model::{Grace, GraceSource, StopReport, WorkloadNames};
use tokio::{task, time};

use crate::{
    cli::DemoArgs,
    demo::{
        Scenario,
        docker::{self, Container},
        namespace::Running,
        needs,
        scenarios::{DockerForm, Program, Stop},
    },
    kernel::{Kernel, KernelOptions, SystemInfo},
    runtime::{self, LookupConfig, Lookups},
    tracer::Tracer,
};

/// A report that has not come this long after the stop will not come.
const REPORT_TIME: Duration = Duration::from_secs(40);

/// What came of a scenario.
pub(super) enum Played {
    /// Its report.
    Report(Box<StopReport>),
    /// What it needs and this machine has not.
    Skipped(String),
}

/// Where scenarios run.
pub(super) struct Stage {
    tracer: Tracer,
    docker: bool,
    image: String,
}

impl Stage {
    /// Starts to trace.
    pub(super) fn new(args: &DemoArgs) -> Result<Self> {
        let mut info = SystemInfo::of_this_machine();
        let kernel = Kernel::start(&KernelOptions::default(), &mut info)?;
        let lookups = Arc::new(Lookups::new(LookupConfig::default()));
        Ok(Self {
            tracer: Tracer::new(kernel, lookups, None),
            docker: args.docker,
            image: args.image.clone(),
        })
    }

    /// Runs a scenario until its report has come.
    pub(super) async fn play(&mut self, scenario: &'static Scenario) -> Result<Played> {
        let image = self.image.clone();
        let in_docker = self.docker || matches!(scenario.program, Program::DockerInit);
        let form = scenario.docker.filter(|_| in_docker);
        let missing = self
            .drive(move || {
                Ok(match form {
                    Some(_) => docker::missing(&image),
                    None => needs::missing(scenario),
                })
            })
            .await?;
        if let Some(missing) = missing {
            return Ok(Played::Skipped(missing));
        }
        let report = match form {
            Some(form) => self.in_docker(scenario, form).await?,
            None => self.in_namespace(scenario).await?,
        };
        Ok(Played::Report(Box::new(report)))
    }

    async fn in_namespace(&mut self, scenario: &'static Scenario) -> Result<StopReport> {
        let running = self.drive(move || Running::start(scenario)).await?;
        let pid = running.pid();
        let grace = match scenario.stop {
            Stop::Runtime(grace) => Some(grace),
            Stop::Stale { age, .. } => Some(age),
            Stop::ByItself => None,
        };
        self.tracer.introduce(
            pid,
            WorkloadNames {
                name: Some(scenario.name.to_owned()),
                grace: grace.map(|period| Grace {
                    period,
                    source: GraceSource::Caller,
                }),
                ..WorkloadNames::default()
            },
        );
        // The stop is over in a millisecond: too soon for a look at the arguments then.
        let processes = self.drive(|| Ok(runtime::contained())).await?;
        self.tracer.remember(&processes);
        let is_ours = move |report: &StopReport| report.workload.init.pid == pid;
        self.stop_and_report(scenario, is_ours, move || running.stop())
            .await
    }

    async fn in_docker(
        &mut self,
        scenario: &'static Scenario,
        form: DockerForm,
    ) -> Result<StopReport> {
        let image = self.image.clone();
        let container = self
            .drive(move || Container::start(scenario, &form, &image))
            .await?;
        let id = container.id().to_owned();
        let is_ours =
            move |report: &StopReport| report.workload.container_id.as_deref() == Some(id.as_str());
        self.stop_and_report(scenario, is_ours, move || container.stop())
            .await
    }

    /// Runs something that blocks while the tracer goes on.
    async fn drive<T: Send + 'static>(
        &mut self,
        blocking: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut running = task::spawn_blocking(blocking);
        loop {
            tokio::select! {
                done = &mut running => return done.context("a helper thread failed")?,
                // Stops of others on this host are not the demo's.
                _ = self.tracer.next_report() => {}
            }
        }
    }

    async fn stop_and_report(
        &mut self,
        scenario: &Scenario,
        is_ours: impl Fn(&StopReport) -> bool,
        stop: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> Result<StopReport> {
        let mut stopping = task::spawn_blocking(stop);
        let mut stopped = false;
        let mut found = None;
        let deadline = time::sleep(REPORT_TIME);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                done = &mut stopping, if !stopped => {
                    done.context("a helper thread failed")??;
                    stopped = true;
                    deadline.as_mut().reset(time::Instant::now() + REPORT_TIME);
                }
                report = self.tracer.next_report() => {
                    if is_ours(&report) {
                        found = Some(report);
                    }
                }
                () = &mut deadline => bail!("no report of {} came", scenario.name),
            }
            if stopped && let Some(report) = found.take() {
                return Ok(report);
            }
        }
    }
}
