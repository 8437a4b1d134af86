//! PID 1 took the stop signal and left: who had been signalled, and by whom, tells the causes apart.

use crate::world::check;

/// tini with `-g`, and what stayed in the group of its child.
#[test]
fn a_group_signal_misses_who_left_the_group() {
    check(
        "
        init   tini cmd=tini,-g,--,app env= blocks=TERM waits=TERM
        member 7 app sid=1 pgid=7
        member 8 stays parent=7 sid=1 pgid=7
        member 9 setsid parent=7 sid=9 handles=TERM
        member 10 setpgid parent=7 sid=1 pgid=10 handles=TERM
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7,8
        +0.002 exit 7
        +0.002 exit 8
        +0.003 exit 1 code=143
        +0.004 zap 9 10
        +0.005 exit 9
        +0.006 exit 10
        +0.007 end
        => cause.id group-escape
        => cause.confidence certain
        => cause.pids.0 8009
        => cause.pids.1 8010
        => cause.pids 2
        => cause.summary ~ setsid and setpgid are in another group
        => findings.1.id forwarded-to-child-only
        => lost_cleanup 2
        ",
    );
}

#[test]
fn a_group_of_one_is_known_from_the_arguments_or_the_environment() {
    for (init, cause, confidence) in [
        ("tini cmd=tini,-g,app env=", "group-escape", "certain"),
        (
            "tini cmd=tini,app env=TINI_KILL_PROCESS_GROUP=",
            "group-escape",
            "certain",
        ),
        (
            "tini cmd=tini,app env=",
            "forwarded-to-child-only",
            "certain",
        ),
        (
            "dumb-init cmd=dumb-init,app env=",
            "group-escape",
            "certain",
        ),
        // Its environment was not read.
        ("dumb-init cmd=dumb-init,app", "group-escape", "likely"),
        (
            "dumb-init cmd=dumb-init,-c,app",
            "forwarded-to-child-only",
            "certain",
        ),
        ("app cmd=app env=", "forwarded-to-child-only", "certain"),
    ] {
        check(&format!(
            "
            init   {init} blocks=TERM waits=TERM
            member 7 main sid=7
            member 8 escaped sid=8 handles=TERM
            +0     TERM runc -> 1
            +0.001 TERM 1 -> 7
            +0.002 exit 7
            +0.003 exit 1
            +0.004 zap 8
            +0.005 exit 8
            +0.007 end
            => cause.id {cause}
            => cause.confidence {confidence}
            => cause.pids.0 8008
            => lost_cleanup 1
            "
        ));
    }
}

/// An init of its own kind that signals two of one group, and the whole of it.
#[test]
fn two_recipients_prove_a_group() {
    check(
        "
        init   app handles=TERM
        member 7 a sid=7
        member 8 b parent=7 sid=7
        member 9 c sid=9
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7,8
        +0.002 exit 7
        +0.002 exit 8
        +0.003 exit 1
        +0.004 zap 9
        +0.005 exit 9
        +0.007 end
        => cause.id group-escape
        => cause.confidence certain
        ",
    );
    // Its own children it may have signalled one by one.
    check(
        "
        init   app handles=TERM
        member 7 a sid=7
        member 8 b sid=7
        member 9 c sid=9
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7,8
        +0.002 exit 7
        +0.002 exit 8
        +0.003 exit 1
        +0.004 zap 9
        +0.005 exit 9
        +0.007 end
        => cause.id forwarded-to-child-only
        => cause.confidence certain
        ",
    );
}

#[test]
fn two_recipients_prove_no_group_when_one_of_it_was_left_out_or_they_are_of_two() {
    // One of the group was left out: it was sent to two processes.
    check(
        "
        init   app handles=TERM
        member 7 a sid=7
        member 8 b sid=7
        member 9 c sid=9
        member 10 d sid=7
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7,8
        +0.002 exit 7
        +0.002 exit 8
        +0.003 exit 1
        +0.004 zap 9 10
        +0.005 exit 9
        +0.006 exit 10
        +0.007 end
        => cause.id forwarded-to-child-only
        => cause.pids 2
        ",
    );
    // Of two groups: it was sent to each.
    check(
        "
        init   app handles=TERM
        member 7 a sid=7
        member 8 b sid=8
        member 9 c sid=9
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7,8
        +0.002 exit 7
        +0.002 exit 8
        +0.003 exit 1
        +0.004 zap 9
        +0.005 exit 9
        +0.007 end
        => cause.id forwarded-to-child-only
        ",
    );
}

/// With somebody of the group among the victims it is not the group that explains it.
#[test]
fn a_victim_of_the_group_that_was_not_signalled_is_no_escape() {
    check(
        "
        init   tini cmd=tini,-g,app env= blocks=TERM waits=TERM
        member 7 app sid=7
        member 9 other sid=9
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7
        +0.0015 spawn 8 late parent=7 sid=7
        +0.002 exit 7
        +0.003 exit 1
        +0.004 zap 8 9
        +0.005 exit 8
        +0.006 exit 9
        +0.007 end
        => cause.id forwarded-to-child-only
        => cause.fix 1
        ",
    );
}

#[test]
fn the_fix_names_the_switch_that_the_init_has() {
    for (init, switch) in [
        ("tini cmd=tini,--,app env=", "run tini with -g"),
        (
            "docker-init cmd=/sbin/docker-init,--,app env=",
            "TINI_KILL_PROCESS_GROUP=1",
        ),
        ("dumb-init cmd=dumb-init,-c,app env=", "without -c"),
        (
            "catatonit cmd=catatonit,app env=",
            "let the child pass SIGTERM on",
        ),
        ("bash cmd=/bin/bash,run.sh handles=TERM", "jobs -p"),
    ] {
        check(&format!(
            "
            init   {init} blocks=TERM waits=TERM
            member 7 bash
            member 8 java parent=7 handles=TERM
            +0     TERM runc -> 1
            +0.001 TERM 1 -> 7
            +0.002 exit 7
            +0.003 exit 1
            +0.004 zap 8
            +0.005 exit 8
            +0.007 end
            => cause.id forwarded-to-child-only
            => cause.fix.0 ~ {switch}
            => cause.summary ~ SIGTERM to bash alone; java was never signalled
            "
        ));
    }
}

#[test]
fn an_init_that_leaves_before_everybody_is_done() {
    check(
        "
        init   tini cmd=tini,-s,-g,app env= blocks=TERM waits=TERM
        member 7 main sid=7 handles=TERM
        member 8 child parent=7 sid=7 handles=TERM
        member 9 grand parent=8 sid=7 handles=TERM
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7,8,9
        +0.002 exit 7
        +0.003 exit 1
        +0.004 zap 8 9
        +0.005 exit 8
        +0.006 exit 9
        +0.007 end
        => verdict forced
        => cause.id init-exited-early
        => cause.confidence certain
        => cause.summary ~ left when its main child had ended after 3.0 ms; child and grand had been signalled and were not done
        => cause.pids 2
        => findings 2
        => findings.1.id forwarded
        => 8 killed-handling pidns-teardown
        => 9 killed-handling pidns-teardown
        => lost_cleanup 2
        ",
    );
}

/// Some had been signalled and some not: the worse comes first, each with its own pids.
#[test]
fn victims_that_were_signalled_and_victims_that_were_not_are_two_findings() {
    check(
        "
        init   app handles=TERM
        member 7 told handles=TERM
        member 8 untold
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7
        +0.003 exit 1
        +0.004 zap 7 8
        +0.005 exit 7
        +0.006 exit 8
        +0.007 end
        => cause.id forwarded-to-child-only
        => cause.pids.0 8008
        => cause.pids 1
        => findings.1.id init-exited-early
        => findings.1.pids.0 8007
        ",
    );
}

/// `pkill` in a trap: PID 1 sent nothing itself, so that is likely and not certain.
#[test]
fn a_helper_that_signals_for_the_init_makes_it_likely() {
    check(
        "
        init   sh cmd=/bin/sh,run.sh handles=TERM
        member 7 told handles=TERM
        member 8 untold
        +0     TERM runc -> 1
        +0.001 spawn 20 pkill parent=1
        +0.002 TERM 20 -> 7
        +0.003 exit 20
        +0.004 exit 7
        +0.005 exit 1
        +0.006 zap 8
        +0.007 exit 8
        +0.008 end
        => cause.id not-forwarded
        => cause.confidence likely
        => cause.summary ~ without passing it on itself; untold was killed
        ",
    );
}

/// What it passes on as another signal is the stop signal for who gets it.
#[test]
fn a_signal_that_is_rewritten_is_passed_on_all_the_same() {
    check(
        "
        init   dumb-init cmd=dumb-init,-r,15:10,app env= blocks=TERM waits=TERM
        member 7 main sid=7 handles=USR1
        member 8 child parent=7 sid=7 handles=USR1
        +0     TERM runc -> 1
        +0.001 USR1 1 -> 7,8
        +0.002 exit 7
        +0.003 exit 1
        +0.004 zap 8
        +0.005 exit 8
        +0.006 end
        => cause.id init-exited-early
        => 8 killed-handling
        => 8.stop_signal.received 1
        ",
    );
}

/// Whoever reloads a member, or a member that signals itself, passes nothing on.
#[test]
fn a_member_that_signals_itself_passes_nothing_on() {
    check(
        "
        init   app handles=TERM
        member 7 other
        member 8 victim
        +0     TERM runc -> 1
        +0.001 TERM 7 -> 7
        +0.002 exit 7
        +0.003 exit 1
        +0.004 zap 8
        +0.005 exit 8
        +0.006 end
        => cause.id not-forwarded
        => cause.confidence certain
        => cause.pids 1
        ",
    );
}

/// What the kernel refuses (EPERM) leaves no record.
#[test]
fn an_init_that_left_with_an_error_may_have_tried_to_pass_the_signal_on() {
    let stop = |uids: [&str; 2], code: u8| {
        let [init, server] = uids;
        format!(
            "
            init   tini waits=TERM cmd=tini,--,server {init} env=
            member 7 server handles=TERM parent=1 {server}
            +0     TERM runc -> 1
            +0.01  exit 1 code={code}
            +0.011 zap  7
            +0.012 exit 7 killed
            +0.013 end
            => cause.id not-forwarded
            "
        )
    };
    let summary = "=> cause.summary PID 1 (tini) took SIGTERM and ended without passing it on; server, \
                   which had a handler, was killed with the pid namespace";
    check(&format!(
        "{}=> cause.confidence likely\n{summary}; it left with an error (code 1), its uid is 1000 and that of server is 0: it may not have been allowed to signal it",
        stop(["uid=1000", "uid=0"], 1)
    ));
    check(&format!(
        "{}=> cause.confidence likely\n{summary}; it left with an error (code 1): it may have tried and failed",
        stop(["uid=0", "uid=0"], 1)
    ));
    for code in [0, 143] {
        check(&format!(
            "{}=> cause.confidence certain\n{summary}",
            stop(["uid=1000", "uid=0"], code)
        ));
    }
}
