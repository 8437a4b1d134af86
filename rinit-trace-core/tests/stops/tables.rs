//! Several workloads, full tables, large stops.

use std::time::{Duration, Instant};

use rinit_trace_core::{
    correlate::Config,
    model::{
        Event, ExitStatus, FindingId, Outcome, PidNs, SendResult, Signal, SignalEvent, SignalInfo,
        StopReport, Task, Verdict,
    },
};

use crate::world::{Sent, World, ZERO, check};

#[test]
fn stops_of_two_containers_are_told_apart() {
    check(
        "
        init   sh
        init   B app handles=TERM
        member 7 java
        member B/7 worker handles=TERM
        +0     TERM runc -> 1
        +0.001 TERM runc -> B/1
        +0.002 TERM B/1 -> B/7
        +0.1   exit B/7 code=0
        +0.2   exit B/1 code=0
        +0.201 end B
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  zap 7
        +10.3  exit 7
        +10.4  end
        => reports 2
        => verdict graceful
        => workload.init.comm app
        => processes 2
        => signals 2
        =2> verdict forced
        =2> cause.id init-no-handler
        =2> signals 3
        ",
    );
}

#[test]
fn an_inum_that_is_reused_at_once_is_another_namespace() {
    check(
        "
        init   app age=1h
        init   B app age=0s inum-of=A
        +0     KILL runc -> 1
        +0.001 exit 1
        +0.002 end
        +0.003 TERM runc -> B/1
        +1     exit B/1 code=0
        +1.001 end B
        => reports 2
        => stop.trigger sigkill
        =2> stop.trigger stop-signal
        =2> verdict graceful
        ",
    );
}

#[test]
fn stragglers_of_a_closed_stop_open_no_other() {
    check(
        "
        init   app handles=TERM
        member 7 worker
        +0     TERM runc -> 1
        +1     exit 1 code=0
        +1.1   end
        +1.2   KILL runc -> 1
        +2     exit 7
        +3     exit 1
        => reports 1
        ",
    );
}

#[test]
fn the_quietest_workload_makes_room_and_an_open_stop_is_closed_last() {
    let mut text = "trace max_workloads=3\n".to_owned();
    for (second, letter) in ('A'..='F').enumerate() {
        text += &format!("init {letter} app handles=TERM\nmember {letter}/7 nfs\n");
        text += &format!("+{second} TERM runc -> {letter}/1\n+{second}.1 exit {letter}/1 code=0\n");
    }
    for letter in ['D', 'E', 'F'] {
        text += &format!("+6 exit {letter}/7 code=0\n+6 end {letter}\n");
    }
    // Three had to go while they were ending: with what was known, and not called graceful.
    let world = check(&(text + "=> reports 6"));
    assert_eq!(world.correlator.stats().evicted, 3);
    let unknown = world
        .reports
        .iter()
        .filter(|report| report.verdict == Verdict::Unknown)
        .count();
    assert_eq!(unknown, 3);
}

#[test]
fn closed_workloads_make_room_before_those_that_run() {
    let world = check(
        "
        trace max_workloads=2
        init  sh
        init  B job
        init  C other
        +0     TERM runc -> 1
        +3h    exit B/1 code=0
        +3h    end B
        +3h+1  exit C/1 code=0
        +3h+1  end C
        +3h+2  KILL runc -> 1
        +3h+2  exit 1
        +3h+2  end
        => reports 3
        =3> cause.id init-no-handler
        ",
    );
    assert_eq!(world.correlator.stats().evicted, 1);
}

/// A user may make namespaces without end: those take half of the table, and then one another's place.
#[test]
fn workloads_of_users_leave_half_of_the_table() {
    let mut text = "trace max_workloads=8\ninit sh\n+0 TERM runc -> 1\n".to_owned();
    for (second, letter) in ('B'..='D').enumerate() {
        text += &format!("init {letter} app\n+{second} HUP runc -> {letter}/1\n");
    }
    for (second, letter) in ('E'..='M').enumerate() {
        text += &format!("init {letter} app delegated\n+1{second} TERM runc -> {letter}/1\n");
    }
    text += "
        +30    KILL runc -> 1
        +30.1  exit 1
        +30.2  end
        =1> cause.id init-no-handler
        =1> cause.confidence certain
        ";
    let world = check(&text);
    // Nine of users, of which four had room.
    assert_eq!(world.correlator.stats().evicted, 5);
}

#[test]
fn a_full_table_of_facts_loses_members_and_never_the_end() {
    let mut text = "
        trace max_facts=50
        init  app handles=TERM
        +0    TERM runc -> 1
        "
    .to_owned();
    for pid in 100..200 {
        text += &format!("+1 spawn {pid} bomb\n+1.1 exit {pid}\n");
    }
    text += "
        +2   KILL runc -> 1
        +2.1 exit 1
        +2.2 end
        => reports 1
        => verdict forced
        => cause.id grace-exceeded
        => cause.confidence likely
        => lost_cleanup null
        ";
    let world = check(&text);
    assert_eq!(world.closed[0].facts.dropped_facts, 52);
}

#[test]
fn ten_thousand_members_are_no_burden() {
    let mut world = World::new(Config::default());
    world.add_namespace('A', "sh", std::time::Duration::from_secs(9));
    let pids: Vec<u32> = (2..10_002).collect();
    let init = world.process(('A', 1)).clone();
    let at = |micros: u64| ZERO.plus(std::time::Duration::from_micros(micros));
    for pid in &pids {
        let mut process = init.clone();
        process.id = ('A', *pid);
        process.parent = Some((*pid - 1).max(1));
        world.processes.insert(process.id, process);
    }
    let started = Instant::now();
    world.exit(at(0), ('A', 1), None, false);
    // The simulated host counts its tasks for every record: quadratic by itself, so straight in.
    let (mut kill, mut exit) = world.samples(('A', 2));
    for pid in &pids {
        (kill.target.key.tgid, kill.target.ns_tgid) = (8000 + pid, *pid);
        kill.target.ppid = 8000 + pid - 1;
        kill.at = at(u64::from(*pid));
        world.handle(&rinit_trace_core::model::Event::Signal(Box::new(
            kill.clone(),
        )));
    }
    for pid in pids.iter().rev() {
        (exit.task.key.tgid, exit.task.ns_tgid) = (8000 + pid, *pid);
        exit.at = at(20_000 + u64::from(*pid));
        world.handle(&rinit_trace_core::model::Event::Exit(Box::new(
            exit.clone(),
        )));
    }
    world.end(at(50_000), 'A');
    let took = started.elapsed();
    assert_eq!(world.reports[0].processes.len(), 10_001);
    let killed = |outcome| outcome == Outcome::KilledUnsignalled;
    let victims = world.reports[0]
        .processes
        .iter()
        .filter(|process| killed(process.outcome));
    assert_eq!(victims.count(), 10_000);
    assert!(took.as_millis() < 2000, "{took:?}");
}

/// A stop of an app with this many zombies, or with this many members whom the host has signalled.
fn large_stop(count: u32, zombies: bool) -> StopReport {
    let mut world = World::new(Config::default());
    world.add_namespace('A', "app", Duration::from_secs(9));
    world.process(('A', 1)).handled = u64::MAX;
    let mut member = world.process(('A', 1)).clone();
    (member.id, member.parent) = (('A', 2), Some(1));
    world.processes.insert(member.id, member);
    let (zap, exit) = world.samples(('A', 2));
    let host = Task::default();
    let asked = SignalEvent {
        signal: Some(Signal::TERM),
        info: SignalInfo::Code(Some(0)),
        sender: host.clone(),
        ..zap.clone()
    };
    let at = |micros: u32| ZERO.plus(Duration::from_micros(u64::from(micros)));
    let sent = |event: &SignalEvent, micros: u32, pid: u32| {
        let mut event = event.clone();
        event.at = at(micros);
        (event.target.key.tgid, event.target.ns_tgid) = (8000 + pid, pid);
        (event.state.signal_flags, event.result) = if zombies {
            (4, SendResult::Ignored)
        } else {
            (0, SendResult::Delivered)
        };
        Event::Signal(Box::new(event))
    };
    world.send(at(0), host, ('A', 1), &Sent::new(Signal::TERM));
    let pids = || 10..10 + count;
    if !zombies {
        pids().for_each(|pid| world.handle(&sent(&asked, pid, pid)));
    }
    world.exit(at(count + 20), ('A', 1), Some(ExitStatus::Code(0)), false);
    for pid in pids() {
        world.handle(&sent(&zap, count + 20 + pid, pid));
    }
    for pid in pids().filter(|_| !zombies) {
        let mut exit = exit.clone();
        exit.at = at(2 * count + 100 + pid);
        (exit.task.key.tgid, exit.task.ns_tgid) = (8000 + pid, pid);
        world.handle(&Event::Exit(Box::new(exit)));
    }
    let started = Instant::now();
    world.end(at(4 * count), 'A');
    let took = started.elapsed();
    assert!(took.as_millis() < 2000, "{took:?}");
    world.reports.remove(0)
}

#[test]
fn tens_of_thousands_of_zombies_are_no_burden() {
    let report = large_stop(45_000, true);
    assert_eq!(report.findings[0].id, FindingId::Unreaped);
    assert_eq!(report.findings[0].pids.len(), 45_000);
    assert_eq!(report.verdict, Verdict::Graceful);
}

#[test]
fn ten_thousand_members_that_were_signalled_are_no_burden() {
    let report = large_stop(10_000, false);
    assert_eq!(report.findings[0].id, FindingId::InitExitedEarly);
    assert_eq!(report.findings[0].pids.len(), 10_000);
    assert_eq!(report.processes.len(), 10_001);
}

#[test]
fn deadlines_of_many_workloads_cost_little() {
    let mut world = World::new(Config::default());
    world.add_namespace('A', "app", std::time::Duration::from_secs(9));
    let (mut kill, _) = world.samples(('A', 1));
    let started = Instant::now();
    for number in 0..10_000 {
        kill.target.ns.id = 1_000_000 + number;
        kill.target.ns.inum = 7;
        kill.target.key.start = number;
        kill.target.ns_init = kill.target.key;
        kill.sender.ns = PidNs::default();
        kill.at = ZERO.plus(std::time::Duration::from_micros(number));
        let event = rinit_trace_core::model::Event::Signal(Box::new(kill.clone()));
        world.correlator.handle_event(&event);
        assert!(world.correlator.poll_timeout().is_some());
        while world.correlator.poll_output().is_some() {}
    }
    assert_eq!(world.correlator.stats().open_stops, 10_000);
    let took = started.elapsed();
    assert!(took.as_millis() < 2000, "{took:?}");
}
