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
fn docker_kill_right_after_the_trace_began_is_likely_one() {
    check(
        "
        trace started=-5s
        init  java handles=TERM age=1h
        +0     KILL runc -> 1
        +0.001 exit 1
        +0.002 end
        => cause.id no-stop-signal
        => cause.confidence likely
        => cause.summary ~ before the trace began
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
        => cause.summary ~ it had been sent one 3.0 h earlier
        => stop.trigger sigkill
        => 1 killed-unsignalled
        => reports 1
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

/// Who was killed while PID 1 still ran is not explained by how PID 1 met the stop signal.
#[test]
fn a_member_that_another_killed_is_no_victim_of_the_missing_handler() {
    check(
        "
        init   sh
        member 7 java handles=TERM
        member 8 worker
        +0     TERM runc -> 1
        +3     KILL 7 -> 8
        +3.01  exit 8
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  zap 7
        +10.3  exit 7
        +10.4  end
        => cause.id init-no-handler
        => cause.pids 2
        => cause.pids.1 8007
        => findings.1.id killed-inside
        => findings.1.pids.0 8008
        ",
    );
    check(
        "
        init   supervisord handles=TERM
        member 7 slow handles=TERM
        member 8 slower handles=TERM
        +0     TERM runc -> 1
        +0.1   TERM 1 -> 7,8
        +5     KILL 1 -> 7
        +5.01  exit 7
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  zap 8
        +10.3  exit 8
        +10.4  end
        => cause.id grace-exceeded
        => cause.summary ~ SIGKILL; slower had SIGTERM handled and was still there
        => cause.pids 2
        ",
    );
    check(
        "
        init   app
        member 7 watchdog
        member 8 worker
        +0     TERM runc -> 1
        +0.01  KILL 7 -> 8
        +0.02  exit 8
        +0.1   oom 1
        +0.2   exit 1
        +0.3   zap 7
        +0.4   exit 7
        +0.5   end
        => cause.id oom
        => cause.summary the OOM killer took PID 1 (app); watchdog ended with it
        => cause.pids 2
        ",
    );
}

#[test]
fn what_to_change_about_a_kill_from_inside_follows_from_who_made_it() {
    for (kill, summary, fix) in [
        (
            "KILL 1 -> 7",
            "worker was sent SIGKILL by PID 1 (app)",
            "stopwaitsecs",
        ),
        (
            "KILL 7 -> 7",
            "worker sent SIGKILL to itself",
            "SIGKILL to itself",
        ),
        (
            "KILL 30 -> 7",
            "worker was sent SIGKILL by bash, of a session that entered from outside",
            "find out why it was killed",
        ),
    ] {
        check(&format!(
            "
            init   app handles=TERM
            member 7 worker handles=TERM
            +0     enter 30 bash
            +1     TERM runc -> 1
            +1.2   {kill}
            +1.3   exit 7
            +1.4   exit 30
            +1.5   exit 1
            +1.6   end
            => cause.id killed-inside
            => cause.summary {summary}
            => cause.fix 1
            => cause.fix.0 ~ {fix}
            "
        ));
    }
}
