//! Stops of which not everything was seen: lost records, late names, hanging processes, a trace
//! that began in the middle, records in a different order.

use crate::world::{ZERO, check};

/// `docker stop` of a polite server.
const POLITE: &str = "
    init   app handles=TERM
    +0     TERM runc -> 1
    +1     exit 1 code=0
    +1.001 end
    ";

#[test]
fn a_loss_of_this_namespace_makes_a_graceful_stop_unknown() {
    let text = POLITE.replace("+1     ", "+0.5 lost 2\n+1 ");
    check(
        &(text
            + "=> verdict unknown\n=> observation.lost_records 2\n=> lost_cleanup null\n=> cause null"),
    );
}

#[test]
fn a_loss_makes_a_cause_likely_and_a_forced_stop_stays_forced() {
    check(
        "
        init  sh
        +0     TERM runc -> 1
        +5     lost 1
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => verdict forced
        => cause.id init-no-handler
        => cause.confidence likely
        => lost_cleanup null
        ",
    );
}

#[test]
fn a_loss_of_another_namespace_is_no_matter() {
    let text = POLITE.replace("+1     ", "+0.5 lost 2 B\n+1 ");
    check(&format!(
        "init B other\n{text}\n=> verdict graceful\n=> observation.lost_records 0"
    ));
}

#[test]
fn a_loss_that_nobody_can_place_concerns_everybody() {
    let text = POLITE.replace("+1     ", "+0.5 lost 2 unknown\n+1 ");
    check(&(text + "=> verdict unknown"));
}

#[test]
fn a_loss_before_the_first_record_of_a_namespace_is_remembered() {
    let text = POLITE.replace("+0     ", "+0 lost 1\n+0.1 ");
    check(&(text + "=> verdict unknown\n=> observation.lost_records 1"));
}

#[test]
fn a_loss_that_nobody_can_place_concerns_who_is_heard_of_later() {
    // It is told before the records that were read with it.
    let text = POLITE.replace("+0     ", "+0 lost 1 unknown\n+0.1 ");
    check(&(text + "=> verdict unknown\n=> observation.lost_records 1"));
}

#[test]
fn a_loss_is_not_older_for_one_shortly_before() {
    // Within a minute one may be of what began the stop.
    let text = POLITE.replace("+0     ", "+0 known\n+1 lost 1\n+1.9 lost 1\n+61.5 ");
    let text = text
        .replace("+1     exit", "+61.6 exit")
        .replace("+1.001", "+61.7");
    check(&(text + "=> verdict unknown"));
}

#[test]
fn a_loss_long_before_the_stop_is_no_matter() {
    check(
        "
        init   app handles=TERM
        +0     known
        +1     lost 5
        +1h     TERM runc -> 1
        +1h+1   exit 1 code=0
        +1h+1.1 end
        => verdict graceful
        => observation.lost_records 0
        ",
    );
}

#[test]
fn a_stop_whose_inits_exit_was_lost_closes_as_unknown() {
    check(
        "
        init   app handles=TERM
        +0     TERM runc -> 1
        +1     lost 1
        +1.001 end
        => reports 1
        => verdict unknown
        => stop.trigger stop-signal
        => 1.exit null
        ",
    );
    check(
        "
        init   app
        +0     known
        +1     lost 1
        +1.001 end
        => reports 1
        => verdict unknown
        ",
    );
}

#[test]
fn a_kill_whose_exit_was_lost_is_still_a_kill() {
    check(
        "
        init   app handles=TERM
        member 7 worker
        +0     TERM runc -> 1
        +1     exit 1 code=0
        +1.01  zap 7
        +1.02  lost 1
        +1.03  end
        => verdict forced
        => 7 killed-unsignalled pidns-teardown
        => 7.exit null
        => stop.grace_used_ms null
        ",
    );
}

#[test]
fn a_process_that_hangs_is_alive_when_the_report_closes_after_thirty_seconds() {
    let world = check(
        "
        init   app handles=TERM
        member 7 nfs
        +0     TERM runc -> 1
        +1     exit 1 code=0
        +1.001 zap 7
        => verdict unknown
        => lost_cleanup null
        => 7 alive member
        => 7.killed_by null
        => 7.exit null
        => duration_ms 31001
        => stop.grace_used_ms null
        => cause null
        ",
    );
    assert_eq!(world.closed_at[0].since(ZERO).as_millis(), 31_001);
}

#[test]
fn a_stop_is_forced_when_another_was_killed_beside_the_hanging_one() {
    check(
        "
        init   app handles=TERM
        member 7 nfs
        member 8 worker
        +0     TERM runc -> 1
        +1     exit 1 code=0
        +1.001 zap 7 8
        +1.002 exit 8
        => verdict forced
        => 7 alive
        => 8 killed-unsignalled
        => cause.id not-forwarded
        ",
    );
}

#[test]
fn a_runtime_that_keeps_killing_does_not_keep_the_report_open() {
    let mut text = "
        init   app handles=TERM
        member 7 nfs
        +0     TERM runc -> 1
        +1     exit 1 code=0
        +1.001 zap 7
        "
    .to_owned();
    for again in 1..60 {
        text += &format!("+{again}0 KILL runc -> 1,7\n");
    }
    let world = check(&(text + "=> reports 1\n=> 7 alive"));
    assert_eq!(world.closed_at[0].since(ZERO).as_millis(), 31_001);
}

#[test]
fn an_init_that_hangs_after_its_sigkill_is_reported_once() {
    check(
        "
        init   app
        +0     TERM runc -> 1
        +10    KILL runc -> 1
        +10m   exit 1 killed
        +10m+1 end
        => reports 1
        => verdict unknown
        => 1 alive
        => stop.kill.at_ms 10000
        ",
    );
}

#[test]
fn without_an_end_record_the_stop_closes_soon_after_the_last_exit() {
    let world = check(
        "
        init   app handles=TERM
        member 7 worker
        +0     TERM runc -> 1
        +1     exit 1 code=0
        +1.001 zap 7
        +1.002 exit 7
        => verdict forced
        => 7 killed-unsignalled
        => duration_ms 1002
        ",
    );
    assert_eq!(world.closed_at[0].since(ZERO).as_millis(), 1202);
    let world = check(
        "
        init  app
        +0    exit 1 code=0
        => verdict graceful
        => duration_ms 0
        ",
    );
    assert_eq!(world.closed_at[0].since(ZERO).as_millis(), 200);
}

#[test]
fn members_that_end_before_a_killed_init_do_not_end_the_stop() {
    check(
        "
        init   app
        member 7 worker
        +0     KILL runc -> 1
        +0.001 exit 7 code=0
        +1     exit 1
        +1.1   end
        => reports 1
        => 1 killed-unsignalled
        => duration_ms 1100
        ",
    );
}

#[test]
fn a_report_waits_three_seconds_for_names_and_not_longer() {
    let late = POLITE.replace("+0     ", "names name=web when=told\n+0 ");
    let world = check(&(late.clone() + "+2 members\n+3 names\n=> workload.name web"));
    assert_eq!(world.closed_at[0].since(ZERO).as_millis(), 3000);

    let world = check(&(late.clone() + "=> workload.name null\n=> verdict graceful"));
    assert_eq!(world.closed_at[0].since(ZERO).as_millis(), 4001);

    let world = check(&(late + "+2 names\n+3 members\n=> workload.name web"));
    assert_eq!(world.closed_at[0].since(ZERO).as_millis(), 3000);
}

#[test]
fn answers_after_the_report_are_too_late_and_harmless() {
    check(&format!(
        "{}\n+10 names\n+10 members\n=> reports 1",
        POLITE.replace("+0     ", "names when=told\n+0 ")
    ));
}

#[test]
fn a_trace_that_began_in_the_middle_knows_an_init_by_its_exit() {
    check(
        "
        trace  started=-1s
        init   app handles=TERM age=1h
        member 7 worker
        +0     exit 1 code=0
        +0.001 zap 7
        +0.002 exit 7
        +0.003 end
        => verdict forced
        => cause.id unexplained
        => 7 killed-unsignalled
        ",
    );
}

#[test]
fn a_stop_that_may_have_begun_before_the_trace_is_not_called_graceful() {
    let text = "
        trace  started=-1s
        init   app handles=TERM age=1h
        +0     exit 1 code=0
        +0.003 end
        => verdict unknown
        => lost_cleanup null
        ";
    check(text);
    // Still within its grace period.
    check(
        &text
            .replace("-1s", "-11s")
            .replace("age=1h", "age=1h\n names grace=30s"),
    );
    // Its stop signal was seen, or it ended long after, or it is younger than the trace.
    check(
        "
        trace  started=-1s
        init   app handles=TERM age=1h
        +0     TERM runc -> 1
        +0.002 exit 1 code=0
        +0.003 end
        => verdict graceful
        ",
    );
    check(
        &text
            .replace("-1s", "-11s")
            .replace("unknown", "graceful")
            .replace("null", "0"),
    );
    check(
        &text
            .replace("1h", "0.5s")
            .replace("unknown", "graceful")
            .replace("null", "0"),
    );
}

#[test]
fn the_end_of_a_namespace_that_was_never_seen_is_no_report() {
    check(
        "
        init  app
        +0    end
        => reports 0
        ",
    );
}

#[test]
fn neighbours_in_time_may_be_swapped() {
    // Stamps go back by microseconds: the exits before the kills that caused them.
    check(
        "
        init   sh
        member 7 java
        +0        TERM runc -> 1
        +10       KILL runc -> 1
        +9.999998 exit 1
        +10.00001 zap 7
        +10.00001 exit 7
        +10.1     end
        => verdict forced
        => cause.id init-no-handler
        => stop.kill.at_ms 10000
        => 1 killed-ignoring runtime
        => 7 killed-unsignalled pidns-teardown
        ",
    );
}

#[test]
fn records_may_come_before_those_they_follow_from() {
    check(
        "
        init   sh
        member 7 java
        +0         TERM runc -> 1
        +10.000001 exit 1 killed
        +10.000000 KILL runc -> 1 delivered
        +10.000003 exit 7 killed
        +10.000002 zap 7
        +10.1      end
        => verdict forced
        => stop.trigger stop-signal
        => stop.kill.at_ms 10000
        => cause.id init-no-handler
        => 1 killed-ignoring runtime
        => signals.1.signal SIGKILL
        ",
    );
}

#[test]
fn a_second_exit_record_of_a_process_is_none() {
    let world = check(
        "
        init   app handles=TERM
        member 7 worker
        +0     TERM runc -> 1
        +0.1   exit 7 code=0
        +0.1   exit 7 TERM
        +0.2   exit 1 code=0
        +0.2   exit 1 killed
        => verdict graceful
        => processes 2
        => 1.exit.code 0
        => 7.exit.code 0
        ",
    );
    assert_eq!(world.closed_at[0].since(ZERO).as_millis(), 400);
}

#[test]
fn a_teardown_is_confirmed_only_where_its_probe_saw_it() {
    check(&(POLITE.to_owned() + "=> observation.pidns_teardown inferred"));
}

#[test]
fn of_what_runs_under_a_kernel_of_its_own_nothing_is_said() {
    // The virtual machine's monitor, killed at the end; and gVisor's sentry, which ends by itself.
    for end in ["KILL runc -> 1\n+2.001 exit 1 killed", "exit 1 code=0"] {
        check(&format!(
            "
            init   qemu-system-x86
            names  opaque=yes
            member 7 vhost handles=TERM
            +0     TERM runc -> 1
            +2     {end}
            +2.002 zap 7
            +2.003 exit 7 killed
            +2.01  end
            => verdict unknown
            => cause null
            => lost_cleanup null
            => findings 1
            => findings.0.id opaque-sandbox
            "
        ));
    }
}
