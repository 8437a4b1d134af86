//! Inputs of a correlator, sensible or not, for the property tests.

use std::{collections::HashSet, time::Duration};

use proptest::prelude::*;
use rinit_trace_core::model::{
    BootTime, CgroupIds, DeliverEvent, Disposition, Event, ExitEvent, ExitStatus, Grace,
    GraceSource, PidNs, ProcessKey, ProcessNames, SendResult, Signal, SignalEvent, SignalInfo,
    Task, TaskState, WorkloadNames,
};

use crate::world::{ZERO, check};

/// Namespaces, and processes in each.
pub(crate) const SPACES: u32 = 4;
pub(crate) const PIDS: u32 = 5;

/// One input.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Event(Event),
    /// Time passes.
    Wait(Duration),
    Names(u32, Box<WorkloadNames>),
    Members(u32, Vec<ProcessNames>),
    Loss(u32, u64),
    UnknownLoss,
    Known(u32),
}

pub(crate) fn space(number: u32) -> PidNs {
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

pub(crate) fn key(number: u32, pid: u32) -> ProcessKey {
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
        container in prop_oneof![9 => Just(0_u64), 1 => 5..7_u64],
        nested in prop_oneof![9 => Just(0_u32), 1 => Just(1)],
        entered in prop::bool::weighted(0.1),
    ) -> Task {
        // The init's parent lives outside.
        let parent_level = if pid == 1 { 0 } else { parent_level };
        Task {
            key: key(space_number, pid),
            tid: key(space_number, pid).tgid,
            ns: space(space_number),
            level,
            ns_tgid: pid,
            ns_init: key(space_number, 1),
            container,
            main: key(space_number, 2).tgid,
            inner_level: level + nested,
            inner_tgid: pid,
            ppid: if parent_level == 0 { 900 } else { key(space_number, parent).tgid },
            parent_level,
            pgid: sid,
            sid,
            has_entered: entered && pid != 1,
            euid: None,
            is_delegated: false,
            is_of_root: level == 1,
            flags,
            ptrace,
            comm: comm.to_owned(),
            parent_comm: "containerd-shim".to_owned(),
            cgroups: CgroupIds { v2: cgroup, v1: 0 },
        }
    }
}

pub(crate) fn task(number: u32) -> BoxedStrategy<Task> {
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
        threads in 0..4_u32,
    ) -> TaskState {
        TaskState {
            handled, ignored, blocked, real_blocked, pending, exec_id, signal_flags,
            group_exit_code, pdeath_signal: 0, ns_tasks, oom, threads,
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

fn tracer() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![9 => Just(None), 1 => (1..=PIDS).prop_map(Some)]
}

/// Of a container that seems to share its namespace; with one of two it does.
fn leaf(task: &Task) -> String {
    match task.container {
        6 => format!("{:064x}", 6),
        _ => String::new(),
    }
}

fn sent(number: u32) -> BoxedStrategy<Event> {
    (
        (signal(), info(), any::<bool>(), result(), disposition()),
        prop_oneof![task(number), Just(runtime()), task((number + 1) % SPACES)],
        (task(number), state(), 0..3_u32, tracer()),
    )
        .prop_map(|(head, sender, (target, state, folded, tracer))| {
            let (signal, info, group, result, disposition) = head;
            Event::Signal(Box::new(SignalEvent {
                at: BootTime(0),
                signal: Some(signal),
                info,
                group,
                result,
                disposition,
                folded,
                tracer,
                settled: None,
                sender,
                leaf: leaf(&target),
                target,
                state,
            }))
        })
        .boxed()
}

fn exit(number: u32) -> BoxedStrategy<Event> {
    (task(number), state(), status())
        .prop_map(|(task, state, status)| {
            Event::Exit(Box::new(ExitEvent {
                at: BootTime(0),
                leaf: leaf(&task),
                task,
                state,
                status,
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
            Event::Exec { at, leaf: leaf(&task), task: Box::new(task) }
        }),
        1 => task(number).prop_map(move |task| Event::NamespaceEnd { at, task: Box::new(task) }),
        1 => (5..7_u64).prop_map(move |cgroup| Event::CgroupEnd { at, cgroup }),
    ]
    .boxed()
}

pub(crate) fn names() -> impl Strategy<Value = WorkloadNames> {
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

pub(crate) fn members(number: u32) -> impl Strategy<Value = Vec<ProcessNames>> {
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

pub(crate) fn input() -> BoxedStrategy<Input> {
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
pub(crate) fn at_time(event: &Event, time: BootTime) -> Event {
    let mut event = event.clone();
    match &mut event {
        Event::Signal(event) => event.at = time,
        Event::Exit(event) => event.at = time,
        Event::Deliver(event) => event.at = time,
        Event::Oom { at, .. }
        | Event::Teardown { at, .. }
        | Event::Exec { at, .. }
        | Event::NamespaceEnd { at, .. }
        | Event::CgroupEnd { at, .. } => *at = time,
    }
    event
}

/// Events of one namespace within 20 seconds, its end last.
pub(crate) fn short_life() -> impl Strategy<Value = Vec<(Event, u64)>> {
    let end = task(0).prop_map(|task| Event::NamespaceEnd {
        at: BootTime(0),
        task: Box::new(Task { level: 1, ..task }),
    });
    let life = prop_oneof![sent(0), exit(0)];
    (prop::collection::vec((life, 0..500_000_u64), 1..40), end).prop_map(|(mut events, end)| {
        // All of one workload.
        for (event, _) in &mut events {
            match event {
                Event::Signal(sent) => sent.target.container = 0,
                Event::Exit(exit) => exit.task.container = 0,
                _ => {}
            }
        }
        // A process ends once.
        let mut ended = HashSet::new();
        events.retain(|(event, _)| match event {
            Event::Exit(exit) => ended.insert(exit.task.key),
            _ => true,
        });
        // Somebody is left until the end: no stop closes while answers are still to come.
        for (event, _) in &mut events {
            if let Event::Exit(exit) = event {
                exit.state.ns_tasks = 9;
            }
        }
        events.push((end, 0));
        events
    })
}

/// Its arguments were read when it was a shell. dumb-init has nothing to clean up.
#[test]
fn an_init_that_became_another_program_is_not_called_by_the_arguments_of_the_former() {
    check(
        "
        init  bash age=1s cmd=/bin/bash,run.sh
        +0     TERM runc -> 1
        +0.5   execs 1 dumb-init handles=TERM
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => cause.id startup-window
        => workload.init.kind dumb-init
        => workload.init.cmdline null
        => lost_cleanup 0
        ",
    );
}
