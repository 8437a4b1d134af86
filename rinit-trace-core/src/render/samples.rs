//! Reports as real stops make them, for the tests of the views.

use crate::model::{
    Arguments, Confidence, DispositionAtStop, Evidence, Exit, Finding, FindingId, GraceSource,
    Init, InitKind, Kill, KilledBy, Observation, Origin, Outcome, PidnsTeardown, Pod, Process,
    Role, Runtime, SCHEMA, SendResult, Sender, Signal, SignalEntry, StopDetails, StopReport,
    StopSignal, Trigger, Unlisted, Verdict, Workload,
};

mod extremes;

pub(super) use extremes::{HOSTILE, crowd, hostile};

/// All of them, for what must hold for each.
pub(super) fn all() -> Vec<StopReport> {
    vec![
        shell_without_trap(),
        not_forwarded(),
        graceful(),
        no_stop_signal(),
        lost_records(),
        hostile(HOSTILE),
        crowd(),
    ]
}

fn sender(pid: u32, comm: &str, parent_comm: &str) -> Sender {
    Sender {
        pid,
        comm: comm.into(),
        parent_comm: parent_comm.into(),
        inside: false,
    }
}

fn runc(pid: u32) -> Sender {
    sender(pid, "runc", "containerd-shim")
}

fn process(pid: u32, ns_pid: u32, cmdline: &[&str]) -> Process {
    let comm = cmdline[0].rsplit('/').next().unwrap();
    Process {
        pid,
        ns_pid,
        ppid: 7990,
        pgid: Some(1),
        sid: Some(1),
        comm: comm.into(),
        cmdline: Some(cmdline.iter().map(|&argument| argument.into()).collect()),
        role: if ns_pid == 1 {
            Role::Init
        } else {
            Role::Member
        },
        stop_signal: StopSignal::default(),
        killed_by: None,
        outcome: Outcome::Exited,
        exit: None,
    }
}

impl Process {
    fn signalled(mut self, at_ms: f64, how: DispositionAtStop, taken: bool, from: u32) -> Self {
        self.stop_signal = StopSignal {
            disposition: Some(how),
            disposition_at_end: Some(how),
            received: 1,
            taken: Some(taken),
            first_at_ms: Some(at_ms),
            result: Some(SendResult::Delivered),
            from: Some(from),
            comm: Some(self.comm.clone()),
        };
        self
    }

    fn exited(mut self, at_ms: f64, code: u8) -> Self {
        self.exit = Some(Exit {
            at_ms,
            code: Some(code),
            signal: None,
        });
        self
    }

    fn killed(mut self, at_ms: f64, by: KilledBy, outcome: Outcome) -> Self {
        self.exit = Some(Exit {
            at_ms,
            code: None,
            signal: Some(Signal::KILL),
        });
        self.killed_by = Some(by);
        self.outcome = outcome;
        self
    }
}

fn entry(at_ms: f64, signal: Signal, from: u32, to: u32) -> SignalEntry {
    SignalEntry {
        at_ms,
        signal,
        from,
        to,
        result: SendResult::Delivered,
        origin: Origin::User,
        to_dead: Some(false),
    }
}

fn teardown(at_ms: f64, from: u32, to: u32) -> SignalEntry {
    SignalEntry {
        origin: Origin::PidnsTeardown,
        ..entry(at_ms, Signal::KILL, from, to)
    }
}

fn finding(id: FindingId, summary: &str, fix: &[&str], evidence: &[Evidence]) -> Finding {
    Finding {
        id,
        confidence: Confidence::Certain,
        summary: summary.into(),
        fix: fix.iter().map(|&fix| fix.into()).collect(),
        pids: vec![8014],
        evidence: evidence.to_vec(),
    }
}

/// A stop by `docker stop` with nothing killed, and no processes yet.
fn base(kind: InitKind, init: &Process) -> StopReport {
    StopReport {
        schema: SCHEMA.into(),
        node: None,
        started_at: "2026-11-22T10:06:20.910222315Z".parse().unwrap(),
        ended_at: "2026-11-22T10:06:30.923436Z".parse().unwrap(),
        duration_ms: 480.25,
        workload: Workload {
            runtime: Some(Runtime::Docker),
            container_id: Some("3d206acf928a5c1be6a0".repeat(3)),
            name: Some("web".into()),
            image: Some("shop/web:1.4".into()),
            pod: None,
            pid_namespace: 4_026_532_281,
            cgroup: Some("/docker/3d206acf928a".into()),
            init: Init {
                pid: init.pid,
                ns_pid: 1,
                comm: init.comm.clone(),
                cmdline: init.cmdline.clone(),
                kind,
            },
        },
        stop: StopDetails {
            trigger: Trigger::StopSignal,
            signal: Some(Signal::TERM),
            result: Some(SendResult::Delivered),
            taken: Some(true),
            sender: Some(runc(8061)),
            kill: None,
            grace_ms: Some(10_000.0),
            grace_source: Some(GraceSource::Docker),
            grace_used_ms: Some(480.25),
        },
        verdict: Verdict::Graceful,
        lost_cleanup: Some(0),
        cause: None,
        findings: Vec::new(),
        processes: Vec::new(),
        signals: vec![entry(0.0, Signal::TERM, 8061, init.pid)],
        observation: Observation {
            pidns_teardown: PidnsTeardown::Fentry,
            lost_records: 0,
            left_out: 0,
            arguments: Some(Arguments::Full),
            unlisted: Unlisted::default(),
        },
    }
}

fn forced(report: &mut StopReport, findings: Vec<Finding>) {
    report.verdict = Verdict::Forced;
    report.cause = findings.first().cloned();
    report.findings = findings;
}

/// `docker stop` of `sh -c` without a trap.
pub(super) fn shell_without_trap() -> StopReport {
    use DispositionAtStop::Default;
    let mut init = process(8014, 1, &["/bin/sh", "-c", "sleep 1000; echo done"])
        .signalled(0.0, Default, false, 8061)
        .killed(10_002.1, KilledBy::Runtime, Outcome::KilledIgnoring);
    init.stop_signal.result = Some(SendResult::Ignored);
    let mut report = base(InitKind::Shell, &init);
    report.duration_ms = 10_013.214;
    report.stop.result = Some(SendResult::Ignored);
    report.stop.taken = Some(false);
    report.stop.kill = Some(Kill {
        at_ms: 10_001.9,
        sender: runc(8067),
    });
    report.stop.grace_used_ms = Some(10_001.9);
    report.signals[0].result = SendResult::Ignored;
    report.signals.extend([
        entry(10_001.9, Signal::KILL, 8067, 8014),
        teardown(10_002.2, 8014, 8043),
    ]);
    let sleep = process(8043, 7, &["sleep", "1000"]);
    report.processes = vec![
        init,
        sleep.killed(
            10_012.9,
            KilledBy::PidnsTeardown,
            Outcome::KilledUnsignalled,
        ),
    ];
    forced(
        &mut report,
        vec![finding(
            FindingId::InitNoHandler,
            "PID 1 (sh) has no SIGTERM handler, so the kernel dropped the signal; the runtime waited \
             10.0 s and sent SIGKILL",
            &[
                "use the exec form of ENTRYPOINT, or `exec` the last command of the script",
                "or run with an init: docker run --init",
            ],
            &[
                Evidence::Signal(0),
                Evidence::Signal(1),
                Evidence::Process(0),
            ],
        )],
    );
    report
}

/// A pod's shell that traps SIGTERM, exits, and takes its Java server with it.
pub(super) fn not_forwarded() -> StopReport {
    let init = process(8014, 1, &["/bin/sh", "/entrypoint.sh"])
        .signalled(0.0, DispositionAtStop::Handled, true, 8061)
        .exited(3.1, 0);
    let mut report = base(InitKind::Shell, &init);
    report.node = Some("worker-3".into());
    report.duration_ms = 9.41;
    report.stop.grace_ms = Some(30_000.0);
    report.stop.grace_source = Some(GraceSource::Pod);
    report.stop.grace_used_ms = Some(9.38);
    report.workload.runtime = Some(Runtime::Containerd);
    report.workload.pod = Some(Pod {
        namespace: "shop".into(),
        name: "web-7d9f".into(),
        uid: "0b1c7b4e-3c43-4f0e-9a0d-6f3f6a1f7f10".into(),
        container: "web".into(),
        owner: Some("web".into()),
    });
    let mut java = process(8043, 7, &["java", "-jar", "/srv/shop web.jar"]).killed(
        9.3,
        KilledBy::PidnsTeardown,
        Outcome::KilledUnsignalled,
    );
    java.stop_signal.disposition_at_end = Some(DispositionAtStop::Handled);
    report.lost_cleanup = Some(1);
    report.signals.push(teardown(3.2, 8014, 8043));
    report.processes = vec![init, java];
    let mut zombies = finding(
        FindingId::Unreaped,
        "PID 1 (sh) left 3 children unreaped",
        &["run with an init: shareProcessNamespace, or tini in the image"],
        &[],
    );
    zombies.confidence = Confidence::Likely;
    forced(
        &mut report,
        vec![
            finding(
                FindingId::NotForwarded,
                "PID 1 (sh) took SIGTERM and ended without passing it on; java, which had a handler, \
                 was killed with the pid namespace",
                &["in the trap, `kill -TERM \"$child\"` and `wait \"$child\"` before `exit`"],
                &[
                    Evidence::Process(0),
                    Evidence::Signal(1),
                    Evidence::Process(1),
                ],
            ),
            zombies,
        ],
    );
    report
}

/// nginx under tini -g, with a health probe that was there by chance.
pub(super) fn graceful() -> StopReport {
    use DispositionAtStop::{Default, Handled, Waited};
    let init = process(8014, 1, &["/sbin/tini", "-g", "--", "nginx"])
        .signalled(0.0, Waited, true, 8061)
        .exited(480.2, 0);
    let mut report = base(InitKind::Tini, &init);
    let mut probe = process(8090, 44, &["sleep", "5"]).signalled(0.3, Default, true, 8014);
    probe.role = Role::Exec;
    probe.outcome = Outcome::Terminated;
    probe.exit = Some(Exit {
        at_ms: 0.4,
        code: None,
        signal: Some(Signal::TERM),
    });
    report.signals.extend([
        entry(0.2, Signal::TERM, 8014, 8043),
        entry(0.3, Signal::TERM, 8014, 8090),
        entry(1.2, Signal::CHLD, 8043, 8014),
    ]);
    report.processes = vec![
        init,
        probe,
        process(8043, 7, &["nginx"])
            .signalled(0.2, Handled, true, 8014)
            .exited(479.9, 0),
    ];
    report
}

/// `docker kill`.
pub(super) fn no_stop_signal() -> StopReport {
    let mut init = process(8014, 1, &["postgres", "-c", "fsync=off"]).killed(
        0.6,
        KilledBy::Runtime,
        Outcome::KilledUnsignalled,
    );
    init.stop_signal.disposition_at_end = Some(DispositionAtStop::Handled);
    let mut report = base(InitKind::App, &init);
    report.duration_ms = 0.61;
    report.stop = StopDetails {
        trigger: Trigger::Sigkill,
        signal: None,
        result: None,
        taken: None,
        sender: None,
        kill: Some(Kill {
            at_ms: 0.0,
            sender: runc(8061),
        }),
        grace_used_ms: None,
        ..report.stop
    };
    report.lost_cleanup = Some(1);
    report.signals = vec![entry(0.0, Signal::KILL, 8061, 8014)];
    report.processes = vec![init];
    forced(
        &mut report,
        vec![finding(
            FindingId::NoStopSignal,
            "runc (containerd-shim) sent SIGKILL to PID 1 (postgres), and no stop signal before",
            &["use `docker stop` in place of `docker kill` or `docker rm -f`"],
            &[Evidence::Signal(0)],
        )],
    );
    report
}

/// The ring buffer overflowed, and nothing but the namespace is known.
pub(super) fn lost_records() -> StopReport {
    let mut init =
        process(8014, 1, &["app"]).signalled(0.0, DispositionAtStop::Handled, false, 8061);
    init.stop_signal.taken = None;
    init.cmdline = None;
    init.outcome = Outcome::Alive;
    let mut report = base(InitKind::Unknown, &init);
    report.duration_ms = 30_004.0;
    let workload = &mut report.workload;
    (workload.runtime, workload.container_id, workload.name) = (None, None, None);
    (workload.image, workload.cgroup) = (None, None);
    report.stop.sender = None;
    report.stop.taken = None;
    (report.stop.grace_ms, report.stop.grace_source) = (None, None);
    report.stop.grace_used_ms = None;
    report.verdict = Verdict::Unknown;
    report.lost_cleanup = None;
    report.observation = Observation {
        pidns_teardown: PidnsTeardown::Inferred,
        lost_records: 12,
        left_out: 0,
        arguments: None,
        unlisted: Unlisted::default(),
    };
    report.processes = vec![init];
    report
}
