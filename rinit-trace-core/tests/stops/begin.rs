//! Which signal began the stop, and what is no stop at all.

use crate::world::check;

#[test]
fn a_dropped_signal_is_linked_to_the_kill_of_the_runtime_at_any_age() {
    for age in ["10m", "3h"] {
        check(&format!(
            "
            init  sh
            +0           TERM runc -> 1
            +{age}       KILL runc -> 1
            +{age}+0.001 exit 1
            +{age}+0.002 end
            => reports 1
            => stop.trigger stop-signal
            => stop.result ignored
            => cause.id init-no-handler
            => cause.confidence certain
            "
        ));
    }
}

#[test]
fn a_dropped_signal_survives_workers_that_die_meanwhile() {
    let mut text = "init sh\n+0 TERM runc -> 1\n".to_owned();
    for worker in 0..100 {
        let pid = 100 + worker;
        text += &format!("+1h+{worker}e-6 spawn {pid} worker\n+1h+{worker}e-6 KILL 1 -> {pid}\n");
    }
    text += "+3h KILL runc -> 1\n+3h+0.1 exit 1\n+3h+0.2 end\n";
    text += "=> cause.id init-no-handler\n=> processes 1\n=> signals 2";
    check(&text);
}

#[test]
fn a_dropped_signal_is_not_linked_to_a_crash_hours_later() {
    check(
        "
        init  sh
        +0        TERM runc -> 1
        +3h       exit 1 SEGV
        +3h+0.001 end
        => stop.trigger init-exit
        => stop.signal null
        => verdict graceful
        ",
    );
}

#[test]
fn a_dropped_reload_of_last_week_is_not_linked_to_a_docker_kill() {
    check(
        "
        init  sh
        +0          HUP  runc -> 1
        +168h       KILL runc -> 1
        +168h+0.001 exit 1
        +168h+0.002 end
        => stop.trigger sigkill
        => cause.id no-stop-signal
        => cause.confidence certain
        ",
    );
}

#[test]
fn a_second_signal_does_not_shorten_the_grace_period() {
    check(
        "
        init  sh
        +0     TERM runc -> 1
        +9     TERM runc -> 1
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => stop.grace_used_ms 10000
        => stop.kill.at_ms 10000
        => 1.stop_signal.received 2
        ",
    );
}

#[test]
fn a_long_chain_begins_at_its_first_signal() {
    check(
        "
        init  java handles=TERM
        +0     TERM runc -> 1
        +50    TERM runc -> 1
        +100   TERM runc -> 1
        +150   KILL runc -> 1
        +150.1 exit 1
        +150.2 end
        => stop.grace_used_ms 150000
        => cause.id grace-exceeded
        ",
    );
}

#[test]
fn signals_a_minute_apart_are_two_chains() {
    check(
        "
        init  java handles=TERM
        +0     TERM runc -> 1
        +60    TERM runc -> 1
        +70    KILL runc -> 1
        +70.1  exit 1
        +70.2  end
        => stop.grace_used_ms 10000
        ",
    );
}

#[test]
fn a_reload_followed_by_a_crash_is_no_stop_signal() {
    check(
        "
        init  nginx handles=HUP,TERM
        +0        HUP  runc -> 1
        +5h       exit 1 SEGV
        +5h+0.001 end
        => reports 1
        => stop.trigger init-exit
        => stop.signal null
        => verdict graceful
        ",
    );
    check(
        "
        init  nginx handles=HUP,TERM
        +0     HUP  runc -> 1
        +2     exit 1 SEGV
        +2.001 end
        => stop.trigger init-exit
        => stop.signal null
        ",
    );
}

#[test]
fn a_reload_that_an_init_passes_on_is_no_stop_signal() {
    let world = check(
        "
        init   tini waits=HUP,TERM
        member 7 nginx handles=HUP
        +0     HUP  runc -> 1
        +0.001 HUP  1 -> 7
        +5h    wait
        => reports 0
        ",
    );
    assert_eq!(world.gates_closed.len(), 1, "the kernel side had opened it");
}

#[test]
fn a_fatal_signal_from_outside_is_a_stop_signal_whatever_it_is() {
    check(
        "
        init  sh
        +0     HUP  runc -> 1
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => stop.signal SIGHUP
        => cause.id init-no-handler
        => cause.summary ~ no SIGHUP handler
        ",
    );
}

#[test]
fn the_configured_stop_signal_is_one_even_with_a_handler() {
    check(
        "
        init  app handles=USR1
        names stop=USR1
        +0     USR1 runc -> 1
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => stop.signal SIGUSR1
        => cause.id grace-exceeded
        ",
    );
}

#[test]
fn the_configured_stop_signal_may_be_learned_after_it_was_sent() {
    check(
        "
        init   app handles=USR1
        member 7 worker
        names  stop=USR1 when=told
        +0     USR1 runc -> 1
        +2     KILL 1 -> 7
        +4     names
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => stop.signal SIGUSR1
        => stop.grace_used_ms 10000
        ",
    );
}

#[test]
fn a_signal_from_inside_counts_when_it_was_queued() {
    check(
        "
        init   app handles=TERM
        member 7 sh
        +0     TERM 7 -> 1
        +0.2   exit 7
        +0.3   exit 1 code=0
        +0.31  end
        => stop.trigger stop-signal
        => stop.sender.inside true
        => stop.sender.comm sh
        => verdict graceful
        ",
    );
}

#[test]
fn signals_from_inside_that_were_dropped_are_no_stop() {
    let world = check(
        "
        init   sh
        member 7 bash
        +0      TERM 7 -> 1
        +1      KILL 7 -> 1
        +20     TERM runc -> 1
        +30     KILL runc -> 1
        +30.001 exit 1
        +30.002 zap 7
        +30.003 exit 7
        +30.004 end
        => reports 1
        => stop.sender.comm runc
        => stop.grace_used_ms 10000
        => cause.id init-no-handler
        => signals 3
        ",
    );
    assert_eq!(world.began, 1);
}

#[test]
fn a_dropped_kill_from_inside_is_no_evidence_of_the_end() {
    check(
        "
        init   sh
        member 7 bash
        +0     TERM runc -> 1
        +1     KILL 7 -> 1
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  zap 7
        +10.3  exit 7
        +10.4  end
        => stop.kill.at_ms 10000
        => stop.grace_used_ms 10000
        => cause.evidence.1.signal 2
        ",
    );
}

#[test]
fn a_parent_that_kills_its_worker_stops_nothing() {
    let world = check(
        "
        init   gunicorn
        member 7 worker
        +0     KILL 1 -> 7
        +0.001 exit 7
        +1h    wait
        => reports 0
        ",
    );
    assert_eq!(world.began, 0);
}

#[test]
fn a_worker_that_ends_like_many_before_is_no_stop() {
    let mut text = "init nginx handles=TERM\n".to_owned();
    for second in 0..50 {
        text += &format!("+{second} spawn 9 worker\n+{second} TERM 1 -> 9\n+{second}.1 exit 9\n");
    }
    let world = check(&(text + "+1h wait\n=> reports 0"));
    assert_eq!(world.began, 0);
}

#[test]
fn a_gate_that_led_to_nothing_closes_after_the_grace_period_and_a_minute() {
    for (names, after) in [("grace=10s", 70), ("grace=300s", 360), ("", 120)] {
        let world = check(&format!(
            "
            init  java handles=TERM
            names {names}
            +0  TERM runc -> 1
            +2h wait
            => reports 0
            "
        ));
        assert_eq!(world.began, 1);
        let closed: Vec<u64> = world
            .gates_closed
            .iter()
            .map(|at| at.since(crate::world::ZERO).as_secs())
            .collect();
        assert_eq!(closed, [after], "{names}");
    }
}

#[test]
fn a_gate_opened_by_an_init_that_recycles_closes_at_once() {
    let world = check(
        "
        init   nginx handles=TERM
        member 7 worker handles=TERM
        +0    TERM 1 -> 7
        +0.1  exit 7 code=0
        +1h   wait
        => reports 0
        ",
    );
    let closed: Vec<u64> = world
        .gates_closed
        .iter()
        .map(|at| at.since(crate::world::ZERO).as_secs())
        .collect();
    assert_eq!(closed, [5]);
}

#[test]
fn who_ends_by_the_parting_signal_of_an_init_is_a_member() {
    check(
        "
        init   dumb-init
        member 7 app
        member 8 orphan parent=9 handles=TERM
        +0     KILL 7 -> 7
        +0.001 exit 7
        +0.002 TERM 1 -> 8
        +0.003 exit 8 code=3
        +0.004 exit 1 code=137
        +0.005 end
        => stop.trigger main-child-exit
        => 8 exited member
        => 8.stop_signal.received 1
        ",
    );
}

#[test]
fn a_stop_after_a_gate_that_closed_is_one_report() {
    check(
        "
        init  java handles=TERM
        +0     TERM runc -> 1
        +1h    TERM runc -> 1
        +1h+1  exit 1 code=0
        +1h+2  end
        => reports 1
        => stop.grace_used_ms 1000
        => 1.stop_signal.received 1
        ",
    );
}

#[test]
fn the_end_of_an_exec_session_does_not_make_an_init_leave() {
    check(
        "
        init  sh
        +0    enter 30 bash
        +1    spawn 31 sleep parent=30 sid=30
        +2    now 31 parent=1
        +2    exit 31
        +2.1  exit 1 code=0
        +2.2  end
        => stop.trigger init-exit
        ",
    );
}

#[test]
fn cgroup_kill_of_the_init_is_a_trigger_of_its_own() {
    check(
        "
        init   java
        member 7 helper
        +0     KILL runc -> 1,7 cgroup
        +0.001 exit 1
        +0.002 exit 7
        +0.003 end
        => stop.trigger cgroup-kill
        => 1 killed-unsignalled cgroup-kill
        => 7 killed-unsignalled cgroup-kill
        ",
    );
}
