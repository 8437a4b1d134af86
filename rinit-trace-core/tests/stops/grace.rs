//! PID 1 took the stop signal and had not ended when the runtime's patience was over.

use crate::world::check;

#[test]
fn a_slow_init_exceeds_the_grace_period() {
    check(
        "
        init java handles=TERM
        names grace=120s
        +0      TERM runc -> 1
        +120.05 KILL runc -> 1
        +120.1  exit 1
        +120.2  end
        => cause.id grace-exceeded
        => cause.confidence certain
        => stop.trigger stop-signal
        => stop.grace_used_ms 120050
        => stop.taken true
        => lost_cleanup 1
        => 1 killed-handling runtime
        => 1.stop_signal.disposition handled
        ",
    );
}

/// The hook takes a part of the grace period, and nothing shows how much of it.
#[test]
fn a_hook_before_the_stop_is_named_where_the_grace_period_is_exceeded() {
    let scenario = |names: &str, advice: &str| {
        check(&format!(
            "
            init  java handles=TERM
            names grace=30s {names}
            +0    TERM runc -> 1
            +5    KILL runc -> 1
            +5.1  exit 1
            +5.2  end
            => cause.id grace-exceeded
            => cause.confidence certain
            => cause.fix.0 ~ end it sooner
            {advice}
            "
        ))
    };
    let with_hook = "
            => cause.summary ~ sent SIGKILL; the container has a preStop hook, whose time counts to the grace period
            => cause.fix.1 ~ make the preStop hook shorter
            => cause.fix.2 ~ give it more time";
    scenario("pre-stop=yes", with_hook);
    scenario("", "=> cause.fix.1 ~ give it more time");
}

/// A hook explains no kill of an init that the signal does nothing to.
#[test]
fn a_hook_before_the_stop_is_not_named_where_the_signal_was_dropped() {
    let world = check(
        "
        init  sh
        names grace=30s pre-stop=yes
        +0    TERM runc -> 1
        +5    KILL runc -> 1
        +5.1  exit 1
        +5.2  end
        => cause.id init-no-handler
        ",
    );
    let report = format!("{:?}", world.reports[0]);
    assert!(!report.contains("preStop"), "{report}");
}

/// The program that took it is gone.
#[test]
fn an_init_that_became_another_program_likely_exceeds_the_grace_period() {
    check(
        "
        init  launcher handles=TERM
        +0     TERM runc -> 1
        +0.001 execs 1 app
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => cause.id grace-exceeded
        => cause.confidence likely
        => cause.summary PID 1 (app) took SIGTERM, became another program (exec) and had not ended 10.0 s later, when the runtime sent SIGKILL
        ",
    );
}

#[test]
fn an_init_whose_taking_is_not_recorded_likely_exceeds_the_grace_period_when_it_is_one_that_waits()
{
    for (init, cause) in [("tini", "grace-exceeded"), ("app", "unexplained")] {
        check(&format!(
            "
            trace  deliveries=no
            init   {init} waits=TERM
            member 7 deaf ignores=TERM
            +0     TERM runc -> 1
            +0.01  TERM 1 -> 7
            +10    KILL runc -> 1
            +10.1  exit 1
            +10.2  zap 7
            +10.3  exit 7
            +10.4  end
            => stop.taken null
            => cause.id {cause}
            "
        ));
    }
}

#[test]
fn an_init_that_waits_for_a_deaf_child_exceeds_the_grace_period() {
    check(
        "
        init   tini blocks=TERM waits=TERM
        member 7 worker ignores=TERM
        +0      TERM runc -> 1
        +0.001  TERM 1 -> 7
        +10     KILL runc -> 1
        +10.001 exit 1
        +10.002 zap 7
        +10.003 exit 7
        +10.004 end
        => cause.id grace-exceeded
        => cause.summary ~ worker had SIGTERM ignored (SIG_IGN) and was still there
        => 7 killed-ignoring pidns-teardown
        => lost_cleanup 0
        ",
    );
}

/// A shell's child takes the signal in the handler that it has from the shell, and is `sleep` only then.
#[test]
fn a_member_that_took_the_signal_as_another_program_had_no_handler() {
    check(
        "
        init   sh handles=TERM
        member 7 sh handles=TERM
        +0      TERM runc -> 1
        +0.001  TERM 1 -> 7
        +0.002  execs 7 sleep
        +10     KILL runc -> 1
        +10.001 exit 1
        +10.002 zap 7
        +10.003 exit 7
        +10.004 end
        => cause.id grace-exceeded
        => cause.summary ~ sleep took SIGTERM before it became another program (exec) or reset its handler, and was
        => 7 killed-handling pidns-teardown
        => lost_cleanup 1
        ",
    );
}
