//! `rinit-trace demo`

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use rinit_trace_core::model::{Grace, GraceSource, StopReport, WorkloadNames};
use tokio::{task, time};

use super::{Exit, print_report, put};
use crate::{
    cli::{DemoArgs, Output},
    demo::{SCENARIOS, Scenario, docker::Container, namespace::Running, scenarios},
    kernel::{Kernel, KernelOptions, SystemInfo},
    runtime::{self, LookupConfig, Lookups},
    tracer::Tracer,
};

/// A report that has not come this long after the stop will not come.
const REPORT_TIME: Duration = Duration::from_secs(40);

/// Lists the scenarios, or runs one or all.
pub async fn run(args: &DemoArgs) -> Result<Exit> {
    let chosen: Vec<&'static Scenario> = match args.name.as_deref() {
        None => {
            for scenario in SCENARIOS {
                put(&format!("{:<16}{}\n", scenario.name, scenario.about))?;
            }
            put(&format!("{:<16}every one of them\n", "all"))?;
            return Ok(Exit::Ok);
        }
        Some("all") => SCENARIOS.iter().collect(),
        Some(name) => match scenarios::find(name) {
            Some(scenario) => vec![scenario],
            None => {
                eprintln!("error: there is no scenario `{name}`; `rinit-trace demo` lists them");
                return Ok(Exit::Usage);
            }
        },
    };
    let mut info = SystemInfo::of_this_machine();
    let kernel = Kernel::start(&KernelOptions::default(), &mut info)?;
    let lookups = Arc::new(Lookups::new(LookupConfig::default()));
    let mut tracer = Tracer::new(kernel, lookups, None);
    for scenario in chosen {
        let report = if args.docker {
            in_docker(&mut tracer, scenario, args.image.clone()).await?
        } else {
            in_namespace(&mut tracer, scenario).await?
        };
        show(scenario, &report, args.output)?;
    }
    Ok(Exit::Ok)
}

fn show(scenario: &Scenario, report: &StopReport, output: Output) -> Result<()> {
    if output == Output::Text {
        put(&format!("── {}: {}\n\n", scenario.name, scenario.about))?;
    }
    print_report(report, output)?;
    if output == Output::Text {
        put("\n")?;
    }
    Ok(())
}

async fn in_namespace(tracer: &mut Tracer, scenario: &'static Scenario) -> Result<StopReport> {
    let running = drive(tracer, move || Running::start(scenario)).await?;
    let pid = running.pid();
    tracer.introduce(
        pid,
        WorkloadNames {
            name: Some(scenario.name.to_owned()),
            grace: Some(Grace {
                period: scenario.grace,
                source: GraceSource::Caller,
            }),
            ..WorkloadNames::default()
        },
    );
    // The stop is over in a millisecond: too soon for a look at the arguments then.
    let processes = drive(tracer, || Ok(runtime::contained())).await?;
    tracer.remember(&processes);
    let is_ours = move |report: &StopReport| report.workload.init.pid == pid;
    stop_and_report(tracer, scenario, is_ours, move || {
        running.stop(scenario.grace)
    })
    .await
}

async fn in_docker(
    tracer: &mut Tracer,
    scenario: &'static Scenario,
    image: String,
) -> Result<StopReport> {
    let container = drive(tracer, move || Container::start(scenario, &image)).await?;
    let id = container.id().to_owned();
    let is_ours =
        move |report: &StopReport| report.workload.container_id.as_deref() == Some(id.as_str());
    stop_and_report(tracer, scenario, is_ours, move || {
        container.stop(scenario.grace)
    })
    .await
}

/// Runs something that blocks while the tracer goes on.
async fn drive<T: Send + 'static>(
    tracer: &mut Tracer,
    blocking: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let mut running = task::spawn_blocking(blocking);
    loop {
        tokio::select! {
            done = &mut running => return done.context("a helper thread failed")?,
            // Stops of others on this host are not the demo's.
            _ = tracer.next_report() => {}
        }
    }
}

async fn stop_and_report(
    tracer: &mut Tracer,
    scenario: &Scenario,
    is_ours: impl Fn(&StopReport) -> bool,
    stop: impl FnOnce() -> Result<()> + Send + 'static,
) -> Result<StopReport> {
    let mut stopping = task::spawn_blocking(stop);
    let mut stopped = false;
    let mut found = None;
    let deadline = time::sleep(scenario.grace + REPORT_TIME);
    tokio::pin!(deadline);
    loop {
        tokio::select! {
            done = &mut stopping, if !stopped => {
                done.context("a helper thread failed")??;
                stopped = true;
            }
            report = tracer.next_report() => {
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
