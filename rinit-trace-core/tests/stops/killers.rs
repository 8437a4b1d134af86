//! Members that somebody else killed than the dying init: the OOM killer, a host process, another member, the cgroup.

use crate::world::check;

#[test]
fn the_oom_killer_that_takes_the_main_child_takes_the_workload() {
    check(
        "
        init   tini cmd=tini,app env= blocks=TERM waits=TERM
        member 7 app handles=TERM
        member 8 helper
        +0     oom 7
        +0.01  exit 7
        +0.011 exit 1 code=137
        +0.012 zap 8
        +0.013 exit 8
        +0.014 end
        => verdict forced
        => cause.id oom
        => cause.confidence certain
        => cause.summary the OOM killer took app, and PID 1 (tini) left because its main child had ended; helper ended with it
        => cause.pids 2
        => findings.1.id main-child-exited
        => lost_cleanup 1
        ",
    );
}

/// Whether a PID 1 of its own kind left because of that is not known.
#[test]
fn the_oom_killer_that_takes_the_last_child_of_an_app_is_a_likely_cause() {
    check(
        "
        init   app
        member 7 worker
        member 8 other
        +0     oom 7
        +0.01  exit 7
        +0.9   exit 1 code=0
        +0.91  zap 8
        +0.92  exit 8
        +1     end
        => cause.id oom
        => cause.confidence likely
        => cause.summary the OOM killer took worker, and PID 1 (app) ended right after it; other ended with it
        => findings.1.id init-exited
        => findings.1.pids.1 8008
        ",
    );
}

/// It explains its own kill, and not why the others were left behind.
#[test]
fn an_oom_kill_in_a_stop_that_ends_nothing_comes_last() {
    check(
        "
        init   app handles=TERM
        member 7 hungry
        member 8 other
        +0     TERM runc -> 1
        +0.1   oom 7
        +0.2   exit 7
        +0.3   exit 1
        +0.31  zap 8
        +0.32  exit 8
        +0.33  end
        => cause.id not-forwarded
        => cause.pids.0 8008
        => findings.1.id oom
        => findings.1.pids.0 8007
        ",
    );
    check(
        "
        init   app handles=TERM
        member 7 hungry
        +0     TERM runc -> 1
        +0.1   oom 7
        +0.2   exit 7
        +0.3   exit 1
        +0.33  end
        => cause.id oom
        => cause.summary the OOM killer took hungry during the stop
        ",
    );
}

#[test]
fn a_supervisor_that_kills_what_does_not_end() {
    check(
        "
        init   runsvdir handles=TERM
        member 7 deaf ignores=TERM
        member 8 quick
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7,8
        +0.002 exit 8
        +0.5   KILL 1 -> 7
        +0.501 exit 7
        +0.51  exit 1 code=0
        +0.52  end
        => verdict forced
        => cause.id killed-inside
        => cause.confidence certain
        => cause.summary deaf was sent SIGKILL by PID 1 (runsvdir)
        => cause.pids 1
        => 7 killed-ignoring peer
        => findings 2
        => findings.1.id forwarded
        ",
    );
}

#[test]
fn a_host_process_that_kills_a_member_is_told_by_name() {
    check(
        "
        init   app handles=TERM
        names  name=web
        member 7 worker handles=TERM
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7
        +0.1   KILL host:falco -> 7
        +0.11  exit 7
        +0.2   exit 1
        +0.3   end
        => cause.id killed-outside
        => cause.confidence likely
        => cause.summary falco, a process of the host that is not the container's runtime, sent SIGKILL to worker after SIGTERM had begun a stop
        => 7 killed-handling external
        ",
    );
}

#[test]
fn each_host_process_is_told_of_its_own_kills_only() {
    check(
        "
        init   app handles=TERM
        member 7 one
        member 8 two
        member 9 three
        +0     TERM runc -> 1
        +0.1   KILL host:falco -> 7,9
        +0.11  exit 7
        +0.12  exit 9
        +0.2   KILL host:bash -> 8
        +0.21  exit 8
        +0.3   exit 1
        +0.4   end
        => cause.id killed-outside
        => cause.summary falco, a process of the host that is not the container's runtime, sent SIGKILL to one and three after SIGTERM had begun a stop; one more was killed by another process from outside
        => cause.pids 3
        ",
    );
}

#[test]
fn the_next_process_with_the_pid_of_a_victim_is_none() {
    check(
        "
        init   app handles=TERM
        member 7 worker
        +0     TERM runc -> 1
        +0.1   KILL host:falco -> 7
        +0.11  exit 7
        +0.2   spawn 7 next
        +0.3   exit 1
        +0.31  zap 7
        +0.32  exit 7
        +0.4   end
        => cause.id killed-outside
        => cause.pids 1
        => cause.summary ~ sent SIGKILL to worker after
        => findings.1.id not-forwarded
        ",
    );
}

/// It also ends in a teardown, and was killed for a reason of its own.
#[test]
fn a_host_process_that_kills_pid_1_is_told_although_nobody_asked_it_to_end() {
    check(
        "
        init   app
        member 7 worker
        +0     KILL host:bash -> 1
        +0.1   exit 1
        +0.2   zap 7
        +0.3   exit 7
        +0.4   end
        => cause.id killed-outside
        => cause.summary ~ sent SIGKILL to PID 1 (app) without a stop signal before
        => cause.pids.0 8001
        => findings 1
        ",
    );
}

#[test]
fn leftovers_that_the_runtime_kills_through_the_cgroup() {
    check(
        "
        init   app handles=TERM
        member 7 left handles=TERM
        +0     TERM runc -> 1
        +0.1   KILL runc -> 7 cgroup
        +0.11  exit 7
        +0.2   exit 1
        +0.3   end
        => cause.id cgroup-killed
        => cause.summary left was killed through cgroup.kill
        => lost_cleanup 1
        ",
    );
    check(
        "
        init   app handles=TERM
        member 7 left
        +0     TERM runc -> 1
        +0.1   KILL runc -> 7
        +0.11  exit 7
        +0.2   exit 1
        +0.3   end
        => cause.id cgroup-killed
        => cause.summary left was killed one by one by the runtime
        ",
    );
}

/// A kill that nobody was seen to make (seccomp's strict mode ends a process so) is not explained by
/// what happened to others.
#[test]
fn a_kill_without_a_killer_is_unexplained() {
    check(
        "
        init   app handles=TERM
        member 7 jailed
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7 ignored sig-ign
        +0.1   exit 7 killed
        +0.2   exit 1
        +0.3   end
        => cause.id unexplained
        => 7 unknown
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
