//! One scenario and more for each cause that the diagnosis knows, and for what each is not.

use crate::world::check;

#[test]
fn a_shell_without_trap_is_killed_after_the_grace_period() {
    check(
        "
        init   sh cmd=/bin/sh,-c,java
        names  grace=10s name=web
        member 7 java handles=TERM parent=1
        +0       TERM  runc -> 1 ignored default
        +10.002  KILL  runc -> 1
        +10.0022 exit  1 killed
        +10.0023 zap   7
        +10.0025 exit  7 killed
        +10.0027 end
        => verdict forced
        => cause.id init-no-handler
        => cause.confidence certain
        => cause.summary PID 1 (sh) has no SIGTERM handler, so the kernel dropped the signal; the runtime waited 10.0 s and sent SIGKILL
        => cause.pids.0 8001
        => findings 1
        => workload.init.kind shell
        => workload.name web
        => workload.init.cmdline 3
        => stop.trigger stop-signal
        => stop.signal SIGTERM
        => stop.result ignored
        => stop.taken false
        => stop.sender.comm runc
        => stop.sender.parent_comm containerd-shim
        => stop.sender.inside false
        => stop.kill.at_ms 10002
        => stop.grace_ms 10000
        => stop.grace_source docker
        => stop.grace_used_ms 10002
        => duration_ms 10002.7
        => lost_cleanup 1
        => 1 killed-ignoring runtime init
        => 1.stop_signal.disposition default
        => 1.stop_signal.received 1
        => 7 killed-unsignalled pidns-teardown member
        => 7.stop_signal.received 0
        => 7.stop_signal.taken null
        => 7.stop_signal.disposition null
        => 7.stop_signal.disposition_at_end handled
        => 7.exit.at_ms 10002.5
        => 7.exit.signal SIGKILL
        => signals 3
        => signals.2.origin pidns-teardown
        ",
    );
}

#[test]
fn a_shell_with_a_trap_that_waits_stops_gracefully() {
    check(
        "
        init   sh handles=TERM
        member 7 java handles=TERM
        +0     TERM runc -> 1
        +0.01  TERM 1 -> 7
        +0.4   exit 7 code=143
        +0.41  exit 1 code=143
        +0.411 end
        => verdict graceful
        => cause null
        => findings.0.id forwarded
        => lost_cleanup 0
        => stop.taken true
        => stop.kill null
        => stop.grace_used_ms 410
        => 1 exited init
        => 1.exit.code 143
        => 7 exited member
        => 7.killed_by null
        => 7.stop_signal.taken true
        => 7.stop_signal.from 8001
        => 7.stop_signal.first_at_ms 10
        ",
    );
}

#[test]
fn an_init_that_ignores_the_signal_is_not_one_without_a_handler() {
    check(
        "
        init app ignores=TERM
        +0     TERM runc -> 1
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.11 end
        => cause.id init-ignores-signal
        => cause.confidence certain
        => cause.summary ~ PID 1 (app) ignores SIGTERM (SIG_IGN)
        => 1 killed-ignoring
        => 1.stop_signal.disposition ignored
        => lost_cleanup 0
        ",
    );
    check(
        "
        init app ignores=TERM
        +0     TERM runc -> 1
        +1     now 1 ignores= handles=TERM
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.11 end
        => cause.id init-ignores-signal
        => cause.summary ~ PID 1 (app) ignored SIGTERM (SIG_IGN) when it came, so
        => lost_cleanup 1
        ",
    );
}

#[test]
fn an_init_of_its_own_that_leaves_its_children_behind() {
    check(
        "
        init   npm
        member 7 node handles=TERM
        +0     exit 1 code=0
        +0.001 zap 7
        +0.002 exit 7
        +0.003 end
        => verdict forced
        => cause.id init-exited
        => cause.confidence certain
        => stop.trigger init-exit
        => stop.signal null
        => stop.result null
        => stop.taken null
        => stop.grace_used_ms null
        => stop.kill null
        => lost_cleanup 1
        => 7 killed-unsignalled pidns-teardown
        ",
    );
}

#[test]
fn tini_that_leaves_because_its_main_child_ended_is_not_an_init_that_exited() {
    check(
        "
        init   tini blocks=TERM waits=TERM
        member 6 nginx
        member 7 worker
        +0     exit 6 code=1
        +0.001 exit 1 code=1
        +0.002 zap 7
        +0.003 exit 7
        +0.004 end
        => verdict forced
        => stop.trigger main-child-exit
        => cause.id main-child-exited
        => started_at 1970-01-12T13:46:40Z
        => 6 exited member
        => 7 killed-unsignalled
        ",
    );
}

#[test]
fn a_main_child_that_was_killed_makes_the_stop_forced() {
    check(
        "
        init   tini blocks=TERM waits=TERM
        member 6 nginx
        +0     KILL 6 -> 6
        +0.001 exit 6
        +0.002 exit 1 code=137
        +0.003 end
        => verdict forced
        => stop.trigger main-child-exit
        => cause.id main-child-exited
        => 6 killed-unsignalled member self
        => 1 exited
        ",
    );
}

#[test]
fn a_signal_that_is_not_passed_on_loses_a_cleanup() {
    check(
        "
        init   sh handles=TERM
        member 7 java handles=TERM
        member 8 logger
        +0     TERM runc -> 1
        +0.010 exit 1 code=0
        +0.011 zap 7 8
        +0.012 exit 7
        +0.013 exit 8
        +0.014 end
        => verdict forced
        => cause.id not-forwarded
        => cause.confidence certain
        => lost_cleanup 1
        => stop.grace_used_ms 13
        => 7 killed-unsignalled pidns-teardown
        ",
    );
}

#[test]
fn a_signal_passed_on_to_one_child_only_is_not_one_that_was_not_passed_on() {
    check(
        "
        init   tini blocks=TERM waits=TERM
        member 6 bash
        member 7 java handles=TERM
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 6
        +0.002 exit 6
        +0.003 exit 1 code=143
        +0.004 zap 7
        +0.005 exit 7
        +0.006 end
        => verdict forced
        => cause.id forwarded-to-child-only
        => 6 terminated
        => 6.exit.signal SIGTERM
        => 6.stop_signal.taken true
        => 7 killed-unsignalled
        => lost_cleanup 1
        ",
    );
}

#[test]
fn a_handler_that_came_after_the_signal_is_no_missing_handler() {
    check(
        "
        init  node age=1s
        +0     TERM runc -> 1
        +0.5   now 1 handles=TERM
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => verdict forced
        => stop.result ignored
        => cause.id startup-window
        => 1.stop_signal.disposition default
        => 1.stop_signal.disposition_at_end handled
        => 1 killed-ignoring
        => lost_cleanup 1
        ",
    );
}

#[test]
fn an_exec_after_the_signal_is_no_missing_handler() {
    check(
        "
        init  sh age=1s
        +0     TERM runc -> 1
        +0.5   execs 1 server
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => verdict forced
        => cause.id startup-window
        => workload.init.comm server
        ",
    );
}

#[test]
fn an_init_that_waits_for_signals_by_then_is_no_missing_handler() {
    check(
        "
        init  tini age=1s
        +0     TERM runc -> 1
        +0.1   now 1 waits=TERM
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => cause.id startup-window
        => 1.stop_signal.disposition_at_end blocked
        ",
    );
}

/// The C library blocks all signals, 32 among them, while it starts a thread: that says nothing of what the program waits
/// for.
#[test]
fn an_init_that_starts_a_thread_at_its_end_has_not_become_ready() {
    for (handles, cause) in [("QUIT", "wrong-stop-signal"), ("", "init-no-handler")] {
        check(&format!(
            "
            init  app age=1s handles={handles}
            +0     TERM runc -> 1
            +0.1   now 1 blocks=TERM,QUIT,INT,32,33
            +10    KILL runc -> 1
            +10.1  exit 1
            +10.2  end
            => cause.id {cause}
            => cause.confidence likely
            => 1.stop_signal.disposition_at_end blocked
            "
        ));
    }
}

#[test]
fn a_workload_that_ends_by_itself_is_a_graceful_report() {
    check(
        "
        init  job
        +0     exit 1 code=3
        +0.001 end
        => verdict graceful
        => stop.trigger init-exit
        => cause null
        => lost_cleanup 0
        => 1 exited
        => 1.exit.code 3
        ",
    );
}

#[test]
fn a_docker_stop_reaches_the_main_child_of_docker_init_and_nobody_else() {
    // kernel-facts "Real sequences": `docker stop` with --init.
    check(
        "
        init   docker-init cmd=/sbin/docker-init,--,sh blocks=TERM waits=TERM
        member 7 sh parent=1
        member 8 sleep parent=7
        +0      TERM runc -> 1
        +0.001  TERM 1 -> 7
        +0.002  exit 7
        +0.094  exit 1 code=143
        +0.0942 zap 8
        +0.0950 exit 8
        +0.0960 end
        => verdict forced
        => workload.init.kind docker-init
        => 1.stop_signal.disposition waited
        => 1 exited
        => 7 terminated
        => 8 killed-unsignalled
        => lost_cleanup 0
        => duration_ms 96
        ",
    );
}

/// No shell catches QUIT on its own: its script did.
#[test]
fn a_trap_for_another_stop_signal_is_a_handler_of_a_shell() {
    for (handles, cause) in [
        ("INT,QUIT", "wrong-stop-signal"),
        ("INT,RTMIN+3", "wrong-stop-signal"),
        ("INT", "init-no-handler"),
        ("INT,WINCH", "init-no-handler"),
    ] {
        check(&format!(
            "
            init  bash handles={handles}
            +0    TERM runc -> 1
            +10   KILL runc -> 1
            +10.1 exit 1
            +10.2 end
            => cause.id {cause}
            "
        ));
    }
}

#[test]
fn a_shell_ignores_quit_on_its_own_and_a_trap_cures_it() {
    check(
        "
        init  bash handles=INT ignores=QUIT
        names stop=QUIT
        +0    QUIT runc -> 1
        +10   KILL runc -> 1
        +10.1 exit 1
        +10.2 end
        => cause.id init-ignores-signal
        => cause.summary ~ (SIG_IGN, as some shells do without a trap)
        => cause.fix.1 ~ QUIT` in the script
        ",
    );
}
