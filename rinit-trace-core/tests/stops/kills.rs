//! Who SIGKILLs an init: a runtime without a stop signal, an operator, the OOM killer.

use crate::world::check;

#[test]
fn docker_kill_sends_no_stop_signal() {
    check(
        "
        init   java handles=TERM
        +0     KILL runc -> 1
        +0.001 exit 1
        +0.002 end
        => verdict forced
        => cause.id no-stop-signal
        => cause.confidence certain
        => stop.trigger sigkill
        => stop.kill.at_ms 0
        => stop.kill.sender.comm runc
        => stop.signal null
        => stop.result null
        => stop.taken null
        => stop.grace_used_ms null
        => lost_cleanup 1
        => 1 killed-unsignalled runtime
        ",
    );
}

#[test]
fn what_led_to_a_kill_right_after_the_trace_began_is_not_known() {
    check(
        "
        trace started=-5s
        init  java handles=TERM age=1h
        +0     KILL runc -> 1
        +0.001 exit 1
        +0.002 end
        => verdict forced
        => cause.id unexplained
        => cause.summary ~ may have begun before the trace
        => cause.fix.0 null
        ",
    );
}

#[test]
fn docker_kill_of_a_container_younger_than_the_trace_is_certain() {
    check(
        "
        trace started=-5s
        init  java handles=TERM age=3s
        +0     KILL runc -> 1
        +0.001 exit 1
        +0.002 end
        => cause.id no-stop-signal
        => cause.confidence certain
        ",
    );
}

#[test]
fn a_stop_signal_taken_hours_before_a_docker_kill_makes_it_likely() {
    check(
        "
        init  java handles=TERM
        +0        TERM runc -> 1
        +3h       KILL runc -> 1
        +3h+0.001 exit 1
        +3h+0.002 end
        => cause.id no-stop-signal
        => cause.confidence likely
        => cause.summary ~ ; PID 1 had been sent SIGTERM 3.0 h earlier
        => stop.trigger sigkill
        => 1 killed-unsignalled
        => reports 1
        ",
    );
}

/// haproxy's images say USR1 and httpd's WINCH; without a socket nobody tells which.
#[test]
fn a_signal_of_the_runtime_is_taken_for_the_stop_signal_where_that_is_not_known() {
    for (names, signal, cause, confidence) in [
        ("stop=unknown", "USR1", "grace-exceeded", "likely"),
        ("stop=unknown name=web", "WINCH", "grace-exceeded", "likely"),
        ("stop=QUIT", "USR1", "no-stop-signal", "certain"),
        (
            "stop=unknown grace=10s",
            "USR1",
            "no-stop-signal",
            "certain",
        ),
    ] {
        let world = check(&format!(
            "
            init  app handles=USR1,WINCH,TERM
            names {names}
            +0     {signal} runc -> 1
            +10    KILL runc -> 1
            +10.1  exit 1
            +10.2  end
            => cause.id {cause}
            => cause.confidence {confidence}
            "
        ));
        if cause == "grace-exceeded" {
            let report = &world.reports[0];
            let cause = report.cause.as_ref().unwrap();
            assert!(
                cause.summary.contains("taken for the stop signal"),
                "{cause:?}"
            );
            assert_eq!(report.lost_cleanup, Some(1));
        }
    }
}

/// httpd without a handler, which no default action of WINCH ends; haproxy with one.
#[test]
fn a_signal_that_is_taken_for_the_stop_signal_may_be_dropped_or_handled() {
    check(
        "
        init   httpd
        names  stop=unknown
        +0     WINCH runc -> 1
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => stop.signal SIGWINCH
        => stop.result ignored
        => cause.id init-no-handler
        => cause.confidence likely
        ",
    );
    check(
        "
        init   haproxy handles=USR1
        names  stop=unknown
        member 7 worker
        +0     USR1 runc -> 1
        +3     exit 1 code=0
        +3.1   zap 7
        +3.2   exit 7
        +3.4   end
        => stop.trigger stop-signal
        => cause.id not-forwarded
        => cause.confidence likely
        ",
    );
}

#[test]
fn that_there_was_no_stop_signal_is_likely_where_it_is_not_known() {
    check(
        "
        init   app
        names  stop=unknown
        +0     KILL runc -> 1
        +0.1   exit 1
        +0.4   end
        => cause.id no-stop-signal
        => cause.confidence likely
        ",
    );
    // Somebody else's reload.
    check(
        "
        init   app handles=USR1
        +0     USR1 host:bash -> 1
        +3     KILL runc -> 1
        +3.1   exit 1
        +3.4   end
        => cause.id no-stop-signal
        => cause.confidence certain
        ",
    );
}

/// Too long ago to be counted, and yet it may be why PID 1 ended.
#[test]
fn a_stop_signal_taken_long_before_an_end_makes_its_cause_likely() {
    for (begin, cause, text) in [
        ("init app handles=TERM", "init-exited", "app"),
        (
            "init tini waits=TERM",
            "main-child-exited",
            "PID 1 (tini) left because its main child (main) exited",
        ),
    ] {
        check(&format!(
            "
            {begin}
            member 7 main
            member 8 child
            +0     TERM runc -> 1
            +90    exit 7
            +90.01 exit 1
            +90.1  zap 8
            +90.2  exit 8
            +90.3  end
            => cause.id {cause}
            => cause.confidence likely
            => cause.summary ~ {text}
            => findings 1
            "
        ));
    }
    // Dropped, it cannot be.
    check(
        "
        init   sh
        member 8 child
        +0     TERM runc -> 1
        +90.01 exit 1
        +90.1  zap 8
        +90.2  exit 8
        +90.3  end
        => cause.id init-exited
        => cause.confidence certain
        ",
    );
}

#[test]
fn an_operator_who_kills_after_a_dropped_signal_is_not_the_runtime() {
    check(
        "
        init  sh
        +0     TERM runc -> 1
        +4     KILL host:bash -> 1
        +4.1   exit 1
        +4.2   end
        => verdict forced
        => stop.trigger stop-signal
        => stop.kill.sender.comm bash
        => cause.id killed-outside
        => 1 killed-ignoring external
        ",
    );
}

#[test]
fn a_runtime_is_known_by_its_place_in_the_process_tree() {
    for sender in ["kid:oci-thing", "parent:my-runtime", "shim", "host:crun"] {
        check(&format!(
            "
            init  sh
            +0     TERM {sender} -> 1
            +4     KILL {sender} -> 1
            +4.1   exit 1
            +4.2   end
            => cause.id init-no-handler
            => 1 killed-ignoring runtime
            "
        ));
    }
}

#[test]
fn the_oom_killer_that_takes_the_init_is_the_trigger() {
    check(
        "
        init   java handles=TERM
        member 7 helper
        +0     oom 1
        +0.01  exit 1
        +0.011 zap 7
        +0.012 exit 7
        +0.013 end
        => verdict forced
        => stop.trigger oom
        => 1 oom-killed oom init
        => 7 killed-unsignalled pidns-teardown
        => cause.id oom
        ",
    );
}

#[test]
fn the_mark_of_the_oom_killer_is_enough_without_the_exit() {
    check(
        "
        init   java
        +0     oom 1
        +0.5   lost 1
        +0.6   end
        => verdict forced
        => stop.trigger oom
        => 1 oom-killed oom
        ",
    );
}

#[test]
fn a_signal_from_inside_that_a_shell_dropped_late_begins_no_stop() {
    check(
        "
        init  sh blocks=TERM
        member 7 sh parent=1
        +0      TERM  7 -> 1
        +0.0001 drops 1 TERM
        +5      KILL  runc -> 1
        +5.1    exit  1
        +5.2    zap   7
        +5.3    exit  7
        +5.4    end
        => stop.trigger sigkill
        => stop.signal null
        => cause.id no-stop-signal
        ",
    );
}

#[test]
fn a_shell_that_forks_when_sigkill_comes_does_not_wait_for_signals() {
    check(
        "
        init  sh cmd=/bin/sh,-c,x
        +0      TERM  runc -> 1 ignored default
        +9.9999 now 1 blocks=TERM
        +10     KILL  runc -> 1
        +10.1   exit  1
        +10.2   end
        => 1.stop_signal.disposition_at_end blocked
        => cause.id init-no-handler
        ",
    );
    check(
        "
        init  app cmd=/app
        +0      TERM  runc -> 1 ignored default
        +9.9999 now 1 blocks=TERM
        +10     KILL  runc -> 1
        +10.1   exit  1
        +10.2   end
        => cause.id startup-window
        => cause.confidence likely
        ",
    );
}
