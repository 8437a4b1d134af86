//! What a container can do without end takes nothing from what is known of its stop, and of those of others.

use std::time::Duration;

use rinit_trace_core::{
    correlate::Config,
    model::{DeliverEvent, Disposition, Event, ExitStatus, Outcome, Signal, StopReport, Verdict},
};

use crate::world::{Sent, World, ZERO, check};

const MANY: u64 = 6000;

fn at(micros: u64) -> rinit_trace_core::model::BootTime {
    ZERO.plus(Duration::from_micros(micros))
}

fn world(max_facts: usize) -> World {
    World::new(Config {
        max_facts,
        ..Config::default()
    })
}

/// An app with a handler, and so many members.
fn add_app(world: &mut World, letter: char, members: u32) {
    world.add_namespace(letter, "app", Duration::from_secs(9));
    world.process((letter, 1)).handled = u64::MAX;
    for pid in 2..2 + members {
        let mut member = world.process((letter, 1)).clone();
        member.id = (letter, pid);
        member.parent = Some(1);
        world.processes.insert(member.id, member);
    }
}

fn ask(world: &mut World, letter: char) {
    let runc = rinit_trace_core::model::Task {
        comm: "runc".to_owned(),
        ..Default::default()
    };
    world.send(ZERO, runc, (letter, 1), &Sent::new(Signal::TERM));
}

/// PID 1 ends, and the kernel kills the members.
fn end(world: &mut World, from: u64, letter: char, members: u32) -> StopReport {
    world.exit(at(from), (letter, 1), Some(ExitStatus::Code(0)), false);
    for pid in 2..2 + members {
        world.zap(at(from + u64::from(pid)), (letter, 1), (letter, pid));
    }
    for pid in 2..2 + members {
        let killed = Some(ExitStatus::Signal(Signal::KILL));
        world.exit(
            at(from + 1000 + u64::from(pid)),
            (letter, pid),
            killed,
            false,
        );
    }
    world.end(at(from + 5000), letter);
    world.reports.pop().expect("a report")
}

/// All of them are told as killed, and nothing is missing.
fn is_whole(world: &World, report: &StopReport, members: usize) {
    assert_eq!(report.verdict, Verdict::Forced);
    let killed = |outcome: Outcome| outcome.is_killed();
    let killed = report
        .processes
        .iter()
        .filter(|process| killed(process.outcome));
    assert_eq!(killed.count(), members);
    let facts = &world.closed.last().expect("a closed stop").facts;
    assert_eq!(facts.dropped_facts, 0);
}

#[test]
fn members_that_were_killed_are_listed_whatever_pid_1_sends_itself() {
    let mut world = world(1000);
    add_app(&mut world, 'A', 50);
    ask(&mut world, 'A');
    let task = world.task(('A', 1));
    let usr1 = Sent::new(Signal::USR1);
    for number in 0..MANY {
        world.send(at(10 + number), task.clone(), ('A', 1), &usr1);
        world.handle(&Event::Deliver(Box::new(DeliverEvent {
            at: at(10 + number),
            task: task.clone(),
            signal: Signal::USR1,
            disposition: Disposition::Handled,
        })));
    }
    let report = end(&mut world, MANY + 100, 'A', 50);
    is_whole(&world, &report, 50);
}

#[test]
fn members_that_signal_each_other_are_all_told() {
    let mut world = world(2000);
    add_app(&mut world, 'A', 30);
    ask(&mut world, 'A');
    let signals = [Signal::TERM, Signal::INT, Signal::QUIT];
    for number in 0..MANY {
        let pid = |number: u64| 2 + u32::try_from(number % 30).unwrap();
        let sender = world.task(('A', pid(number)));
        let signal = signals[usize::try_from(number % 3).unwrap()];
        let target = ('A', pid(number / 30));
        world.send(at(10 + number), sender, target, &Sent::new(signal));
    }
    let report = end(&mut world, MANY + 100, 'A', 30);
    is_whole(&world, &report, 30);
    let received: u32 = report
        .processes
        .iter()
        .map(|process| process.stop_signal.received)
        .sum();
    // None is forgotten: those that would end a program are the ones that count.
    let asking = 1 + u32::try_from(MANY).unwrap();
    assert_eq!(received, asking);
}

/// Each keeps as much as one may, in a grace period of years.
#[test]
fn a_stop_that_hoards_facts_pays_for_that_alone() {
    let mut world = world(400);
    for letter in 'A'..='E' {
        add_app(&mut world, letter, 399);
        ask(&mut world, letter);
        for pid in 2..401 {
            let done = Some(ExitStatus::Code(0));
            world.exit(at(10 + u64::from(pid)), (letter, pid), done, false);
        }
    }
    add_app(&mut world, 'Z', 100);
    ask(&mut world, 'Z');
    for pid in 2..102 {
        let done = Some(ExitStatus::Code(0));
        world.exit(at(2000 + u64::from(pid)), ('Z', pid), done, false);
    }
    let report = end(&mut world, 3000, 'Z', 0);
    assert_eq!(report.verdict, Verdict::Graceful);
    assert_eq!(report.processes.len(), 101);
    for letter in 'A'..='E' {
        let report = end(&mut world, 10_000, letter, 0);
        let facts = &world.closed.last().expect("a closed stop").facts;
        let is_known = facts.dropped_facts == 0;
        let expected = if is_known {
            Verdict::Graceful
        } else {
            Verdict::Unknown
        };
        assert_eq!(report.verdict, expected);
    }
}

/// Nothing but signals to the init, each of another sender from outside: of those the oldest go.
#[test]
fn what_a_stop_has_of_its_init_alone_is_given_up_as_well() {
    let mut world = world(1000);
    for letter in 'A'..='J' {
        add_app(&mut world, letter, 0);
        for number in 0..490 {
            let mut sender = rinit_trace_core::model::Task::default();
            sender.key.tgid = 100_000 + u32::try_from(number).unwrap();
            let sent = Sent::new(Signal::TERM);
            world.send(at(number), sender, (letter, 1), &sent);
        }
    }
    let mut incomplete = 0;
    for letter in 'A'..='J' {
        let report = end(&mut world, 1000, letter, 0);
        let left_out = report.observation.left_out;
        incomplete += u64::from(left_out > 0);
        let expected = if left_out > 0 {
            Verdict::Unknown
        } else {
            Verdict::Graceful
        };
        assert_eq!(report.verdict, expected);
    }
    assert!((1..10).contains(&incomplete), "{incomplete}");
}

/// Of many drops the oldest are counted and have no time: how many of those are of the stop is not known.
#[test]
fn how_often_pid_1_dropped_a_signal_in_a_flood_is_not_guessed() {
    for (dropped, taken) in [(60, Some(false)), (200, None)] {
        let mut world = world(1000);
        add_app(&mut world, 'A', 0);
        world.process(('A', 1)).handled = 0;
        world.process(('A', 1)).blocked = Signal::TERM.bit();
        // A signal that asks, long before the one that begins the stop.
        ask(&mut world, 'A');
        let task = world.task(('A', 1));
        let begin = 60_000_000;
        for number in 0..dropped {
            let micros = if number < dropped / 2 {
                number
            } else {
                begin + 10 + number
            };
            world.handle(&Event::Deliver(Box::new(DeliverEvent {
                at: at(1 + micros),
                task: task.clone(),
                signal: Signal::TERM,
                disposition: Disposition::Default,
            })));
            if number + 1 == dropped / 2 {
                world.process(('A', 1)).pending = 0;
                let runc = rinit_trace_core::model::Task {
                    comm: "runc".to_owned(),
                    ..Default::default()
                };
                world.send(at(begin), runc, ('A', 1), &Sent::new(Signal::TERM));
            }
        }
        world.process(('A', 1)).pending = 0;
        let report = end(&mut world, begin + 2000, 'A', 0);
        assert_eq!(report.stop.taken, taken, "{dropped}");
    }
}

/// Users make namespaces without end: what is lost of those says nothing about a container of root's.
#[test]
fn a_loss_of_users_that_nobody_can_place_concerns_users_alone() {
    let stop = |whose: &str, expected: &str| {
        check(&format!(
            "
            init   app handles=TERM {whose}
            +0     TERM runc -> 1
            +0.5   lost 2 unknown users
            +1     exit 1 code=0
            +1     end
            {expected}
            "
        ));
    };
    stop("", "=> verdict graceful\n=> observation.lost_records 0");
    stop(
        "delegated",
        "=> verdict unknown\n=> observation.lost_records 2",
    );
}
