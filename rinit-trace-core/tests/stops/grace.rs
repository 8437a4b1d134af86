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
        => cause.confidence likely
        => cause.summary ~ sent SIGKILL; nothing shows that PID 1 was ending
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
            => cause.confidence likely
            => cause.fix.0 ~ end it sooner
            {advice}
            "
        ))
    };
    let with_hook = "
            => cause.summary ~ nothing shows that PID 1 was ending; the container has a preStop hook, whose time counts to the grace period
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

/// A trap without `exit`, a dump, a restart of workers: a handler may mean anything.
#[test]
fn a_handler_that_may_mean_something_else_likely_exceeds_the_grace_period() {
    for (living_on, summary) in [
        ("", "sent SIGKILL; nothing shows that PID 1 was ending"),
        (
            "+3 spawn 8 worker\n+4 exit 8",
            "; PID 1 began worker in that time, and nothing shows that it was ending",
        ),
        // It passed the signal on to a worker, and has another since.
        (
            "+0.001 TERM 1 -> 7\n+0.1 exit 7 code=0\n+0.2 spawn 8 worker handles=TERM\n+0.3 exit 8",
            "; PID 1 began worker in that time, and nothing shows that it was ending",
        ),
        (
            "+0.001 TERM 1 -> 7\n+0.1 spawn 8 worker\n+0.2 exit 8",
            "worker had SIGTERM handled and was still there; PID 1 began worker in that time",
        ),
        // PID 1 need not wait for a member that another process asked.
        (
            "+0.001 TERM host:bash -> 7",
            "was still there; nothing shows that PID 1 was ending",
        ),
    ] {
        let end = if living_on.contains("exit 7") {
            ""
        } else {
            "+10.2 zap 7\n+10.3 exit 7"
        };
        check(&format!(
            "
            init   sh handles=TERM
            member 7 worker handles=TERM
            +0     TERM runc -> 1
            {living_on}
            +10    KILL runc -> 1
            +10.1  exit 1
            {end}
            +10.4  end
            => cause.id grace-exceeded
            => cause.confidence likely
            => cause.summary ~ {summary}
            => cause.fix.2 ~ let it end the program
            "
        ));
    }
}

#[test]
fn an_init_that_waits_for_whom_it_asked_certainly_exceeds_the_grace_period() {
    for (init, member) in [
        ("app handles=TERM", "handles=TERM"),
        ("app handles=TERM", "ignores=TERM"),
        // It leaves with its child, whatever that does.
        ("tini waits=TERM", "blocks=TERM"),
        ("tini waits=TERM", "handles=TERM"),
    ] {
        check(&format!(
            "
            init   {init}
            member 7 worker {member}
            exec   9 sh
            +0     TERM runc -> 1
            +0.001 TERM 1 -> 7
            +1     enter 10 probe
            +10    KILL runc -> 1
            +10.1  exit 1
            +10.2  zap 7 9 10
            +10.3  exit 7
            +10.3  exit 9
            +10.3  exit 10
            +10.4  end
            => cause.id grace-exceeded
            => cause.confidence certain
            => cause.fix 2
            "
        ));
    }
}

/// `dumb-init -r 15:0`
#[test]
fn an_init_that_keeps_the_signal_from_its_child_is_not_on_its_way_to_end() {
    check(
        "
        init   dumb-init waits=TERM handles=TERM
        member 7 worker handles=TERM
        +0     TERM runc -> 1
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  zap 7
        +10.3  exit 7
        +10.4  end
        => cause.id grace-exceeded
        => cause.confidence likely
        => cause.summary ~ nothing shows that PID 1 was ending
        ",
    );
}

/// The program that took it is gone.
#[test]
fn an_init_that_became_another_program_may_have_exceeded_the_grace_period() {
    check(
        "
        init  launcher handles=TERM
        +0     TERM runc -> 1
        +0.001 execs 1 app
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => cause.id startup-window
        => findings.1.id grace-exceeded
        => findings.1.confidence likely
        => findings.1.summary PID 1 (launcher) took SIGTERM, became another program (app, by exec) and had not ended 10.0 s later, when the runtime sent SIGKILL
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
