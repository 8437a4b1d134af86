//! A preStop hook that its container's end cut short, and sessions that are none.

use rinit_trace_core::model::{Finding, FindingId};

use crate::world::{check, play};

/// A container whose PID 1 ends in time, with a session in it.
fn stop(names: &str, session: &str) -> String {
    let other = if session.contains("exec 59") {
        "+0.1005 zap 59\n+0.1006 exit 59"
    } else {
        ""
    };
    format!(
        "
        init   app handles=TERM
        names  {names}
        {session}
        +0     TERM runc -> 1
        +0.1   exit 1 code=0
        {other}
        +0.101 zap 60
        +0.102 exit 60
        +0.103 end
        "
    )
}

fn found(names: &str, session: &str) -> Option<Finding> {
    let world = play(&stop(names, session));
    assert_eq!(world.reports.len(), 1);
    let mut findings = world.reports[0].findings.iter();
    findings
        .find(|finding| finding.id == FindingId::PreStopCut)
        .cloned()
}

#[test]
fn a_session_as_old_as_the_grace_period_is_likely_the_hook() {
    check(&format!(
        "{}
        => verdict graceful
        => findings.0.id pre-stop-cut
        => findings.0.confidence likely
        => findings.0.summary the preStop hook (drain.sh) had not ended after 30.0 s, all of the grace period of 30.0 s, when the stop began, and was killed with the container
        => findings.0.fix.0 ~ let the preStop hook end well within the grace period
        => findings.0.fix.1 ~ give it more time
        => findings.0.pids.0 8060
        ",
        stop("grace=30s,pod pre-stop=yes", "exec 60 drain.sh age=30s")
    ));
}

/// The runtime had 2 s left for PID 1, which it did not end in.
#[test]
fn a_cut_hook_stands_beside_the_cause_of_a_forced_stop() {
    check(
        "
        init   app handles=TERM
        names  grace=30s,pod pre-stop=yes
        exec   60 drain.sh age=30.3s
        +0     TERM runc -> 1
        +2     KILL runc -> 1
        +2.001 zap 60
        +2.002 exit 60
        +2.003 exit 1
        +2.004 end
        => verdict forced
        => cause.id grace-exceeded
        => findings.1.id pre-stop-cut
        => findings.1.summary ~ the preStop hook (drain.sh) had not ended
        ",
    );
}

#[test]
fn a_session_that_may_be_somebody_elses_is_not_called_the_hook() {
    let hooked = "grace=30s,pod pre-stop=yes";
    assert!(found(hooked, "exec 60 sh age=28.5s").is_some());
    assert!(found(hooked, "exec 60 sh age=34s").is_some());
    for (names, session) in [
        // No hook, a grace period that is not known, or not a pod's.
        ("grace=30s,pod", "exec 60 sh age=30s"),
        ("pre-stop=yes", "exec 60 sh age=30s"),
        ("grace=30s pre-stop=yes", "exec 60 sh age=30s"),
        ("grace=0s,pod pre-stop=yes", "exec 60 sh age=1s"),
        // Of another age: a shell of an hour ago, a probe.
        (hooked, "exec 60 bash age=90s"),
        (hooked, "exec 60 probe age=1s"),
        ("grace=2s,pod pre-stop=yes", "exec 60 probe age=1s"),
        // What a session began, and a member.
        (
            hooked,
            "exec 59 bash age=90s\nmember 60 sleep parent=59 age=30s",
        ),
        (hooked, "member 60 worker age=30s"),
    ] {
        assert_eq!(found(names, session), None, "{names}: {session}");
    }
}

/// Who ended by itself was not cut.
#[test]
fn a_hook_that_ends_in_time_is_not_told() {
    let world = play(
        "
        init   app handles=TERM
        names  grace=30s,pod pre-stop=yes
        exec   60 drain.sh age=30s
        +0     TERM runc -> 1
        +0.05  exit 60 code=0
        +0.1   exit 1 code=0
        +0.103 end
        ",
    );
    let mut findings = world.reports[0].findings.iter();
    assert!(findings.all(|finding| finding.id != FindingId::PreStopCut));
}
