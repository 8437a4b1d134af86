//! A history on a disk that is full.

use rinit_trace_tests::{Daemon, Kernel, Namespace, Tmpfs, wait};

/// Reports of stops are larger than a page.
const KIB: u32 = 256;
const STOPS: usize = 20;
const ERRORS: (&str, &[(&str, &str)]) = ("rinit_trace_output_errors_total", &[("sink", "history")]);

/// Stops workloads and asserts that each is reported.
fn stop_some(daemon: &Daemon, count: usize) {
    for _ in 0..count {
        let mut namespace = Namespace::start(&["leaver", "server"]);
        namespace.stop(wait::DEADLINE);
        let report = daemon.output().report_of(namespace.pid());
        report.says("forced", "not-forwarded", 1);
    }
}

#[test]
fn full_disk_costs_no_report() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let disk = Tmpfs::mount(KIB);
    let daemon = Daemon::start(&["--history", disk.path().to_str().unwrap()]);
    let endpoint = daemon.endpoint();
    stop_some(&daemon, 1);
    let (name, sink) = ERRORS;
    assert_eq!(endpoint.metrics().count(name, sink), 0);
    disk.fill();
    stop_some(&daemon, STOPS);
    let errors = wait::until("errors of the history are counted", || {
        let count = endpoint.metrics().count(name, sink);
        (count > 0).then_some(count)
    });
    // What it remembers itself is whole.
    assert!(endpoint.stops("limit=1000").len() > STOPS);
    disk.free();
    stop_some(&daemon, 1);
    let last = daemon.output().reports().pop().unwrap();
    let pid = last.at("/workload/init/pid").clone();
    wait::until("the history goes on when the disk has room", || {
        let files = std::fs::read_dir(disk.path()).unwrap();
        let mut texts = files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok());
        let key = format!("\"pid\":{pid}");
        texts.any(|text| text.contains(&key)).then_some(())
    });
    let (ended, _) = daemon.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(errors > 0);
}
