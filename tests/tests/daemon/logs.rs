//! Logs that nobody reads any more.

use rinit_trace_tests::{Daemon, Kernel, Namespace, wait};

use crate::end::PROMPT;

const IGNORED: &str = "rinit_trace_stop_signal_ignored_total";

#[test]
fn reader_of_logs_who_stalls_holds_up_neither_reports_nor_the_end() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let daemon = Daemon::start_with_stalled_logs(&[]);
    let endpoint = daemon.endpoint();
    let before = endpoint.metrics().count(IGNORED, &[]);
    // Tells a line at once.
    let mut deaf = Namespace::start(&["sleeper"]);
    deaf.signal(libc::SIGTERM);
    wait::until("the ignored signal is counted", || {
        (endpoint.metrics().count(IGNORED, &[]) > before).then_some(())
    });
    deaf.kill();
    let report = daemon.output().report_of(deaf.pid());
    report.says("forced", "init-no-handler", 0);
    let mut leaver = Namespace::start(&["leaver", "server"]);
    leaver.stop(wait::DEADLINE);
    let report = daemon.output().report_of(leaver.pid());
    report.says("forced", "not-forwarded", 1);
    let (ended, took) = daemon.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(took < PROMPT, "{took:?}");
}
