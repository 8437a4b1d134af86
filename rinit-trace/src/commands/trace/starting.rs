//! `rinit-trace --container ID` of a container that Docker has made and not started, or is about to restart.
//!
//! It has no pid namespace yet, and when it has one, a start and a stop right after it would leave no time to attach
//! probes. So every container is traced, and only what is of this one is told.

use std::time::Duration;

use anyhow::Result;
use rinit_trace_core::model::{StopReport, WorkloadNames};
use tokio::time::{Instant, sleep};

use super::{Deadline, Interrupts, Printer, warn_of_dropped, warn_of_kills};
use crate::{
    commands::Exit,
    escape::visible,
    runtime::{
        ContainerName,
        docker::{self, DockerApi, DockerError},
    },
    tracer::{News, Tracer},
};

/// How often Docker is asked whether it is still to be waited for.
const POLL: Duration = Duration::from_secs(1);
/// A report is there by then: names are waited for, and the end of the namespace.
const REPORT_TIME: Duration = Duration::from_secs(10);

/// Why waiting ended without a report.
enum Nothing {
    NeverRan,
    /// Docker's word for its state.
    Over(String),
    TimedOut,
    Interrupted,
}

/// Waits for it to start, and then to stop.
pub(super) async fn trace(
    tracer: &mut Tracer,
    interrupts: &mut Interrupts,
    printer: &Printer<'_>,
    container: &ContainerName,
    docker: &DockerApi,
) -> Result<Exit> {
    eprintln!("tracing {container}: waiting for it to start, and to stop");
    let deadline = Deadline::new(printer.args);
    let ended = tokio::select! {
        ended = its_stop(tracer, &container.id) => ended,
        state = over(docker, &container.id) => Err(Nothing::Over(state)),
        () = deadline.passed() => Err(Nothing::TimedOut),
        () = interrupts.recv() => Err(Nothing::Interrupted),
    };
    match ended {
        Ok(report) => {
            printer.print(&report)?;
            printer.finish();
            return Ok(Exit::of(&report));
        }
        Err(Nothing::NeverRan) => eprintln!(
            "error: the start of {container} failed: none of its program ran; `docker inspect` tells why"
        ),
        Err(Nothing::Over(state)) => eprintln!(
            "error: {container} is not running ({}), and no stop of it was seen; start it again",
            visible(state.chars())
        ),
        Err(Nothing::TimedOut) => {
            eprintln!("error: {container} has not started and stopped within the timeout");
        }
        Err(Nothing::Interrupted) => {
            eprintln!("error: interrupted before {container} started and stopped");
        }
    }
    Ok(Exit::NotTraced)
}

async fn its_stop(tracer: &mut Tracer, id: &str) -> Result<Box<StopReport>, Nothing> {
    let is_its = |names: Option<&WorkloadNames>| {
        names.and_then(|names| names.container_id.as_deref()) == Some(id)
    };
    loop {
        match tracer.next().await {
            News::Stop(report) | News::SandboxStop(report)
                if report.workload.container_id.as_deref() == Some(id) =>
            {
                return Ok(report);
            }
            News::NeverRan(report) if report.workload.container_id.as_deref() == Some(id) => {
                return Err(Nothing::NeverRan);
            }
            News::SignalDropped(dropped) if is_its(dropped.names.as_ref()) => {
                warn_of_dropped(&dropped);
            }
            News::KilledOutsideStop(kills) if is_its(kills.names.as_ref()) => {
                warn_of_kills(&kills);
            }
            _ => {}
        }
    }
}

/// Returns Docker's word for the container's state when it has neither run nor been about to for so long that a stop
/// of it would have been reported.
async fn over(docker: &DockerApi, id: &str) -> String {
    let mut since = None;
    loop {
        sleep(POLL).await;
        let state = match docker.inspect(id).await {
            Ok(inspected) => inspected.status().unwrap_or("no state").to_owned(),
            Err(DockerError::Status { code: 404, .. }) => "removed".to_owned(),
            // Containers go on while dockerd restarts.
            Err(_) => {
                since = None;
                continue;
            }
        };
        if docker::is_running(&state) || docker::is_to_start(&state) {
            since = None;
        } else if since.get_or_insert_with(Instant::now).elapsed() >= REPORT_TIME {
            return state;
        }
    }
}
