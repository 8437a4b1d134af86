//! What holds for any input, sensible or not.

use std::{collections::HashMap, time::Duration};

use proptest::prelude::*;
use rinit_trace_core::{
    correlate::{Config, Correlator, Output, Whose},
    diagnose::diagnose,
    model::{
        BootTime, Event, FindingId, ProcessKey, ProcessNames, SendResult, Signal, Task, Verdict,
        WorkloadId, WorkloadNames,
    },
};

use crate::{
    inputs::{Input, at_time, input, key, members, names, short_life, space},
    world::ZERO,
};

/// A correlator under random inputs, and what it owes.
struct Driver {
    correlator: Correlator,
    now: BootTime,
    /// Stops that have begun and neither closed nor come to nothing.
    open: HashMap<WorkloadId, bool>,
    reports: Vec<(ProcessKey, Verdict, Option<FindingId>)>,
}

impl Driver {
    fn new(config: Config) -> Self {
        Self {
            correlator: Correlator::new(config),
            now: ZERO,
            open: HashMap::new(),
            reports: Vec::new(),
        }
    }

    fn apply(&mut self, input: &Input) {
        match input {
            Input::Event(event) => self.correlator.handle_event(&at_time(event, self.now)),
            Input::Wait(by) => {
                self.now = self.now.plus(*by);
                self.wake();
            }
            Input::Names(number, names) => {
                self.correlator
                    .handle_names(space(*number).into(), (**names).clone());
            }
            Input::Members(number, members) => {
                self.correlator
                    .handle_members(space(*number).into(), members.clone());
            }
            Input::Loss(number, count) => {
                let ns = space(*number);
                let id = if ns.id == 0 {
                    u64::from(ns.inum)
                } else {
                    ns.id
                };
                self.correlator
                    .handle_loss((id, ns.init_start), Whose::Anybodys, *count, self.now);
            }
            Input::UnknownLoss => self
                .correlator
                .handle_unknown_loss(Whose::Anybodys, 1, self.now),
            Input::Known(number) => {
                let task = Task {
                    key: key(*number, 1),
                    ns: space(*number),
                    level: 1,
                    ns_init: key(*number, 1),
                    ..Task::default()
                };
                self.correlator.handle_workload(&task, "leaf");
            }
        }
        self.drain();
    }

    /// Tells the time; nothing may be due afterwards.
    fn wake(&mut self) {
        self.correlator.handle_time(self.now);
        let next = self.correlator.poll_timeout();
        assert!(next.is_none_or(|at| at > self.now), "a busy loop");
        self.drain();
    }

    fn drain(&mut self) {
        let mut gate_closed = None;
        while let Some(output) = self.correlator.poll_output() {
            match output {
                Output::StopBegan { id } => {
                    let before = self.open.insert(id, true);
                    assert_ne!(before, Some(true), "begun twice");
                }
                Output::CloseGate { id } => {
                    self.open.insert(id, false);
                    self.correlator.handle_gate_closed(id, self.now);
                    gate_closed = Some(id);
                }
                Output::RecordSignal { signal, .. } => assert!(!signal.is_usual_stop()),
                Output::OpenGate { id, .. } => assert_eq!(self.open.get(&id), Some(&true)),
                Output::Closed(closed) => {
                    assert!(gate_closed.is_some() || self.correlator.stats().evicted > 0);
                    let init = closed.facts.init;
                    let report = diagnose(*closed);
                    assert!(report.duration_ms >= 0.0);
                    assert_eq!(report.cause.is_some(), report.verdict == Verdict::Forced);
                    let cause = report.cause.map(|cause| cause.id);
                    self.reports.push((init, report.verdict, cause));
                }
                Output::SignalDropped(dropped) => assert!(dropped.at <= self.now),
                Output::KilledOutsideStop(kills) => assert!(!kills.victims.is_empty()),
                Output::LookupWorkload { .. }
                | Output::LookupMembers { .. }
                | Output::Forgotten { .. } => {}
            }
        }
    }

    fn settle(&mut self) {
        for _ in 0..100 {
            match self.correlator.poll_timeout() {
                Some(at) => {
                    self.now = self.now.max(at);
                    self.wake();
                }
                None => return,
            }
        }
        panic!("it never settles");
    }
}

/// Plays a life, with its lookups answered at once or after its end.
fn live(
    events: &[(Event, u64)],
    names: &WorkloadNames,
    members: &[ProcessNames],
    names_at_once: bool,
    members_at_once: bool,
) -> Driver {
    let mut driver = Driver::new(Config::default());
    let answer_names = Input::Names(0, Box::new(names.clone()));
    let answer_members = Input::Members(0, members.to_vec());
    driver.apply(&Input::Known(0));
    if names_at_once {
        driver.apply(&answer_names);
    }
    for (event, micros) in events {
        driver.apply(&Input::Event(event.clone()));
        if members_at_once {
            driver.apply(&answer_members);
        }
        driver.apply(&Input::Wait(Duration::from_micros(*micros)));
    }
    driver.apply(&answer_members);
    driver.apply(&answer_names);
    driver.settle();
    driver
}

fn touches_init(event: &Event) -> bool {
    match event {
        Event::Exit(exit) => exit.task.key == key(0, 1) && exit.task.level > 0,
        Event::Signal(sent) => {
            sent.target.key == key(0, 1)
                && sent.target.level > 0
                && sent.signal == Some(Signal::KILL)
                && sent.result != SendResult::Ignored
                // To what is left of one that has ended it is delivered, too, before 5.16.
                && !sent.state.is_dead()
        }
        _ => false,
    }
}

/// Few by default, so that all tests take a second; `PROPTEST_CASES=40000` is a thorough search.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases / 16,
        failure_persistence: None,
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_input_panics_and_every_stop_that_began_is_resolved(
        inputs in prop::collection::vec(input(), 0..120),
        max_workloads in 1..5_usize,
        max_facts in 0..30_usize,
    ) {
        let mut driver = Driver::new(Config { max_workloads, max_facts, ..Config::default() });
        for input in &inputs {
            driver.apply(input);
            prop_assert!(driver.correlator.stats().workloads <= max_workloads);
        }
        driver.settle();
        prop_assert_eq!(driver.correlator.stats().open_stops, 0);
        prop_assert!(driver.open.values().all(|open| !open));
    }

    #[test]
    fn a_namespace_whose_init_ended_has_exactly_one_report(
        events in short_life(),
        names in names(),
    ) {
        let driver = live(&events, &names, &[], true, true);
        let ended = events.iter().any(|(event, _)| touches_init(event));
        prop_assert!(driver.reports.len() <= 1);
        prop_assert!(!ended || driver.reports.len() == 1);
    }

    #[test]
    fn the_order_of_answers_changes_no_verdict_and_no_cause(
        events in short_life(),
        names in names(),
        members in members(0),
    ) {
        // Without its exit, only a stop signal tells that there was a stop at all.
        if !events.iter().any(|(event, _)| touches_init(event)) {
            return Ok(());
        }
        let first = live(&events, &names, &members, true, true);
        for (names_at_once, members_at_once) in [(false, true), (true, false), (false, false)] {
            let other = live(&events, &names, &members, names_at_once, members_at_once);
            prop_assert_eq!(&first.reports, &other.reports);
        }
    }

    #[test]
    fn times_at_the_edge_of_the_clock_end_too(
        inputs in prop::collection::vec(input(), 0..40),
    ) {
        let mut driver = Driver::new(Config::default());
        driver.now = BootTime(u64::MAX - 1_000_000);
        for input in &inputs {
            if let Input::Event(event) = input {
                driver.correlator.handle_event(&at_time(event, driver.now));
                driver.now = BootTime(driver.now.0.saturating_add(100_000));
            }
        }
        driver.correlator.handle_time(BootTime(u64::MAX));
        prop_assert_eq!(driver.correlator.poll_timeout(), None);
    }
}
