//! A thousand containers, a hundred of which are stopped at once.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use rinit_trace_tests::{Contained, Daemon, DockerApi, Kernel, Manner, named, wait};

const CONTAINERS: usize = 1000;
/// Those that are there before the daemon.
const BEFORE: usize = 500;
/// Which of twenty are stopped: a hundred in all.
const STOPPED: [usize; 2] = [0, 11];
const STOPS: &str = "rinit_trace_stops_total";
const SCRAPES: usize = 50;

/// The kinds take turns.
const KINDS: [&[&str]; 2] = [&["waiter"], &["leaver", "server"]];

fn start(from: usize, to: usize) -> Vec<Contained> {
    (from..to)
        .map(|at| Contained::start(KINDS[at % KINDS.len()]))
        .collect()
}

/// How long the best of some scrapes takes.
fn scrape(daemon: &Daemon) -> Duration {
    let times = (0..SCRAPES).map(|_| {
        let begun = Instant::now();
        let answer = daemon.endpoint().get("/metrics");
        assert!(answer.is_some_and(|(status, _)| status == 200));
        begun.elapsed()
    });
    times.min().unwrap()
}

/// Asserts the report of a container that was stopped, and what is counted of it.
fn is_told(daemon: &Daemon, id: &str) {
    let name = named(id);
    let report = daemon.output().report_of(id);
    report.is("/workload/name", name.as_str());
    if report.text("/workload/init/comm") == "waiter" {
        report.says("graceful", "", 0);
    } else {
        report.says("forced", "not-forwarded", 1);
    }
    let whose = ("container", name.as_str());
    let verdict = ("verdict", report.text("/verdict"));
    daemon.endpoint().wait_metric(STOPS, &[whose], 1);
    daemon.endpoint().wait_metric(STOPS, &[whose, verdict], 1);
}

/// Waits until a scrape has series of all, at 0.
fn wait_for_series(daemon: &Daemon, containers: &[Contained]) {
    let names: BTreeSet<String> = containers.iter().map(|one| named(one.id())).collect();
    wait::until("all containers have their series", || {
        let metrics = daemon.endpoint().metrics();
        let forced = metrics.samples(STOPS, &[("verdict", "forced")]);
        let known = forced.iter().filter(|sample| sample.value == 0.0);
        let known: BTreeSet<&str> = known
            .map(|sample| sample.labels["container"].as_str())
            .collect();
        names
            .iter()
            .all(|name| known.contains(name.as_str()))
            .then_some(())
    });
}

#[test]
fn hundred_of_thousand_containers_stop_at_once_and_each_is_counted() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let docker = DockerApi::start(Manner::Names);
    let mut containers = start(0, BEFORE);
    let socket = docker.socket();
    let daemon = Daemon::start(&["--docker-socket", socket.to_str().unwrap()]);
    containers.extend(start(BEFORE, CONTAINERS));
    wait_for_series(&daemon, &containers);
    let (before, memory) = (scrape(&daemon), daemon.memory());
    // Of each kind, and of each age.
    let all = containers.iter_mut().enumerate();
    let some = all.filter(|(at, _)| STOPPED.contains(&(at % 20)));
    let mut stopped: Vec<&mut Contained> = some.map(|(_, one)| one).collect();
    assert_eq!(stopped.len(), 100);
    for one in &stopped {
        one.ask();
    }
    for one in &mut stopped {
        one.wait();
    }
    for one in &stopped {
        is_told(&daemon, one.id());
    }
    daemon.output().catch_up();
    for one in &stopped {
        let reports = daemon.output().reports_of(one.id());
        assert_eq!(reports.len(), 1, "{reports:?}");
    }
    let metrics = daemon.endpoint().metrics();
    assert_eq!(metrics.count("rinit_trace_records_lost_total", &[]), 0);
    let after = scrape(&daemon);
    println!(
        "{CONTAINERS} containers: a scrape takes {before:?}, and {after:?} after 100 stops; resident are {} MiB, then {} MiB",
        memory >> 20,
        daemon.memory() >> 20,
    );
}
