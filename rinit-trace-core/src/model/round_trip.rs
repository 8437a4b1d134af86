//! Every report reads back as it was written: what is kept on disk has to be found again.

use jiff::Timestamp;
use proptest::{
    collection::vec,
    num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO},
    option::of,
    prelude::*,
    sample::select,
};

use super::*;

/// Any name that a container may have given itself, with what JSON has to escape.
fn text() -> BoxedStrategy<String> {
    let hostile: &[&str] = &[
        "",
        "\0",
        "\u{1b}[2J",
        "\"\\\n\r\t",
        "\u{2028}\u{202e}",
        "\u{fffd}",
        "\u{10ffff}",
    ];
    prop_oneof![select(hostile).prop_map(str::to_owned), any::<String>(),].boxed()
}

fn texts() -> BoxedStrategy<Vec<String>> {
    vec(text(), 0..4).boxed()
}

/// A time as the correlator makes it, or any number that JSON can hold.
fn ms() -> BoxedStrategy<f64> {
    let time = any::<u64>().prop_map(std::time::Duration::from_nanos);
    let earlier = time.clone().prop_map(|time| -millis(time));
    prop_oneof![
        time.prop_map(millis),
        earlier,
        NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE,
    ]
    .boxed()
}

fn signal() -> BoxedStrategy<Signal> {
    (1..=64_u8).prop_map(Signal).boxed()
}

fn timestamp() -> BoxedStrategy<Timestamp> {
    let (min, max) = (Timestamp::MIN, Timestamp::MAX);
    prop_oneof![
        Just(min),
        Just(max),
        (min.as_nanosecond()..=max.as_nanosecond())
            .prop_map(|nanosecond| Timestamp::from_nanosecond(nanosecond).unwrap()),
    ]
    .boxed()
}

fn result() -> BoxedStrategy<SendResult> {
    use SendResult::{AlreadyPending, Delivered, Ignored, LoseInfo, Overflow};
    select(vec![Delivered, Ignored, AlreadyPending, Overflow, LoseInfo]).boxed()
}

fn sender() -> BoxedStrategy<Sender> {
    (any::<u32>(), text(), text(), any::<bool>())
        .prop_map(|(pid, comm, parent_comm, inside)| Sender {
            pid,
            comm,
            parent_comm,
            inside,
        })
        .boxed()
}

fn pod() -> BoxedStrategy<Pod> {
    (text(), text(), text(), text(), of(text()))
        .prop_map(|(namespace, name, uid, container, owner)| Pod {
            namespace,
            name,
            uid,
            container,
            owner,
        })
        .boxed()
}

fn init() -> BoxedStrategy<Init> {
    use InitKind::{
        App, Catatonit, DockerInit, DumbInit, Pause, S6, Shell, Supervisor, Systemd, Tini, Unknown,
    };
    let kind = select(vec![
        App, Shell, Tini, DockerInit, DumbInit, Catatonit, S6, Systemd, Pause, Supervisor, Unknown,
    ]);
    (any::<u32>(), any::<u32>(), text(), of(texts()), kind)
        .prop_map(|(pid, ns_pid, comm, cmdline, kind)| Init {
            pid,
            ns_pid,
            comm,
            cmdline,
            kind,
        })
        .boxed()
}

fn workload() -> BoxedStrategy<Workload> {
    use Runtime::{Containerd, CriO, Docker, Podman};
    let runtime = select(vec![Docker, Containerd, CriO, Podman]);
    let named = (of(text()), of(text()), of(text()), of(text()));
    (of(runtime), named, of(pod()), any::<u32>(), init())
        .prop_map(
            |(runtime, (container_id, name, image, cgroup), pod, pid_namespace, init)| Workload {
                runtime,
                container_id,
                name,
                image,
                pod,
                pid_namespace,
                cgroup,
                init,
            },
        )
        .boxed()
}

fn details() -> BoxedStrategy<StopDetails> {
    use Trigger::{CgroupKill, InitExit, MainChildExit, Oom, OwnerExit, Sigkill, StopSignal};
    let trigger = select(vec![
        StopSignal,
        Sigkill,
        InitExit,
        MainChildExit,
        Oom,
        CgroupKill,
        OwnerExit,
    ]);
    let source = select(vec![
        GraceSource::Docker,
        GraceSource::Podman,
        GraceSource::Pod,
        GraceSource::Caller,
    ]);
    let kill = (ms(), sender()).prop_map(|(at_ms, sender)| Kill { at_ms, sender });
    let asked = (of(signal()), of(result()), of(any::<bool>()), of(sender()));
    let grace = (of(ms()), of(source), of(ms()));
    (trigger, asked, of(kill), grace)
        .prop_map(
            |(trigger, (signal, result, taken, sender), kill, (grace_ms, grace_source, used))| {
                StopDetails {
                    trigger,
                    signal,
                    result,
                    taken,
                    sender,
                    kill,
                    grace_ms,
                    grace_source,
                    grace_used_ms: used,
                }
            },
        )
        .boxed()
}

fn disposition() -> BoxedStrategy<Option<DispositionAtStop>> {
    use DispositionAtStop::{Blocked, Default, Handled, Ignored, Waited};
    of(select(vec![Default, Ignored, Handled, Blocked, Waited])).boxed()
}

fn stop_signal() -> BoxedStrategy<StopSignal> {
    let met = (disposition(), disposition(), any::<u32>(), of(text()));
    (
        met,
        of(any::<bool>()),
        of(ms()),
        of(result()),
        of(any::<u32>()),
    )
        .prop_map(
            |(
                (disposition, disposition_at_end, received, comm),
                taken,
                first_at_ms,
                result,
                from,
            )| {
                StopSignal {
                    disposition,
                    disposition_at_end,
                    received,
                    taken,
                    first_at_ms,
                    result,
                    from,
                    comm,
                }
            },
        )
        .boxed()
}

fn outcome() -> BoxedStrategy<(Outcome, Option<KilledBy>, Option<Exit>)> {
    use KilledBy::{
        CgroupKill, External, Itself, Kernel, Oom, ParentDeath, Peer, PidnsTeardown, Runtime,
        Tracer, Unknown,
    };
    use Outcome::{
        Alive, Exited, KilledHandling, KilledIgnoring, KilledPending, KilledUnsignalled, OomKilled,
        Terminated,
    };
    let outcome = select(vec![
        Exited,
        Terminated,
        KilledUnsignalled,
        KilledIgnoring,
        KilledPending,
        KilledHandling,
        OomKilled,
        Alive,
    ]);
    let killed_by = select(vec![
        PidnsTeardown,
        Runtime,
        CgroupKill,
        Oom,
        Peer,
        Itself,
        ParentDeath,
        Tracer,
        External,
        Kernel,
        Unknown,
    ]);
    let exit = (ms(), of(any::<u8>()), of(signal())).prop_map(|(at_ms, code, signal)| Exit {
        at_ms,
        code,
        signal,
    });
    (outcome, of(killed_by), of(exit)).boxed()
}

fn process() -> BoxedStrategy<Process> {
    let pids = (any::<u32>(), any::<u32>(), any::<u32>());
    let groups = (of(any::<u32>()), of(any::<u32>()));
    let role = select(vec![Role::Init, Role::Member, Role::Exec]);
    (
        pids,
        groups,
        text(),
        of(texts()),
        role,
        stop_signal(),
        outcome(),
    )
        .prop_map(
            |(
                (pid, ns_pid, ppid),
                (pgid, sid),
                comm,
                cmdline,
                role,
                stop_signal,
                (outcome, killed_by, exit),
            )| Process {
                pid,
                ns_pid,
                ppid,
                pgid,
                sid,
                comm,
                cmdline,
                role,
                stop_signal,
                killed_by,
                outcome,
                exit,
            },
        )
        .boxed()
}

fn finding() -> BoxedStrategy<Finding> {
    let confidence = select(vec![Confidence::Certain, Confidence::Likely]);
    let evidence = prop_oneof![
        any::<usize>().prop_map(Evidence::Signal),
        any::<usize>().prop_map(Evidence::Process),
    ];
    (
        select(FindingId::ALL),
        confidence,
        text(),
        texts(),
        vec(any::<u32>(), 0..4),
        vec(evidence, 0..4),
    )
        .prop_map(|(id, confidence, summary, fix, pids, evidence)| Finding {
            id,
            confidence,
            summary,
            fix,
            pids,
            evidence,
        })
        .boxed()
}

fn entry() -> BoxedStrategy<SignalEntry> {
    use Origin::{
        CgroupKill, Kernel, Oom, ParentDeath, PidnsTeardown, Ptrace, Terminal, Thread, Timer, User,
    };
    let origin = select(vec![
        User,
        Thread,
        Timer,
        Kernel,
        Terminal,
        CgroupKill,
        PidnsTeardown,
        Oom,
        ParentDeath,
        Ptrace,
    ]);
    let sent = (ms(), signal(), any::<u32>(), any::<u32>(), result(), origin);
    (sent, of(any::<bool>()))
        .prop_map(
            |((at_ms, signal, from, to, result, origin), to_dead)| SignalEntry {
                at_ms,
                signal,
                from,
                to,
                result,
                origin,
                to_dead,
            },
        )
        .boxed()
}

fn observation() -> BoxedStrategy<Observation> {
    let pidns_teardown = select(vec![
        PidnsTeardown::Fentry,
        PidnsTeardown::Kprobe,
        PidnsTeardown::Inferred,
    ]);
    let arguments = select(vec![Arguments::Full, Arguments::Masked, Arguments::None]);
    let unlisted = (any::<u64>(), any::<u64>(), any::<u64>());
    let unlisted = unlisted.prop_map(|(processes, signals, arguments)| Unlisted {
        processes,
        signals,
        arguments,
    });
    let counts = (any::<u64>(), any::<u64>(), unlisted);
    (pidns_teardown, counts, of(arguments))
        .prop_map(
            |(pidns_teardown, (lost_records, left_out, unlisted), arguments)| Observation {
                pidns_teardown,
                lost_records,
                left_out,
                arguments,
                unlisted,
            },
        )
        .boxed()
}

fn report() -> BoxedStrategy<StopReport> {
    let verdict = select(vec![Verdict::Graceful, Verdict::Forced, Verdict::Unknown]);
    let times = (timestamp(), timestamp(), ms());
    let judged = (
        verdict,
        of(any::<u32>()),
        of(finding()),
        vec(finding(), 0..3),
    );
    let lists = (vec(process(), 0..3), vec(entry(), 0..4));
    let head = (text(), of(text()), times);
    (head, workload(), details(), judged, lists, observation())
        .prop_map(
            |(
                (schema, node, (started_at, ended_at, duration_ms)),
                workload,
                stop,
                (verdict, lost_cleanup, cause, findings),
                (processes, signals),
                observation,
            )| StopReport {
                schema,
                node,
                started_at,
                ended_at,
                duration_ms,
                workload,
                stop,
                verdict,
                lost_cleanup,
                cause,
                findings,
                processes,
                signals,
                observation,
            },
        )
        .boxed()
}

/// Few by default, so that all tests take a second; `PROPTEST_CASES=40000` is a thorough search.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases / 4,
        failure_persistence: None,
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_report_reads_back_as_it_was_written(report in report()) {
        let json = serde_json::to_string(&report).unwrap();
        let read: StopReport = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&read, &report);
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }
}
