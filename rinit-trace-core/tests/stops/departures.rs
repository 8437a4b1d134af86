//! Why PID 1 left, and what to change about that.

use crate::world::check;

#[test]
fn a_main_child_that_ends_takes_its_init_along() {
    check(
        "
        init   dumb-init cmd=dumb-init,app env= blocks=TERM handles=TERM
        member 7 old sid=7 handles=TERM
        member 8 new sid=7 handles=TERM
        +0     KILL 8 -> 7
        +0.001 exit 7
        +0.002 TERM 1 -> 8
        +0.003 exit 1 code=137
        +0.0031 zap 8
        +0.004 exit 8
        +0.005 end
        => verdict forced
        => stop.trigger main-child-exit
        => stop.signal null
        => cause.id main-child-exited
        => cause.confidence certain
        => cause.summary nobody sent a stop signal to PID 1 (dumb-init), which left because its main child (old) died by SIGKILL; the kernel killed new with the pid namespace
        => findings.1.id killed-inside
        => 7 killed-unsignalled peer
        => 8 killed-handling pidns-teardown
        => lost_cleanup 2
        ",
    );
}

#[test]
fn an_init_of_its_own_that_leaves_after_a_child_is_one_that_exited() {
    check(
        "
        init   app cmd=/app
        member 7 worker
        member 8 other
        +0     exit 7 code=1
        +0.001 exit 1 code=1
        +0.002 zap 8
        +0.003 exit 8
        +0.004 end
        => stop.trigger main-child-exit
        => cause.id init-exited
        => findings 1
        ",
    );
}

/// A thread of PID 1 tears the namespace down while another has not yet shown that PID 1 has ended.
#[test]
fn a_child_that_is_torn_down_before_the_end_of_its_init_shows_did_not_make_it_leave() {
    check(
        "
        init   app cmd=/app threads=2
        member 7 worker
        +0     zap 7
        +0.001 exit 7 killed
        +0.002 exit 1
        +0.003 end
        => stop.trigger init-exit
        => cause.id init-exited
        => 7 killed-unsignalled pidns-teardown
        ",
    );
}

#[test]
fn an_init_of_its_own_that_leaves_after_it_killed_a_child_is_one_that_exited() {
    check(
        "
        init   app cmd=/app
        member 7 worker
        member 8 other
        +0     KILL 1 -> 7
        +0.01  exit 7
        +0.1   exit 1 code=1
        +0.11  zap 8
        +0.12  exit 8
        +0.13  end
        => cause.id init-exited
        => cause.pids 2
        => cause.pids.1 8008
        => findings.1.id killed-inside
        => findings.1.pids.0 8007
        ",
    );
}

/// What it would have done for the others yet nobody knows.
#[test]
fn an_init_that_crashes_during_the_stop_makes_it_likely() {
    for (passes, cause, text) in [
        (
            "",
            "not-forwarded",
            "took SIGTERM and died by SIGSEGV without passing it on; child",
        ),
        (
            "+0.1 TERM 1 -> 8",
            "forwarded-to-child-only",
            "to told alone; child was never signalled and killed with the pid namespace when PID 1 died by SIGSEGV",
        ),
        (
            "+0.1 TERM 1 -> 7,8",
            "init-exited-early",
            "PID 1 (app) died by SIGSEGV after 500 ms; child had been signalled",
        ),
    ] {
        check(&format!(
            "
            init   app handles=TERM
            member 7 child handles=TERM
            member 8 told handles=TERM
            +0     TERM runc -> 1
            {passes}
            +0.3   exit 8
            +0.5   exit 1 SEGV
            +0.55  zap 7
            +0.57  exit 7
            +0.6   end
            => cause.id {cause}
            => cause.confidence likely
            => cause.summary ~ {text}
            => cause.fix.0 ~ find out why PID 1 died by SIGSEGV
            "
        ));
    }
}

#[test]
fn what_to_change_about_an_init_that_left_early_follows_from_who_should_wait() {
    for (init, handlers, fix) in [
        ("app handles=TERM", "handles=TERM", "let PID 1 wait"),
        ("sh handles=TERM", "handles=TERM", "in the trap, `wait`"),
        ("tini waits=TERM", "handles=TERM", "let the main child wait"),
        (
            "app handles=TERM",
            "ignores=TERM",
            "let child react to SIGTERM, which is set to SIG_IGN",
        ),
    ] {
        check(&format!(
            "
            init   {init}
            member 6 main
            member 7 child {handlers}
            +0     TERM runc -> 1
            +0.1   TERM 1 -> 6,7
            +0.3   exit 6
            +0.5   exit 1
            +0.55  zap 7
            +0.57  exit 7
            +0.6   end
            => cause.id init-exited-early
            => cause.confidence certain
            => cause.fix.0 ~ {fix}
            "
        ));
    }
}
