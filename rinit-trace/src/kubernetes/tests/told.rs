//! What the log says of Events that are on no pod.

use std::{
    io,
    sync::{Mutex, MutexGuard},
};

use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// What was logged, by the filter of the program.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Of this thread, as long as the guard lives.
    fn of_this_thread(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(crate::logs::filter("info").unwrap())
            .with_writer(self.clone())
            .with_ansi(false)
            .with_target(false)
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Writer<'a>;

    fn make_writer(&'a self) -> Writer<'a> {
        Writer(self.0.lock().unwrap())
    }
}

struct Writer<'a>(MutexGuard<'a, Vec<u8>>);

impl io::Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Offers reports to a worker on this thread until it has counted them all and ended.
async fn work(options: &EventsOptions, reports: &[StopReport]) -> Vec<String> {
    let log = Log::default();
    let guard = log.of_this_thread();
    let (queue, notices) = mpsc::channel(QUEUE);
    let (phase, phases) = watch::channel(Phase::Running);
    let counters = Arc::new(Counters::default());
    let publisher = Publisher::new(client(options).unwrap(), options);
    let worker = Worker::new(notices, phases, publisher, options, Arc::clone(&counters));
    for report in reports {
        queue
            .try_send(Notice::of(report).unwrap().unwrap())
            .unwrap();
    }
    drop(queue);
    worker.run().await;
    drop((guard, phase));
    log.lines()
}

#[tokio::test]
async fn many_that_are_rate_limited_are_one_line_with_their_number() {
    let api = FakeApi::start();
    let mut options = options(&api);
    (options.per_minute, options.per_pod) = (10, 3);
    let reports: Vec<StopReport> = (0..80).map(|pod| of_pod("shop", pod)).collect();
    let lines = work(&options, &reports).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    let counted = "70 rate-limited (at most 10 in a minute, 3 for one pod)";
    assert!(lines[0].contains(counted), "{lines:?}");
}

#[tokio::test]
async fn many_that_are_rejected_are_told_once_with_the_reason_and_once_with_their_number() {
    let api = FakeApi::start();
    let (code, body) = status(
        403,
        "Forbidden",
        "User \"x\" cannot create resource \"events\"",
    );
    api.mood(Mood::Answers(code, body));
    let reports: Vec<StopReport> = (0..40).map(|pod| of_pod("shop", pod)).collect();
    let lines = work(&options(&api), &reports).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    // An apostrophe, not an escaped one.
    assert!(lines[0].contains("User 'x' cannot create"), "{lines:?}");
    assert!(lines[1].contains(": 40 forbidden;"), "{lines:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_leaves_no_bare_errors_in_the_log() {
    let mut api = FakeApi::start();
    api.die();
    let mut options = options(&api);
    options.give_up_after = Duration::from_millis(200);
    let lines = work(&options, &[of_pod("shop", 1), of_pod("shop", 2)]).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("on pod shop/web-1: "), "{lines:?}");
    assert!(lines[1].contains(": 2 failed;"), "{lines:?}");
}
