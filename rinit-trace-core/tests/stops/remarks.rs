//! Findings that explain no kill: who passed the stop signal on, who was sent it by several, and
//! what was over just in time.

use rinit_trace_core::model::{Finding, FindingId};

use crate::world::{check, play};

/// That finding of the only report of a scenario.
fn finding(id: FindingId, text: &str) -> Option<Finding> {
    let mut world = play(text);
    assert_eq!(world.reports.len(), 1);
    let report = world.reports.remove(0);
    let mut found = report.findings.into_iter();
    found.find(|finding| finding.id == id)
}

#[test]
fn who_passed_the_signal_on_is_told_in_the_order_of_time() {
    check(
        "
        init   tini cmd=tini,app env= blocks=TERM waits=TERM
        member 7 app handles=TERM
        member 8 worker parent=7
        member 9 worker parent=7
        member 10 helper parent=7
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7
        +0.002 TERM 7 -> 8,9,10
        +0.003 exit 8
        +0.003 exit 9
        +0.003 exit 10
        +0.004 exit 7 code=0
        +0.005 exit 1 code=0
        +0.006 end
        => verdict graceful
        => cause null
        => findings 1
        => findings.0.id forwarded
        => findings.0.confidence certain
        => findings.0.summary PID 1 (tini) passed SIGTERM to app; app passed it to worker and 2 others
        => findings.0.pids 4
        => findings.0.pids.0 8007
        => findings.0.evidence 4
        => findings.0.evidence.0.signal 1
        => findings.0.evidence.3.signal 4
        => findings.0.fix 0
        ",
    );
}

#[test]
fn an_init_that_translates_the_signal_passes_it_on_as_another() {
    let forwarded = finding(
        FindingId::Forwarded,
        "
        init   dumb-init cmd=dumb-init,-r,15:3,app env= blocks=TERM waits=TERM
        member 7 app sid=7 handles=QUIT
        +0     TERM runc -> 1
        +0.001 QUIT 1 -> 7
        +0.002 exit 7 code=0
        +0.003 exit 1 code=0
        +0.004 end
        ",
    );
    let summary = forwarded.unwrap().summary;
    assert_eq!(
        summary,
        "PID 1 (dumb-init) passed SIGTERM on as SIGQUIT to app"
    );
}

#[test]
fn the_main_process_of_a_container_in_a_shared_namespace_is_no_pid_1() {
    let forwarded = finding(
        FindingId::Forwarded,
        "
        container B web pid=20 joins=host handles=TERM
        member    B/21 worker
        +0     TERM runc -> B/20
        +0.001 TERM B/20 -> B/21
        +0.002 exit B/21
        +0.1   exit B/20 code=0
        +0.3   gone B
        ",
    );
    assert_eq!(
        forwarded.unwrap().summary,
        "the main process (web) passed SIGTERM to worker"
    );
}

#[test]
fn a_long_chain_is_told_in_a_short_sentence() {
    let mut text = String::from("init app handles=TERM\n");
    for pid in 2..=40 {
        text += &format!("member {pid} link{pid} parent={} handles=TERM\n", pid - 1);
    }
    text += "+0 TERM runc -> 1\n";
    for pid in 2..=40 {
        text += &format!("+0.0{pid:02} TERM {} -> {pid}\n", pid - 1);
    }
    for pid in (1..=40).rev() {
        text += &format!("+0.1 exit {pid} code=0\n");
    }
    text += "+0.2 end\n";
    let forwarded = finding(FindingId::Forwarded, &text).unwrap();
    assert!(
        forwarded.summary.ends_with(
            "link2 passed it to link3; link3 passed it to link4; link4 passed it to link5; 35 others passed it on"
        ),
        "{}",
        forwarded.summary
    );
    assert_eq!(forwarded.evidence.len(), 39);
}

#[test]
fn who_was_not_asked_passes_nothing_on() {
    let begin = "
        init   app handles=TERM
        member 7 server handles=TERM
        member 8 worker parent=7 handles=TERM
        exec   9 kill
        member 10 busy handles=TERM blocks=TERM
        +0     TERM runc -> 1
        ";
    let end = "
        +0.3   exit 7 code=0
        +0.3   exit 8 code=0
        +0.3   exit 9 code=0
        +0.3   exit 10 code=0
        +0.4   exit 1 code=0
        +0.5   end
        ";
    for (what, between) in [
        ("nobody signals", ""),
        ("a helper that nobody asked", "+0.1 TERM 7 -> 8"),
        ("a session from outside", "+0.1 TERM 9 -> 8"),
        ("who signals itself", "+0.1 TERM 1 -> 1"),
        (
            "who has it in its queue yet",
            "+0.05 TERM kid:x -> 10\n+0.1 TERM 10 -> 8",
        ),
        ("a reload", "+0.1 HUP 7 -> 8"),
    ] {
        let text = format!("{begin}\n{between}\n{end}");
        let forwarded = finding(FindingId::Forwarded, &text);
        assert_eq!(forwarded, None, "{what}");
    }
    let text = format!("{begin}\n+0.1 TERM 1 -> 7\n{end}");
    assert!(finding(FindingId::Forwarded, &text).is_some());
}

#[test]
fn who_is_sent_it_by_the_group_signal_and_by_its_parent_is_told() {
    check(
        "
        init   tini cmd=tini,-g,app env= blocks=TERM waits=TERM
        member 7 app sid=7 handles=TERM
        member 8 worker parent=7 sid=7 handles=TERM
        member 9 worker parent=7 sid=7 handles=TERM
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7,8,9
        +0.001 takes 8 TERM
        +0.001 takes 9 TERM
        +0.002 TERM 7 -> 8,9
        +0.003 exit 8 code=0
        +0.003 exit 9 code=0
        +0.004 exit 7 code=0
        +0.005 exit 1 code=0
        +0.006 end
        => verdict graceful
        => findings 2
        => findings.0.id signalled-twice
        => findings.0.confidence certain
        => findings.0.summary worker was sent SIGTERM by PID 1 (tini), and again by app; one more process was asked by several, too
        => findings.0.pids 2
        => findings.0.pids.0 8008
        => findings.0.evidence 4
        => findings.0.evidence.0.signal 2
        => findings.0.evidence.1.signal 4
        => findings.0.fix 2
        => findings.1.id forwarded
        ",
    );
}

#[test]
fn processes_of_one_name_are_told_apart() {
    let text = "
        init   tini cmd=tini,-g,sh env= blocks=TERM waits=TERM
        member 7 sh sid=7 handles=TERM
        member 8 sh parent=7 sid=7 handles=TERM
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7,8
        +0.001 takes 8 TERM
        +0.002 TERM 7 -> 8
        +0.003 exit 8 code=0
        +0.004 exit 7 code=0
        +0.005 exit 1 code=0
        +0.006 end
        ";
    let summary = |id| finding(id, text).unwrap().summary;
    assert_eq!(
        summary(FindingId::SignalledTwice),
        "sh was sent SIGTERM by PID 1 (tini), and again by another sh"
    );
    assert_eq!(
        summary(FindingId::Forwarded),
        "PID 1 (tini) passed SIGTERM to sh and sh; sh passed it to another sh"
    );
}

#[test]
fn another_signal_by_another_sender_is_named() {
    let twice = finding(
        FindingId::SignalledTwice,
        "
        init   app handles=TERM,INT
        member 7 worker
        +0     TERM runc -> 1
        +0.01  INT 7 -> 1
        +0.3   exit 7 code=0
        +0.4   exit 1 code=0
        +0.5   end
        ",
    );
    assert_eq!(
        twice.unwrap().summary,
        "PID 1 (app) was sent SIGTERM by runc, and SIGINT by worker"
    );
}

#[test]
fn what_reaches_nobody_twice_is_no_second_signal() {
    for (what, between) in [
        ("the runtime repeats", "+0.1 TERM shim -> 1"),
        (
            "a parting signal of the same init",
            "+0.1 TERM 1 -> 7\n+0.1 takes 7 TERM\n+0.2 TERM 1 -> 7",
        ),
        (
            "the first is pending yet",
            "+0.1 TERM 1 -> 9\n+0.2 TERM 7 -> 9",
        ),
        (
            "the first has ended it",
            "+0.1 TERM 1 -> 8\n+0.2 TERM 7 -> 8 ignored",
        ),
        (
            "it signals itself",
            "+0.1 TERM 1 -> 7\n+0.1 takes 7 TERM\n+0.2 TERM 7 -> 7",
        ),
        (
            "a reload",
            "+0.1 TERM 1 -> 7\n+0.1 takes 7 TERM\n+0.2 HUP 8 -> 7",
        ),
    ] {
        let text = format!(
            "
            init   app handles=TERM
            member 7 server handles=TERM
            member 8 plain
            member 9 blocks blocks=TERM
            +0     TERM runc -> 1
            {between}
            +0.3   exit 7 code=0
            +0.3   exit 8
            +0.3   exit 9 code=0
            +0.4   exit 1 code=0
            +0.5   end
            "
        );
        let twice = finding(FindingId::SignalledTwice, &text);
        assert_eq!(twice, None, "{what}");
    }
}

fn slow_stop(grace: &str, end: &str) -> String {
    format!(
        "
        init   app handles=TERM
        names  grace={grace}
        member 7 worker handles=TERM
        +0     TERM runc -> 1
        +0.1   TERM 1 -> 7
        +{end} exit 7 code=0
        +{end} exit 1 code=0
        +{end} end
        "
    )
}

#[test]
fn a_stop_that_was_over_just_in_time_is_a_near_miss() {
    check(&format!(
        "{}
        => verdict graceful
        => cause null
        => findings.0.id near-miss
        => findings.0.confidence likely
        => findings.0.summary ~ the stop took 9.2 s of the 10.0 s that are configured
        => findings.0.summary ~ PID 1 (app) was the last to end by itself
        => findings.0.pids 1
        => findings.0.fix.0 ~ end it sooner
        ",
        slow_stop("10s", "9.2")
    ));
}

#[test]
fn only_what_was_near_is_a_near_miss() {
    for (grace, end, is_near) in [
        ("10s", "8.1", true),
        ("10s", "10", true),
        ("10s", "7.9", false),
        // It had another grace period.
        ("10s", "10.5", false),
        ("3h", "9.2", false),
    ] {
        let near = finding(FindingId::NearMiss, &slow_stop(grace, end));
        assert_eq!(near.is_some(), is_near, "{end} of {grace}");
    }
}

/// It was killed because PID 1 had been slow.
#[test]
fn a_victim_of_the_teardown_did_not_take_the_time() {
    let near = finding(
        FindingId::NearMiss,
        "
        init   app handles=TERM
        names  grace=10s
        member 7 worker
        +0     TERM runc -> 1
        +9.2   exit 1 code=0
        +9.201 zap 7
        +9.202 exit 7
        +9.203 end
        ",
    );
    assert_eq!(near.unwrap().pids, [8001]);
}

#[test]
fn a_stop_that_was_killed_is_no_near_miss() {
    let near = finding(
        FindingId::NearMiss,
        "
        init   app handles=TERM
        names  grace=10s
        +0     TERM runc -> 1
        +9.5   KILL runc -> 1
        +9.6   exit 1
        +9.7   end
        ",
    );
    assert_eq!(near, None);
}
