//! Runs scenarios, one after the other, under one tracer.

use std::{
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rinit_trace_core::model::{Arguments, Grace, GraceSource, Signal, StopReport, WorkloadNames};
use tokio::{task, time};

use crate::{
    cli::DemoArgs,
    commands::trace::warn_of_dropped,
    demo::{
        Scenario,
        docker::{self, Containers},
        namespace::{self, Running},
        needs,
        scenarios::{DockerForm, Program, Stop},
    },
    kernel::{Kernel, SystemInfo},
    runtime::{self, LookupConfig, Lookups},
    tracer::{News, Tracer},
};

/// A report that has not come this long after the last stop will not come.
const REPORT_TIME: Duration = Duration::from_secs(40);

/// What came of a scenario.
pub(super) enum Played {
    /// Its reports, as they came.
    Reports(Vec<StopReport>),
    /// What it needs and this machine has not.
    Skipped(String),
}

/// Where scenarios run.
pub(super) struct Stage {
    tracer: Tracer,
    docker: bool,
    image: String,
    /// What has come since a scenario began; stops of others on this host are among them.
    came: Vec<StopReport>,
    /// Host pid of an init that is to drop a signal and live on, and who is told of that.
    lives_on: Option<(u32, Sender<()>)>,
}

/// What a scenario has run, by which its reports are known. Dropping it ends what is left.
enum Cast {
    Namespaces(Vec<Running>),
    Containers(Containers),
}

impl Cast {
    fn is_in(&self, report: &StopReport) -> bool {
        let workload = &report.workload;
        match self {
            Self::Namespaces(all) => all.iter().any(|one| one.is_of(report)),
            Self::Containers(all) => all
                .ids()
                .iter()
                .any(|id| workload.container_id.as_ref() == Some(id)),
        }
    }
}

impl Stage {
    /// Starts to trace.
    pub(super) fn new(args: &DemoArgs) -> Result<Self> {
        let mut info = SystemInfo::of_this_machine();
        let kernel = Kernel::start(&args.kernel.options(), &mut info)?;
        let lookups = Arc::new(Lookups::new(LookupConfig::default()));
        Ok(Self {
            tracer: Tracer::new(kernel, lookups, None, Arguments::Full),
            docker: args.docker,
            image: args.image.clone(),
            came: Vec::new(),
            lives_on: None,
        })
    }

    /// Runs a scenario until its reports have come.
    pub(super) async fn play(&mut self, scenario: &'static Scenario) -> Result<Played> {
        self.came.clear();
        let image = self.image.clone();
        let in_docker = self.docker || matches!(scenario.program, Program::Docker);
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
        let cast = match form {
            Some(form) => self.in_docker(scenario, form).await?,
            None => self.in_namespaces(scenario).await?,
        };
        let reports = self.reports(scenario, &cast).await;
        // What does not end by itself ends now.
        self.drive(move || {
            drop(cast);
            Ok(())
        })
        .await?;
        reports.map(Played::Reports)
    }

    async fn in_namespaces(&mut self, scenario: &'static Scenario) -> Result<Cast> {
        let mut all = Vec::new();
        for _ in 0..scenario.stop.rounds() {
            let mut begun = self.drive(move || namespace::start(scenario)).await?;
            for pid in begun.iter().flat_map(Running::stopped) {
                self.introduce(scenario, pid);
            }
            // The stop is over in a millisecond: too soon for a look at the arguments then.
            let processes = self.drive(|| Ok(runtime::contained())).await?;
            self.tracer.remember(&processes);
            let dropped = self.watch(scenario, &begun);
            let stopped = self
                .drive(move || {
                    namespace::stop(&mut begun, &dropped)?;
                    Ok(begun)
                })
                .await?;
            self.lives_on = None;
            all.extend(stopped);
        }
        Ok(Cast::Namespaces(all))
    }

    fn introduce(&mut self, scenario: &Scenario, pid: u32) {
        self.tracer.introduce(
            pid,
            WorkloadNames {
                name: Some(scenario.name.to_owned()),
                grace: scenario.stop.grace().map(|period| Grace {
                    period,
                    source: GraceSource::Caller,
                }),
                // Where none is sent nobody has configured another one, either.
                stop_signal: scenario.stop.signal().or(Some(Signal::TERM)),
                ..WorkloadNames::default()
            },
        );
    }

    async fn in_docker(&mut self, scenario: &'static Scenario, form: DockerForm) -> Result<Cast> {
        let image = self.image.clone();
        let containers = self
            .drive(move || {
                let containers = Containers::start(scenario, form, &image)?;
                containers.stop()?;
                Ok(containers)
            })
            .await?;
        Ok(Cast::Containers(containers))
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
                news = self.tracer.next() => self.take(news)?,
            }
        }
    }

    /// Tells when the init of a workload that lives on drops a signal.
    fn watch(&mut self, scenario: &Scenario, begun: &[Running]) -> Receiver<()> {
        let (tell, dropped) = mpsc::channel();
        let lives_on = matches!(scenario.stop, Stop::Outsider(_));
        let init = begun.first().filter(|_| lives_on).map(Running::pid);
        self.lives_on = init.map(|init| (init, tell));
        dropped
    }

    fn take(&mut self, news: News) -> Result<()> {
        match (news, &self.lives_on) {
            (News::Stop(report) | News::SandboxStop(report) | News::NeverRan(report), _) => {
                self.came.push(*report);
            }
            (News::SignalDropped(dropped), Some((init, tell))) if dropped.init_pid == *init => {
                if self.came.iter().any(|one| one.workload.init.pid == *init) {
                    bail!("a report of it came while it lived");
                }
                warn_of_dropped(&dropped);
                // Nobody listens when the stop is over.
                let _ = tell.send(());
            }
            // A scenario tells of its stops, and others of this host are not the demo's.
            _ => {}
        }
        Ok(())
    }

    /// The reports of what has been stopped, once there are as many as stops.
    async fn reports(&mut self, scenario: &Scenario, cast: &Cast) -> Result<Vec<StopReport>> {
        let expected = scenario.reports();
        let deadline = time::sleep(REPORT_TIME);
        tokio::pin!(deadline);
        loop {
            let ours = self.came.iter().filter(|report| cast.is_in(report));
            let count = ours.count();
            if count >= expected {
                break;
            }
            tokio::select! {
                report = self.tracer.next_report() => self.came.push(report),
                () = &mut deadline => {
                    let name = scenario.name;
                    if expected == 1 {
                        bail!("no report of {name} came");
                    }
                    bail!("{count} of {expected} reports of {name} came");
                }
            }
        }
        let mut ours = std::mem::take(&mut self.came);
        ours.retain(|report| cast.is_in(report));
        Ok(ours)
    }
}
