//! A hundred stops in a row, several at a time: each is reported once, and right.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use rinit_trace_tests::{Docker, Namespace, Tracer, shared_trace, trace_all, wait};
use serde_json::Value;

const STOPS: usize = 100;
/// Containers among them; the others are plain pid namespaces.
const CONTAINERS: usize = 30;
const AT_A_TIME: usize = 4;

/// How a workload ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Stopped, and given the time that it takes.
    Stop,
    /// Stopped, and killed after a short grace period.
    Outlast,
    /// Killed at once.
    Kill,
    /// Ends by itself.
    Alone,
}

/// A workload, how it ends, and what the report must say.
#[derive(Debug)]
struct Kind {
    programs: &'static [&'static str],
    end: End,
    verdict: &'static str,
    cause: &'static str,
    lost_cleanup: u64,
}

const fn kind(
    programs: &'static [&'static str],
    end: End,
    verdict: &'static str,
    cause: &'static str,
    lost_cleanup: u64,
) -> Kind {
    Kind {
        programs,
        end,
        verdict,
        cause,
        lost_cleanup,
    }
}

const NAMESPACES: &[Kind] = &[
    kind(
        &["sleeper", "server"],
        End::Outlast,
        "forced",
        "init-no-handler",
        1,
    ),
    kind(
        &["leaver", "server"],
        End::Stop,
        "forced",
        "not-forwarded",
        1,
    ),
    kind(
        &["waiter", "server=20", "sleeper"],
        End::Stop,
        "graceful",
        "",
        0,
    ),
    kind(
        &["deaf", "deaf"],
        End::Outlast,
        "forced",
        "init-ignores-signal",
        0,
    ),
    kind(&["stubborn"], End::Outlast, "forced", "grace-exceeded", 1),
    kind(
        &["quitter", "server", "sleeper"],
        End::Alone,
        "forced",
        "init-exited",
        1,
    ),
    kind(&["quitter"], End::Alone, "graceful", "", 0),
    kind(
        &["server", "server"],
        End::Kill,
        "forced",
        "no-stop-signal",
        2,
    ),
];

const IN_CONTAINERS: &[Kind] = &[
    kind(
        &["sleeper", "server"],
        End::Outlast,
        "forced",
        "init-no-handler",
        1,
    ),
    kind(&["waiter", "server=20"], End::Stop, "graceful", "", 0),
    kind(
        &["leaver", "server", "server"],
        End::Stop,
        "forced",
        "not-forwarded",
        2,
    ),
    kind(
        &["server", "sleeper"],
        End::Kill,
        "forced",
        "no-stop-signal",
        1,
    ),
];

/// A stop that has happened.
#[derive(Debug)]
struct Done {
    /// Container id, else host pid of the init.
    workload: Value,
    kind: &'static Kind,
}

#[test]
fn a_hundred_stops_are_a_hundred_right_reports() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = trace_all();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= STOPS {
                        break;
                    }
                    let stopped = stop_one(&docker, index);
                    done.lock().unwrap().push(stopped);
                }
            });
        }
    });
    let done = done.into_inner().unwrap();
    assert_eq!(done.len(), STOPS);
    check(tracer, &done);
}

fn stop_one(docker: &Docker, index: usize) -> Done {
    // Spread over the run: three of ten are containers.
    let containers_before = index * CONTAINERS / STOPS;
    let is_container = (index + 1) * CONTAINERS / STOPS > containers_before;
    if is_container {
        stop_container(
            docker,
            &IN_CONTAINERS[containers_before % IN_CONTAINERS.len()],
        )
    } else {
        let namespaces_before = index - containers_before;
        stop_namespace(&NAMESPACES[namespaces_before % NAMESPACES.len()])
    }
}

fn stop_container(docker: &Docker, kind: &'static Kind) -> Done {
    let container = docker.workload(kind.programs);
    match kind.end {
        End::Stop => container.stop(30),
        End::Outlast => container.stop(1),
        End::Kill => container.kill("KILL"),
        End::Alone => unreachable!("containers have no input to end"),
    }
    Done {
        workload: container.id().into(),
        kind,
    }
}

fn stop_namespace(kind: &'static Kind) -> Done {
    let mut namespace = Namespace::start(kind.programs);
    match kind.end {
        End::Stop => namespace.stop(Duration::from_secs(30)),
        End::Outlast => namespace.stop(Duration::from_millis(200)),
        End::Kill => namespace.kill(),
        End::Alone => {
            namespace.end_input();
            namespace.wait();
        }
    }
    Done {
        workload: namespace.pid().into(),
        kind,
    }
}

fn check(tracer: Tracer, done: &[Done]) {
    for stop in done {
        // Also waits for it.
        let report = tracer.report_of(stop.workload.clone());
        let kind = stop.kind;
        report.says(kind.verdict, kind.cause, kind.lost_cleanup);
        assert_eq!(report.processes().len(), kind.programs.len(), "{report}");
    }
    let reports = tracer.finish();
    for stop in done {
        let count = reports
            .iter()
            .filter(|report| report.is_of(&stop.workload))
            .count();
        assert_eq!(count, 1, "reports of {stop:?}");
    }
}

#[test]
fn container_that_is_restarted_is_reported_for_each_stop() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = shared_trace();
    let container = docker.workload(&["waiter", "server"]);
    container.restart(10);
    container.wait_for("ready", 4);
    container.kill("KILL");
    let both = wait::until("both reports", || {
        let reports = tracer.reports_of(container.id());
        (reports.len() == 2).then_some(reports)
    });
    both[0].says("graceful", "", 0);
    both[1].says("forced", "no-stop-signal", 2);
    assert_ne!(
        both[0].at("/workload/init/pid"),
        both[1].at("/workload/init/pid")
    );
}
