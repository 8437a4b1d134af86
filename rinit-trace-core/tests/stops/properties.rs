//! What holds for any input, sensible or not.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use proptest::prelude::*;
use rinit_trace_core::{
    correlate::{Config, Correlator, Output},
    diagnose::diagnose,
    model::{
        BootTime, CgroupIds, DeliverEvent, Disposition, Event, ExitEvent, ExitStatus, FindingId,
        Grace, GraceSource, PidNs, ProcessKey, ProcessNames, SendResult, Signal, SignalEvent,
        SignalInfo, Task, TaskState, Verdict, WorkloadNames,
    },
};

use crate::world::ZERO;

/// Namespaces, and processes in each.
const SPACES: u32 = 4;
const PIDS: u32 = 5;

/// One input.
#[derive(Clone, Debug)]
enum Input {
    Event(Event),
    /// Time passes.
    Wait(Duration),
    Names(u32, Box<WorkloadNames>),
    Members(u32, Vec<ProcessNames>),
    Loss(u32, u64),
    UnknownLoss,
    Known(u32),
}

fn space(number: u32) -> PidNs {
    PidNs {
        // The last is one of a kernel without ns_id.
        id: if number == SPACES - 1 {
            0
        } else {
            u64::from(100 + number)
        },
        inum: 4000 + number % 2,
        init_start: ZERO.0 - u64::from(number),
    }
}

fn key(number: u32, pid: u32) -> ProcessKey {
    ProcessKey {
        tgid: 1000 * number + pid,
        start: space(number).init_start + u64::from(pid - 1) * 10_000_000,
    }
}

prop_compose! {
    fn any_task(space_number: u32)(
        pid in 1..=PIDS,
        level in prop_oneof![9 => Just(1_u32), 1 => 0..3_u32],
        parent_level in 0..2_u32,
        parent in 1..=PIDS,
        sid in prop::option::of(1..=PIDS),
        flags in prop_oneof![Just(0_u32), Just(4)],
        ptrace in prop_oneof![9 => Just(0_u32), 1 => any::<u32>()],
        comm in prop_oneof![Just("sh"), Just("tini"), Just("runc"), Just("java"), Just("")],
        cgroup in prop_oneof![9 => Just(5_u64), 1 => 0..3_u64],
    ) -> Task {
        Task {
            key: key(space_number, pid),
            tid: key(space_number, pid).tgid,
            ns: space(space_number),
            level,
            ns_tgid: pid,
            ns_init: key(space_number, 1),
            ppid: if parent_level == 0 { 900 } else { key(space_number, parent).tgid },
            parent_level,
            pgid: sid,
            sid,
            flags,
            ptrace,
            comm: comm.to_owned(),
            parent_comm: "containerd-shim".to_owned(),
            cgroups: CgroupIds { v2: cgroup, v1: 0 },
        }
    }
}

fn task(number: u32) -> BoxedStrategy<Task> {
    any_task(number).boxed()
}

fn runtime() -> Task {
    Task {
        key: ProcessKey {
            tgid: 950,
            start: 7,
        },
        tid: 950,
        ns: PidNs {
            id: 1,
            inum: 1,
            init_start: 1,
        },
        ppid: 900,
        comm: "runc".to_owned(),
        ..Task::default()
    }
}

prop_compose! {
    fn state()(
        handled in any::<u64>(),
        ignored in any::<u64>(),
        blocked in prop_oneof![Just(0_u64), any::<u64>()],
        real_blocked in prop_oneof![Just(0_u64), any::<u64>()],
        pending in prop_oneof![Just(0_u64), any::<u64>()],
        exec_id in 0..3_u64,
        signal_flags in prop_oneof![Just(0_u32), Just(4), Just(0x40)],
        group_exit_code in prop_oneof![Just(9_u32), Just(15), Just(0)],
        ns_tasks in 0..5_u32,
        oom in prop::bool::weighted(0.05),
    ) -> TaskState {
        TaskState {
            handled, ignored, blocked, real_blocked, pending, exec_id, signal_flags,
            group_exit_code, pdeath_signal: 0, ns_tasks, oom,
        }
    }
}

fn signal() -> impl Strategy<Value = Signal> {
    prop_oneof![
        3 => Just(Signal::TERM),
        3 => Just(Signal::KILL),
        1 => Just(Signal::HUP),
        1 => (1..=64_u8).prop_map(Signal),
    ]
}

fn disposition() -> impl Strategy<Value = Disposition> {
    prop_oneof![
        Just(Disposition::Default),
        Just(Disposition::Ignored),
        Just(Disposition::Handled),
    ]
}

fn result() -> impl Strategy<Value = SendResult> {
    prop_oneof![
        4 => Just(SendResult::Delivered),
        4 => Just(SendResult::Ignored),
        1 => Just(SendResult::AlreadyPending),
        1 => Just(SendResult::LoseInfo),
    ]
}

fn info() -> impl Strategy<Value = SignalInfo> {
    prop_oneof![
        2 => Just(SignalInfo::Code(Some(0))),
        1 => Just(SignalInfo::Kernel),
        1 => Just(SignalInfo::NoInfo),
        1 => any::<i32>().prop_map(|code| SignalInfo::Code(Some(code))),
        1 => Just(SignalInfo::Code(None)),
    ]
}

fn status() -> impl Strategy<Value = ExitStatus> {
    prop_oneof![
        any::<u8>().prop_map(ExitStatus::Code),
        signal().prop_map(ExitStatus::Signal),
        Just(ExitStatus::Signal(Signal::KILL)),
    ]
}

fn sent(number: u32) -> BoxedStrategy<Event> {
    (
        (signal(), info(), any::<bool>(), result(), disposition()),
        prop_oneof![task(number), Just(runtime()), task((number + 1) % SPACES)],
        (task(number), state(), 0..3_u32),
    )
        .prop_map(|(head, sender, (target, state, folded))| {
            let (signal, info, group, result, disposition) = head;
            Event::Signal(Box::new(SignalEvent {
                at: BootTime(0),
                signal: Some(signal),
                info,
                group,
                result,
                disposition,
                folded,
                sender,
                target,
                state,
                leaf: String::new(),
            }))
        })
        .boxed()
}

fn exit(number: u32) -> BoxedStrategy<Event> {
    (task(number), state(), status())
        .prop_map(|(task, state, status)| {
            Event::Exit(Box::new(ExitEvent {
                at: BootTime(0),
                task,
                state,
                status,
                leaf: "leaf".to_owned(),
            }))
        })
        .boxed()
}

fn event(number: u32) -> BoxedStrategy<Event> {
    let at = BootTime(0);
    prop_oneof![
        8 => sent(number),
        5 => exit(number),
        1 => (task(number), signal(), disposition()).prop_map(move |(task, signal, disposition)| {
            Event::Deliver(Box::new(DeliverEvent { at, task, signal, disposition }))
        }),
        1 => (1..1000 * SPACES).prop_map(move |tid| Event::Oom { at, tid }),
        1 => task(number).prop_map(move |task| Event::Teardown { at, task: Box::new(task) }),
        1 => task(number).prop_map(move |task| {
            Event::Exec { at, task: Box::new(task), leaf: String::new() }
        }),
        1 => task(number).prop_map(move |task| Event::NamespaceEnd { at, task: Box::new(task) }),
    ]
    .boxed()
}

fn names() -> impl Strategy<Value = WorkloadNames> {
    (
        prop::option::of(0..100_000_u64),
        prop::option::of(prop_oneof![Just(Signal::USR1), Just(Signal::TERM)]),
    )
        .prop_map(|(grace, stop_signal)| WorkloadNames {
            grace: grace.map(|seconds| Grace {
                period: Duration::from_secs(seconds),
                source: GraceSource::Pod,
            }),
            stop_signal,
            ..WorkloadNames::default()
        })
}

fn members(number: u32) -> impl Strategy<Value = Vec<ProcessNames>> {
    let member = (
        1..=PIDS,
        1..=PIDS,
        any::<bool>(),
        prop::option::of(1..=PIDS),
    );
    prop::collection::vec(member, 0..6).prop_map(move |members| {
        members
            .into_iter()
            .map(|(pid, parent, parent_inside, sid)| ProcessNames {
                pid: key(number, pid).tgid,
                start_ticks: key(number, pid).start / 10_000_000,
                ppid: key(number, parent).tgid,
                parent_inside,
                sid,
                ..ProcessNames::default()
            })
            .collect()
    })
}

fn input() -> BoxedStrategy<Input> {
    let wait = prop_oneof![
        5 => 0..2_000_u64,
        2 => 0..40_000_000_u64,
        1 => 0..10_000_000_000_u64,
    ];
    (0..SPACES)
        .prop_flat_map(move |number| {
            prop_oneof![
                12 => event(number).prop_map(Input::Event),
                6 => wait.clone().prop_map(|micros| Input::Wait(Duration::from_micros(micros))),
                2 => names().prop_map(move |names| Input::Names(number, Box::new(names))),
                2 => members(number).prop_map(move |members| Input::Members(number, members)),
                1 => (1..5_u64).prop_map(move |count| Input::Loss(number, count)),
                1 => Just(Input::UnknownLoss),
                1 => Just(Input::Known(number)),
            ]
        })
        .boxed()
}

/// The event at another time.
fn at_time(event: &Event, time: BootTime) -> Event {
    let mut event = event.clone();
    match &mut event {
        Event::Signal(event) => event.at = time,
        Event::Exit(event) => event.at = time,
        Event::Deliver(event) => event.at = time,
        Event::Oom { at, .. }
        | Event::Teardown { at, .. }
        | Event::Exec { at, .. }
        | Event::NamespaceEnd { at, .. } => *at = time,
    }
    event
}

/// A correlator under random inputs, and what it owes.
struct Driver {
    correlator: Correlator,
    now: BootTime,
    /// Stops that have begun and neither closed nor come to nothing.
    open: HashMap<PidNs, bool>,
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
                    .handle_names(space(*number), (**names).clone());
            }
            Input::Members(number, members) => {
                self.correlator
                    .handle_members(space(*number), members.clone());
            }
            Input::Loss(number, count) => {
                let ns = space(*number);
                let id = if ns.id == 0 {
                    u64::from(ns.inum)
                } else {
                    ns.id
                };
                self.correlator
                    .handle_loss(id, ns.init_start, *count, self.now);
            }
            Input::UnknownLoss => self.correlator.handle_unknown_loss(1, self.now),
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
                Output::StopBegan { ns } => {
                    let before = self.open.insert(ns, true);
                    assert_ne!(before, Some(true), "begun twice");
                }
                Output::CloseGate { ns } => {
                    self.open.insert(ns, false);
                    gate_closed = Some(ns);
                }
                Output::Closed(closed) => {
                    assert!(gate_closed.is_some() || self.correlator.stats().evicted > 0);
                    let init = closed.facts.init;
                    let report = diagnose(*closed);
                    assert!(report.duration_ms >= 0.0);
                    assert_eq!(report.cause.is_some(), report.verdict == Verdict::Forced);
                    let cause = report.cause.map(|cause| cause.id);
                    self.reports.push((init, report.verdict, cause));
                }
                Output::LookupWorkload { .. } | Output::LookupMembers { .. } => {}
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

/// Events of one namespace within 20 seconds, its end last.
fn short_life() -> impl Strategy<Value = Vec<(Event, u64)>> {
    let end = task(0).prop_map(|task| Event::NamespaceEnd {
        at: BootTime(0),
        task: Box::new(Task { level: 1, ..task }),
    });
    let life = prop_oneof![sent(0), exit(0)];
    (prop::collection::vec((life, 0..500_000_u64), 1..40), end).prop_map(|(mut events, end)| {
        // A process ends once.
        let mut ended = HashSet::new();
        events.retain(|(event, _)| match event {
            Event::Exit(exit) => ended.insert(exit.task.key),
            _ => true,
        });
        events.push((end, 0));
        events
    })
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
        }
        _ => false,
    }
}

/// Few by default, so that all tests take a second; `PROPTEST_CASES=20000` is a thorough search.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases / 8,
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
