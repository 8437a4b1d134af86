//! What is known of a workload later than its events come, and gates that are closed then.

use rinit_trace_core::model::Signal;

use crate::world::{check, play, play_until};

#[test]
fn a_signal_that_turns_out_to_be_a_reload_leaves_no_stop_open() {
    for (names, open) in [("stop=TERM", 0), ("stop=HUP", 1), ("stop=unknown", 1)] {
        let world = play_until(&format!(
            "
            init   nginx handles=HUP,TERM
            names  {names} when=told
            +0     HUP runc -> 1
            +0.5   names
            "
        ));
        assert_eq!(world.correlator.stats().open_stops, open, "{names}");
    }
}

/// Which one is configured is told between its coming and its being passed on.
#[test]
fn a_configured_stop_signal_that_is_told_late_loses_nothing_of_a_long_stop() {
    check(
        "
        init   docker-init waits=USR1
        names  stop=USR1 when=told
        member 7 sh handles=USR1
        member 8 sleep parent=7
        +0     USR1 runc -> 1
        +0.001 USR1 1 -> 7
        +0.002 names
        +3     exit 7 code=0
        +3.001 exit 1 code=0
        +3.002 zap 8
        +3.003 exit 8
        +3.004 end
        => verdict forced
        => cause.id forwarded-to-child-only
        => cause.confidence certain
        => stop.signal SIGUSR1
        => 7.stop_signal.received 1
        ",
    );
}

#[test]
fn the_kernel_side_is_told_of_an_unusual_stop_signal_and_when_it_is_over() {
    let world = play_until(
        "init app
names stop=USR1
+0 HUP host:bash -> 1",
    );
    let told: Vec<_> = world.recorded.iter().map(|(_, signal)| *signal).collect();
    assert_eq!(told, [Signal::USR1]);
    let world = play(
        "init app
names stop=USR1
+0 exit 1 code=0
+0.1 end",
    );
    assert_eq!(world.recorded, []);
    let world = play_until(
        "init app
names stop=QUIT
+0 HUP host:bash -> 1",
    );
    assert_eq!(world.recorded, []);
}

/// The record of the stop signal came out of the ring after the gate that it had opened was closed.
#[test]
fn a_stop_that_begins_while_its_gate_is_being_closed_is_not_called_graceful() {
    let text = |asked: &str| {
        format!(
            "
            init   app handles=TERM
            names  grace=10s
            +0     TERM host:bash -> 1
            +70    wait
            {asked} TERM runc -> 1
            +75    exit 1 code=0
            +75.1  end
            "
        )
    };
    let early = check(&(text("+69.9999") + "=> verdict unknown\n=> observation.lost_records 1"));
    assert_eq!(early.gates_reopened, [Some(Signal::TERM)]);
    // On another CPU, where it had been looked up before.
    let at_once = check(&(text("+70.005") + "=> verdict unknown\n=> observation.lost_records 1"));
    assert_eq!(at_once.gates_reopened, [Some(Signal::TERM)]);
    let later = check(&(text("+71") + "=> verdict graceful"));
    assert_eq!(later.gates_reopened, []);
}

/// The lookup began before the exec, and its answer came after it.
#[test]
fn arguments_that_were_read_before_an_exec_are_not_the_programs() {
    let stop = |events: &str| {
        format!(
            "
            init   sh cmd=sh,-c,entrypoint exe=/bin/dash
            names  when=told
            +0     TERM runc -> 1
            {events}
            +0.3   names
            +1     KILL runc -> 1
            +1.001 exit 1
            +1.002 end
            "
        )
    };
    let before = "+0.1 members\n+0.2 execs 1 app";
    let after = "+0.1 execs 1 app\n+0.2 members";
    for events in [before, after] {
        check(
            &(stop(events)
                + "=> workload.init.comm app\n=> workload.init.cmdline null\n=> workload.init.kind app"),
        );
    }
    check(&(stop("+0.1 members") + "=> workload.init.kind shell\n=> workload.init.cmdline.0 sh"));
}
