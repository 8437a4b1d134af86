//! Kills of members while the workload lives on are told, once, and by no report.

use std::time::Duration;

use rinit_trace_core::{
    model::{KilledBy, Role},
    render::outside_line,
};

use crate::world::{World, ZERO, check};

fn told(world: &World) -> Vec<String> {
    let outside = world.outside.iter();
    outside.map(|(_, kills)| outside_line(kills)).collect()
}

#[test]
fn an_oom_kill_of_a_child_is_told_when_its_init_lives_on() {
    let world = check(
        "
        init   app handles=TERM
        names  name=web
        member 7 worker
        +0     oom 7
        +0.001 exit 7
        +60    TERM runc -> 1
        +60.1  exit 1 code=0
        +60.2  end
        => reports 1
        => verdict graceful
        => 7 absent
        ",
    );
    let line = "web: killed by SIGKILL outside a stop: worker (pid 8007) by the OOM killer";
    assert_eq!(told(&world), [line]);
    assert_eq!(world.outside[0].0.since(ZERO), Duration::from_millis(1100));
}

#[test]
fn a_kill_that_makes_the_init_leave_is_part_of_the_stop() {
    let world = check(
        "
        init   tini
        member 7 app
        +0     oom 7
        +0.001 exit 7
        +0.5   exit 1 code=137
        +0.6   end
        => reports 1
        => 7 oom-killed
        ",
    );
    assert_eq!(told(&world), Vec::<String>::new());
}

#[test]
fn a_kill_within_a_stop_is_told_by_its_report_alone() {
    let world = check(
        "
        init   app handles=TERM
        member 7 worker
        +0     TERM runc -> 1
        +1     KILL 1 -> 7
        +1.001 exit 7
        +2     exit 1 code=0
        +2.1   end
        => verdict forced
        => 7 peer
        ",
    );
    assert_eq!(told(&world), Vec::<String>::new());
}

#[test]
fn one_that_the_report_of_the_next_stop_does_not_list_is_told_with_it() {
    let world = check(
        "
        init   app handles=TERM
        member 7 worker
        +0     KILL 7 -> 7
        +0.001 exit 7
        +0.5   TERM runc -> 1
        +1     exit 1 code=0
        +1.1   end
        => verdict graceful
        => 7 absent
        ",
    );
    let line = "pidns 4026532281: killed by SIGKILL outside a stop: worker (pid 8007) by itself";
    assert_eq!(told(&world), [line]);
}

#[test]
fn a_reload_does_not_hide_a_kill() {
    let world = check(
        "
        init   nginx
        member 7 worker
        +0     TERM runc -> 1
        +1     KILL host:bash -> 7
        +1.001 exit 7
        +3h    wait
        => reports 0
        ",
    );
    let line =
        "pidns 4026532281: killed by SIGKILL outside a stop: worker (pid 8007) by bash (pid 700)";
    assert_eq!(told(&world), [line]);
    assert_eq!(world.outside[0].1.victims[0].killed_by, KilledBy::External);
}

/// A process may be sent several SIGKILLs that the kernel accepts: it counts once, also when it is one
/// of those that are not told one by one.
#[test]
fn who_is_killed_thread_by_thread_is_one_of_the_others() {
    let mut text = "init app\n".to_owned();
    for pid in 100..150 {
        text += &format!("+0.1 spawn {pid} worker\n+0.2 KILL 1 -> {pid} x3 thread delivered\n");
    }
    let world = check(&(text + "+1h wait\n=> reports 0"));
    let kills = &world.outside[0].1;
    assert_eq!((kills.victims.len(), kills.more), (32, 18));
}

#[test]
fn many_kills_are_one_line_and_exec_sessions_are_named_so() {
    let mut text = "init app\nexec 60 sh\n+0 KILL runc -> 60\n".to_owned();
    for pid in 100..200 {
        text += &format!("+0.1 spawn {pid} worker\n+0.2 KILL 1 -> {pid} x3 thread\n");
    }
    let world = check(&(text + "+1h wait\n=> reports 0"));
    assert_eq!(world.outside.len(), 1);
    let kills = &world.outside[0].1;
    assert_eq!((kills.victims.len(), kills.more), (32, 69));
    assert_eq!(kills.victims[0].role, Role::Exec);
    let line = outside_line(kills);
    assert!(
        line.contains("sh (pid 8060), of an exec session, by runc (pid 950); "),
        "{line}"
    );
    assert!(line.ends_with(", and 98 more"), "{line}");
}
