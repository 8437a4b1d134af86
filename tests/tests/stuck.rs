//! Processes that hold the lock of their memory: whoever reads their arguments waits, for as long as they like.

use std::time::{Duration, Instant};

use rinit_trace_tests::{Contained, Daemon, Kernel, Report, Stuck, wait};

/// More than a program has threads for reads.
const STUCK: u64 = 10;
/// Less than this may pass from a stop to its report, and from SIGTERM to the end. On an idle machine both
/// take a few milliseconds.
const PROMPT: Duration = Duration::from_secs(10);
const HANGING: &str = "rinit_trace_reads_hanging";

/// How a container is reported that is stopped now.
fn stop(mut contained: Contained, daemon: &Daemon) -> Report {
    contained.stop(wait::DEADLINE);
    let stopped = Instant::now();
    let report = daemon.output().report_of(contained.id());
    let took = stopped.elapsed();
    report.says("graceful", "", 0);
    assert!(took < PROMPT, "{took:?}: {report}");
    report
}

fn stop_another(daemon: &Daemon) {
    stop(Contained::start(&["waiter", "server"]), daemon);
}

fn end(daemon: Daemon) {
    let (ended, took) = daemon.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(took < PROMPT, "{took:?}: {}", ended.stderr);
}

#[test]
fn processes_that_cannot_be_read_hold_up_neither_reports_nor_start_nor_end() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let daemon = Daemon::start(&[]);
    let stuck = Stuck::start(STUCK.try_into().unwrap());
    // Whose members are looked for: the look comes upon those that are stuck.
    stop_another(&daemon);
    wait::until("reads hang", || {
        let hanging = daemon.endpoint().metrics().count(HANGING, &[]);
        (hanging > 0).then_some(())
    });
    stop_another(&daemon);
    end(daemon);

    let other = Contained::start(&["waiter", "server"]);
    let begun = Instant::now();
    let daemon = Daemon::start(&[]);
    let took = begun.elapsed();
    assert!(took < PROMPT, "{took:?} until it was ready");
    wait::until("all of their reads hang", || {
        let hanging = daemon.endpoint().metrics().count(HANGING, &[]);
        (hanging == STUCK).then_some(())
    });
    // It was looked at after those that hang.
    let report = stop(other, &daemon);
    for process in report.processes() {
        assert!(process["cmdline"].is_array(), "{report}");
    }
    end(daemon);
    drop(stuck);
}
