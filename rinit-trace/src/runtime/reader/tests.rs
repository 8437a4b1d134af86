use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

const FEW: Bounds = Bounds {
    threads: 1,
    most: 3,
    queue: 2,
    time: Duration::from_secs(1),
};
/// For reads that do not hang.
const PATIENT: Bounds = Bounds {
    time: Duration::from_mins(1),
    ..FEW
};

fn id(pid: u32) -> ProcessId {
    ProcessId {
        pid,
        start_ticks: u64::from(pid) * 100,
    }
}

/// A read that comes back when the sender goes.
fn hanging() -> (Sender<()>, impl FnOnce() + Send + 'static) {
    let (release, wait) = channel::<()>();
    (release, move || {
        let _ = wait.recv();
    })
}

/// Waits until it is so; panics after a minute.
fn until(what: &str, mut look: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !look() {
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        thread::yield_now();
    }
}

/// A read that is under way until the sender goes.
fn begun(reader: &Arc<Reader>, of: Option<ProcessId>) -> Sender<()> {
    let (tell, told) = channel();
    let (release, wait) = hanging();
    let read = move || {
        let _ = tell.send(());
        wait();
    };
    reader.offer(of, read, |()| ());
    told.recv().unwrap();
    release
}

fn soon() -> Deadline {
    Deadline::now() + Duration::from_millis(60)
}

#[test]
fn one_that_hangs_costs_a_thread_and_is_not_asked_again() {
    let reader = Reader::new("test", FEW);
    let (release, read) = hanging();
    assert_eq!(reader.ask(Some(id(7)), read), None);
    assert_eq!(reader.ask(Some(id(7)), || 1), None);
    assert_eq!(reader.ask(Some(id(8)), || 2), Some(2));
    reader.offer(Some(id(7)), || (), |()| unreachable!("it is not read"));
    let stats = reader.stats();
    assert_eq!((stats.hung, stats.hanging, stats.avoided), (1, 1, 2));
    // Who has the pid next is another process.
    let next = ProcessId {
        pid: 7,
        start_ticks: 701,
    };
    assert_eq!(reader.ask(Some(next), || 3), Some(3));
    drop(release);
    until("it comes back", || reader.stats().hanging == 0);
    assert_eq!(reader.ask(Some(id(7)), || 1), None, "it may hang again");
}

#[test]
fn when_every_thread_hangs_nobody_waits() {
    let reader = Reader::new("test", FEW);
    let mut releases = Vec::new();
    for pid in 1..=3 {
        let (release, read) = hanging();
        assert_eq!(reader.ask(Some(id(pid)), read), None);
        releases.push(release);
    }
    assert_eq!(reader.stats().hanging, 3);
    assert_eq!(reader.ask(Some(id(4)), || 4), None);
    assert_eq!(reader.stats().refused, 1);
    releases.clear();
    until("they come back", || reader.stats().hanging == 0);
    assert_eq!(reader.ask(Some(id(4)), || 4), Some(4));
    until("the others have ended", || reader.lock().threads <= 1);
}

#[test]
fn what_waits_behind_one_that_hangs_is_read_all_the_same() {
    let reader = Reader::new("test", FEW);
    let release = begun(&reader, Some(id(1)));
    assert_eq!(reader.ask(Some(id(2)), || 2), Some(2));
    drop(release);
}

#[test]
fn a_process_is_read_by_one_thread_at_a_time_and_once_more_when_it_has_changed() {
    let bounds = Bounds {
        threads: 2,
        ..PATIENT
    };
    let reader = Reader::new("test", bounds);
    let release = begun(&reader, Some(id(1)));
    let (tell, told) = channel();
    for exec in 0..3 {
        let tell: Sender<i32> = tell.clone();
        reader.offer(
            Some(id(1)),
            move || exec,
            move |exec| tell.send(exec).unwrap(),
        );
    }
    assert_eq!(
        reader.ask(Some(id(2)), || 2),
        Some(2),
        "others are read meanwhile"
    );
    assert!(told.try_recv().is_err(), "not yet");
    drop((release, tell));
    let read: Vec<i32> = told.iter().collect();
    assert_eq!(read, [0], "what waits is read when its turn comes");
}

#[test]
fn what_nobody_waits_for_is_bounded_and_yields() {
    let reader = Reader::new("test", PATIENT);
    let release = begun(&reader, Some(id(1)));
    let (tell, told): (Sender<u32>, Receiver<u32>) = channel();
    for pid in 2..=5 {
        let tell = tell.clone();
        reader.offer(
            Some(id(pid)),
            move || pid,
            move |pid| tell.send(pid).unwrap(),
        );
    }
    assert_eq!(reader.stats().refused, 2);
    let asking = {
        let reader = Arc::clone(&reader);
        thread::spawn(move || reader.ask(Some(id(6)), move || tell.send(6).unwrap()))
    };
    until("it is asked", || reader.lock().waiting.len() == 3);
    drop(release);
    asking.join().unwrap();
    assert_eq!(told.iter().collect::<Vec<_>>(), [6, 2, 3]);
}

#[test]
fn a_read_that_panics_costs_nothing() {
    let reader = Reader::new("test", PATIENT);
    let read = || -> u32 { std::panic::resume_unwind(Box::new(())) };
    assert_eq!(reader.ask(Some(id(1)), read), None);
    assert_eq!(reader.ask(Some(id(1)), || 1), Some(1));
    assert_eq!(reader.lock().threads, 1);
}

#[tokio::test]
async fn an_answer_is_waited_for_until_the_deadline() {
    let reader = Reader::new("test", PATIENT);
    let (release, read) = hanging();
    let late = reader.read(Some(id(1)), soon(), read).await;
    assert_eq!(late, Err(Unread::TimedOut));
    let busy = reader.read(Some(id(2)), soon(), || ()).await;
    assert_eq!(busy, Err(Unread::Refused));
    drop(release);
    let patient = Deadline::now() + Duration::from_mins(1);
    assert_eq!(reader.read(Some(id(2)), patient, || 7).await, Ok(7));
}

#[test]
fn those_that_hung_are_remembered_within_bounds() {
    let mut state = State::default();
    let max = u32::try_from(MAX_HUNG).unwrap();
    for pid in 0..=max {
        state.remember(id(pid));
    }
    assert_eq!(
        (state.hung.len(), state.hung_order.len()),
        (MAX_HUNG, MAX_HUNG)
    );
    assert!(!state.hung.contains(&id(0)));
    assert!(state.hung.contains(&id(max)));
}
