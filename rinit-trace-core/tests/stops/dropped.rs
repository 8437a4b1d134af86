//! Stop signals that an init drops are told at once, and once.

use std::time::Duration;

use rinit_trace_core::render::dropped_line;

use crate::world::{World, ZERO, check};

/// What was told, and how long after the scenario's begin.
fn told(world: &World) -> Vec<(String, Duration)> {
    let dropped = world.dropped.iter();
    dropped
        .map(|(at, dropped)| (dropped_line(dropped), at.since(ZERO)))
        .collect()
}

#[test]
fn a_dropped_stop_signal_is_told_before_the_grace_period_ends() {
    let world = check(
        "
        init   sh
        names  grace=10s name=web
        +0     TERM runc -> 1
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => reports 1
        ",
    );
    let line = "web: PID 1 (sh, pid 8001) has no SIGTERM handler, so the kernel dropped the one from runc (pid 950)";
    assert_eq!(told(&world), [(line.to_owned(), Duration::ZERO)]);
}

#[test]
fn of_a_shared_namespace_it_is_not_called_pid_one() {
    let world = check(
        "
        container B web pid=20 joins=host ignores=TERM
        +0     TERM runc -> B/20
        => reports 0
        ",
    );
    let told = told(&world);
    let line = "the main process (web, pid 9020) ignores SIGTERM, so the kernel dropped";
    assert!(told[0].0.contains(line), "{told:?}");
}

#[test]
fn an_init_that_ignores_it_is_told_in_other_words() {
    let world = check(
        "
        init   app ignores=INT
        +0     INT host:bash -> 1
        => reports 0
        ",
    );
    let lines = told(&world);
    assert!(
        lines[0].0.contains("(app, pid 8001) ignores SIGINT"),
        "{lines:?}"
    );
    assert!(lines[0].0.contains("from bash (pid 700)"), "{lines:?}");
}

#[test]
fn a_name_that_does_not_come_is_not_waited_for() {
    let world = check(
        "
        init   sh
        names  when=told name=web
        +0     TERM runc -> 1
        +9     names
        => reports 0
        ",
    );
    let lines = told(&world);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].0.starts_with("pidns 4026532281: "), "{lines:?}");
    assert!(lines[0].1 < Duration::from_millis(500), "{lines:?}");
}

#[test]
fn a_signal_that_was_blocked_for_a_moment_is_told_when_it_is_dropped() {
    let world = check(
        "
        init   sh blocks=TERM
        +0     TERM runc -> 1
        +0.1   drops 1 TERM
        => reports 0
        ",
    );
    assert_eq!(told(&world)[0].1, Duration::from_millis(100));
}

#[test]
fn a_signal_that_is_repeated_is_told_once_a_stop() {
    let world = check(
        "
        init   sh
        +0     TERM runc -> 1
        +2     TERM runc -> 1
        +10m   TERM runc -> 1
        => reports 0
        ",
    );
    let times: Vec<Duration> = told(&world).into_iter().map(|(_, at)| at).collect();
    assert_eq!(times, [Duration::ZERO, Duration::from_mins(10)]);
}

/// From inside it is nobody's stop; to who handles it, or to a member, it is no news.
#[test]
fn other_signals_are_not_told() {
    let world = check(
        "
        init   app handles=TERM
        member 7 sh
        member 8 deaf ignores=TERM
        +0     KILL 7 -> 1
        +1     INT 7 -> 1
        +2     TERM runc -> 1
        +2.1   TERM 1 -> 8
        +3     WINCH runc -> 1
        +3     exit 1
        +3.1   TERM runc -> 1
        +3.2   zap 7 8
        +3.3   exit 7
        +3.3   exit 8
        +3.4   end
        => reports 1
        ",
    );
    assert_eq!(told(&world), []);
}

/// httpd's is WINCH, haproxy's USR1: told as soon as somebody says so, and not when it is none.
#[test]
fn an_unusual_stop_signal_that_is_dropped_is_told_when_it_is_known_to_be_one() {
    for (names, is_told) in [
        ("stop=WINCH", true),
        ("stop=unknown", true),
        ("stop=TERM", false),
    ] {
        for when in ["", "when=told"] {
            let world = check(&format!(
                "
                init   httpd
                names  {names} {when}
                +0     WINCH runc -> 1
                +0.2   names
                +10    KILL runc -> 1
                +10.1  exit 1
                +10.2  end
                => reports 1
                "
            ));
            let told = told(&world);
            assert_eq!(told.len(), usize::from(is_told), "{names} {when}: {told:?}");
            let is_late = told
                .first()
                .is_some_and(|(_, at)| *at > Duration::from_millis(200));
            assert!(!is_late, "{told:?}");
        }
    }
}
