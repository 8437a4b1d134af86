//! A ring buffer that is far too small: what is missing is said, and never guessed.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rinit_trace_tests::{Kernel, Namespace, Report, Tracer, shared_trace};

/// The smallest that the program takes: room for some ten records.
const TINY: &str = "4";
/// Too small for a crowd, and large enough for all else that goes on.
const SMALL: &str = "64";
const CROWD: usize = 500;

fn with_ring(kib: &str, more: &[&str]) -> Tracer {
    Tracer::ready(&[&["--ring-kib", kib, "-o", "jsonl"], more].concat())
}

/// A full ring loses records of every workload of the host, so these tests take turns.
fn my_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The crowd is torn down by SIGKILL, whatever the report has seen of it.
fn is_honest(report: &Report) {
    assert!(report.number("/observation/lost_records") > 0.0, "{report}");
    let verdict = report.text("/verdict");
    assert!(["forced", "unknown"].contains(&verdict), "{report}");
    if verdict == "unknown" {
        report.is("/cause", ());
    } else {
        report.is("/cause/confidence", "likely");
    }
    // Not all could be counted.
    report.is("/lost_cleanup", ());
}

#[test]
fn teardown_of_a_crowd_in_a_tiny_ring_is_never_graceful() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let _turn = my_turn();
    let tracer = with_ring(TINY, &[]);
    let mut namespace = Namespace::start(&["leaver", &format!("crowd={CROWD}")]);
    namespace.stop(Duration::from_secs(10));
    is_honest(&tracer.report_of(namespace.pid()));
    tracer.interrupt();
    let ended = tracer.ended();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stderr.contains("records were lost"), "{ended:#?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
}

/// Also when nothing of the end was recorded.
#[test]
fn tracing_one_workload_in_a_tiny_ring_ends() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let _turn = my_turn();
    let mut namespace = Namespace::start(&["leaver", &format!("crowd={CROWD}")]);
    let tracer = with_ring(TINY, &["--container", &namespace.target()]);
    namespace.stop(Duration::from_secs(10));
    is_honest(&tracer.report());
}

/// The same crowd with the ring that users have.
#[test]
fn teardown_of_a_crowd_is_seen_to_the_last_process() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let _turn = my_turn();
    let tracer = shared_trace();
    let mut namespace = Namespace::start(&["leaver", &format!("crowd={CROWD}")]);
    namespace.stop(Duration::from_secs(10));
    let report = tracer.report_of(namespace.pid());
    report.says("forced", "not-forwarded", 0);
    // The crowd, the one that made it, and the init.
    assert_eq!(report.named("crowd").len(), CROWD + 1, "{report}");
    assert_eq!(report.processes().len(), CROWD + 2, "{report}");
}

#[test]
fn losses_of_one_workload_do_not_spoil_the_report_of_another() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let _turn = my_turn();
    let tracer = with_ring(SMALL, &[]);
    let mut crowd = Namespace::start(&["leaver", &format!("crowd={CROWD}")]);
    crowd.stop(Duration::from_secs(10));
    is_honest(&tracer.report_of(crowd.pid()));
    // Long over when this one stops.
    let mut quiet = Namespace::start(&["server"]);
    quiet.stop(Duration::from_secs(10));
    tracer.report_of(quiet.pid()).says("graceful", "", 0);
}

/// The self-test rests on one record, which may be among the lost ones.
#[test]
fn tracing_begins_while_the_ring_is_full() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let _turn = my_turn();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                Namespace::start(&["leaver", &format!("crowd={CROWD}")]).kill();
            }
        });
        let begun = thread::scope(|scope| {
            let starts = scope.spawn(|| {
                for _ in 0..3 {
                    drop(with_ring(TINY, &[]));
                }
            });
            starts.join()
        });
        over.store(true, Ordering::Relaxed);
        assert!(begun.is_ok(), "the program did not begin to trace");
    });
}
