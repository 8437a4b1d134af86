//! The daemon's own end, seen by another `rinit-trace`.

use std::time::Duration;

use rinit_trace_tests::{Cgroup, Contained, Daemon, DockerApi, Kernel, Manner, shared_trace, wait};

/// Less than this may pass from SIGTERM to the end.
pub(crate) const PROMPT: Duration = Duration::from_secs(1);

/// As in its pod: a container with the pids of the host.
#[test]
fn its_own_stop_is_graceful_and_prompt() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = shared_trace();
    let cgroup = Cgroup::of_container();
    let daemon = Daemon::start_in(&cgroup, &[]);
    let pid = daemon.output().pid();
    let (ended, took) = daemon.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(took < PROMPT, "{took:?}: {}", ended.stderr);
    // As a runtime does once the container has ended.
    drop(cgroup);
    let report = tracer.only_report_of(pid);
    report.says("graceful", "", 0);
    report.is("/stop/trigger", "stop-signal");
    report.is("/stop/signal", "SIGTERM");
    report.is("/stop/taken", true);
}

#[test]
fn stop_that_waits_for_names_is_told_at_the_end() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let silent = DockerApi::start(Manner::Hang);
    let socket = silent.socket();
    let daemon = Daemon::start(&["--docker-socket", socket.to_str().unwrap()]);
    let mut contained = Contained::start(&["waiter", "server"]);
    let id = contained.id().to_owned();
    contained.stop(wait::DEADLINE);
    let (ended, took) = daemon.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(took < PROMPT, "{took:?}: {}", ended.stderr);
    let lines = ended.stdout.lines().filter(|line| line.contains(&id));
    assert_eq!(lines.count(), 1, "{}", ended.stdout);
}
