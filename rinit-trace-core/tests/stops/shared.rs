//! Containers that share a pid namespace, and namespaces within a container's.

use crate::world::check;

#[test]
fn a_container_that_ends_with_the_owner_of_its_namespace() {
    check(
        "
        init      app handles=TERM
        container B web pid=20 joins=A handles=TERM
        member    B/21 worker
        +0     TERM runc -> 1
        +0.001 exit 1 code=0
        +0.002 zap by=A/1 B/20 B/21
        +0.003 exit B/20
        +0.004 exit B/21
        +0.005 end
        => reports 2
        => workload.init.comm web
        => workload.init.ns_pid 20
        => stop.trigger owner-exit
        => verdict forced
        => 20 killed-unsignalled pidns-teardown init
        => 21 killed-unsignalled pidns-teardown member
        => cause.id pidns-owner-exited
        => cause.confidence certain
        => cause.summary ~ PID 1 of another container
        => findings 1
        => 1 absent
        =2> workload.init.comm app
        =2> verdict graceful
        =2> 20 absent
        =2> processes 1
        ",
    );
}

#[test]
fn a_container_that_ends_before_the_owner_of_its_namespace() {
    check(
        "
        init      pause handles=TERM
        container B web pid=20 joins=A handles=TERM
        member    B/21 worker handles=TERM
        member    9 helper
        +0     TERM runc -> B/20
        +0.1   exit B/20 code=0
        +0.2   KILL runc -> B/21
        +0.201 exit B/21
        +0.3   gone B
        => reports 1
        => stop.trigger stop-signal
        => stop.taken true
        => verdict forced
        => lost_cleanup 1
        => cause.id cgroup-killed
        => 21 killed-unsignalled runtime member
        => 9 absent
        ",
    );
}

#[test]
fn a_main_process_without_a_handler_is_no_init_and_ends_by_the_signal() {
    check(
        "
        container B web pid=20 joins=host
        +0     TERM runc -> B/20
        +0.001 exit B/20
        +0.1   gone B
        => verdict graceful
        => stop.result delivered
        => 9020 terminated init
        ",
    );
}

#[test]
fn whether_somebody_was_left_is_not_known_before_the_cgroup_is_gone() {
    check(
        "
        container B web pid=20 joins=host handles=TERM
        +0     TERM runc -> B/20
        +0.001 exit B/20 code=0
        => verdict unknown
        ",
    );
}

#[test]
fn a_main_process_that_ignores_the_signal_is_killed_like_any_other() {
    check(
        "
        container B web pid=20 joins=host ignores=TERM
        names     B grace=10s
        +0     TERM runc -> B/20
        +10    KILL runc -> B/20
        +10.01 exit B/20
        +10.1  gone B
        => cause.id init-ignores-signal
        => cause.summary ~ the main process (web) ignores SIGTERM
        => cause.fix.0 ~ to SIG_IGN in the main process
        => stop.grace_used_ms 10000
        ",
    );
}

#[test]
fn who_enters_a_shared_container_is_an_exec_session() {
    check(
        "
        container B web pid=20 joins=host handles=TERM
        +0     enter B/30 sh
        +1     TERM runc -> B/20
        +1.1   exit B/20 code=0
        +1.2   KILL runc -> B/30
        +1.201 exit B/30
        +1.3   gone B
        => verdict graceful
        => 9030 exec killed-unsignalled runtime
        ",
    );
}

#[test]
fn an_orphan_on_the_host_is_a_member_although_its_parent_is_the_runtime() {
    check(
        "
        container B web pid=20 joins=host handles=TERM
        member    B/21 worker
        +0     TERM runc -> B/20
        +0.1   exit B/20 code=0
        +0.2   KILL runc -> B/21
        +0.201 exit B/21
        +0.3   gone B
        => verdict forced
        => 9021 member runtime
        ",
    );
}

#[test]
fn losses_of_a_shared_container_are_its_own() {
    check(
        "
        init      app handles=TERM
        container B web pid=20 joins=A handles=TERM
        +0     TERM runc -> B/20
        +0.01  lost 2 B
        +0.1   exit B/20 code=0
        +0.2   gone B
        +1     TERM runc -> 1
        +1.1   exit 1 code=0
        +1.2   end
        => verdict unknown
        => observation.lost_records 2
        =2> verdict graceful
        =2> observation.lost_records 0
        ",
    );
}

#[test]
fn a_namespace_within_the_container_is_part_of_it() {
    check(
        "
        init   browser handles=TERM
        member 40 zygote nested=1
        member 41 renderer parent=40 nested=2
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 40
        +0.002 KILL 1 -> 40
        +0.003 exit 40
        +0.004 zap by=40 41
        +0.005 exit 41
        +0.1   exit 1 code=0
        +0.2   end
        => reports 1
        => verdict forced
        => 40 killed-ignoring peer member
        => 41 killed-unsignalled pidns-teardown member
        => cause.id killed-inside
        => findings 2
        => findings.1.id forwarded
        ",
    );
}

#[test]
fn a_container_of_its_own_in_a_container_is_torn_down_by_that() {
    check(
        "
        init B web handles=TERM
        init   dockerd
        +0     KILL runc -> 1
        +0.001 exit 1
        +0.002 zap by=A/1 B/1
        +0.003 exit B/1
        +0.004 end B
        +0.005 end
        => workload.init.comm web
        => stop.trigger owner-exit
        => 1 killed-unsignalled pidns-teardown init
        => cause.id pidns-owner-exited
        => cause.summary ~ around this one
        =2> stop.trigger sigkill
        ",
    );
}

/// All containers of a pod have one shim for a parent.
#[test]
fn a_neighbour_with_the_same_shim_is_no_runtime() {
    for name in ["sidecar", "runc"] {
        check(&format!(
            "
            init      pause handles=TERM
            container B web pid=20 joins=A handles=TERM
            container C {name} pid=30 joins=A shim=B
            +0     KILL C/30 -> B/20
            +0.001 exit B/20
            +0.1   gone B
            => 20 external init
            => cause.id killed-outside
            => cause.summary ~ a process of another container
            "
        ));
    }
}

#[test]
fn an_orphan_on_the_host_that_becomes_another_program_has_not_entered() {
    check(
        "
        container B web pid=20 joins=host handles=TERM
        member    B/21 sh parent=20
        +0     now B/21 orphan
        +0.1   execs B/21 worker
        +1     TERM runc -> B/20
        +1.1   exit B/20 code=0
        +1.2   KILL runc -> B/21
        +1.201 exit B/21
        +1.3   gone B
        => verdict forced
        => 9021 member runtime
        ",
    );
}

#[test]
fn kills_that_wait_to_be_told_are_told_at_the_end_of_the_trace() {
    let mut world = crate::world::play(
        "
        init   app
        member 7 worker
        +0     KILL 1 -> 7
        +0.001 exit 7
        ",
    );
    assert_eq!(world.outside.len(), 1, "told when it has waited");
    world.outside.clear();
    world.correlator.handle_finish();
    world.drain();
    assert!(world.outside.is_empty(), "and not twice");
}

/// The kernel drops it at delivery, for the init of any pid namespace.
#[test]
fn an_inner_init_that_blocked_the_signal_for_a_moment_has_not_taken_it() {
    check(
        "
        init   browser handles=TERM
        member 40 sandbox nested=1 blocks=TERM
        member 41 waiter nested=1 waits=TERM
        +0      TERM runc -> 1
        +0.001  TERM 1 -> 40,41
        +0.002  drops 40 TERM
        +10     KILL runc -> 1
        +10.001 exit 1
        +10.002 zap 40 41
        +10.003 exit 40
        +10.004 exit 41
        +10.005 end
        => 40 killed-ignoring
        => 40.stop_signal.taken false
        => 41 killed-handling
        => 41.stop_signal.disposition waited
        => lost_cleanup 2
        ",
    );
}
