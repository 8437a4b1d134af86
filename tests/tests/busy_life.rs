//! Containers that live: workers that come and go, reloads, exec probes. Nothing of it is a stop, and what follows is
//! reported once and right.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use rinit_trace_tests::{Container, Docker, send, trace_all};

/// Living at the same time.
const CONTAINERS: usize = 20;
/// Workers of each that are SIGKILLed by their parent, end by another signal, or by themselves.
const WORKERS: usize = 980;
/// SIGHUPs from outside to each, and as many `docker exec` of a shell with a killed and a terminated child.
const RELOADS: usize = 10;
const AT_A_TIME: usize = 4;

#[test]
fn twenty_thousand_events_of_a_busy_life_are_no_stop() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = trace_all();
    let containers: Vec<Container> = (0..CONTAINERS).map(|index| start(&docker, index)).collect();
    for_each(&containers, |container| {
        for reload in 1..=RELOADS {
            container.exec("sleep 1000 & kill -9 $!; sleep 1000 & kill $!; wait");
            send(container.pid(), libc::SIGHUP);
            // One that is pending is not sent again.
            container.wait_for("reloaded", reload);
        }
        container.wait_for("churned", 1);
    });
    tracer.catch_up();
    for container in &containers {
        tracer.no_report_of_yet(container.id());
    }
    for_each(&containers, |container| container.stop(10));
    for (index, container) in containers.iter().enumerate() {
        let report = tracer.report_of(container.id());
        if waits(index) {
            report.says("graceful", "", 0);
        } else {
            report.says("forced", "not-forwarded", 1);
            report.is("/cause/confidence", "certain");
        }
        // Workers and probes are over, and not of the stop.
        assert_eq!(report.processes().len(), 2, "{report}");
        report.is("/stop/signal", "SIGTERM");
    }
    let reports = tracer.finish();
    for container in &containers {
        let id = container.id().into();
        let count = reports.iter().filter(|report| report.is_of(&id)).count();
        assert_eq!(count, 1, "reports of {}", container.name());
    }
}

/// Every other one passes the stop signal on.
fn waits(index: usize) -> bool {
    index % 2 == 1
}

fn start(docker: &Docker, index: usize) -> Container {
    let init = if waits(index) { "churn-waits" } else { "churn" };
    docker.workload(&[&format!("{init}={WORKERS}"), "server=20"])
}

/// Several at a time.
fn for_each(containers: &[Container], act: impl Fn(&Container) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(container) = containers.get(index) else {
                        break;
                    };
                    act(container);
                }
            });
        }
    });
}
