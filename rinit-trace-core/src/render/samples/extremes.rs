//! Reports that strain a view: hostile names, and many processes.

use std::time::Duration;

use super::{base, entry, finding, forced, not_forwarded, process, sender};
use crate::model::{
    DispositionAtStop, Evidence, FindingId, InitKind, Kill, KilledBy, Origin, Outcome, Pod, Signal,
    SignalEntry, StopReport, millis,
};

/// A name that tries to end the line, forge a header, colour it, and reorder and hide the rest.
pub(in crate::render) const HOSTILE: &str =
    "x\nGRACEFUL  web\r\x1b[2J\u{9b}31m\u{202e}\u{200b}[1] → y";

/// Every string that a container or its user chooses is `name`.
pub(in crate::render) fn hostile(name: &str) -> StopReport {
    let mut report = not_forwarded();
    let text = || name.to_owned();
    let workload = &mut report.workload;
    workload.container_id = Some(text());
    workload.name = Some(text());
    workload.image = Some(text());
    workload.cgroup = Some(text());
    workload.pod = Some(Pod {
        namespace: text(),
        name: text(),
        uid: text(),
        container: text(),
        owner: Some(text()),
    });
    workload.init.comm = text();
    workload.init.cmdline = Some(vec![text(), text()]);
    report.node = Some(text());
    report.stop.sender = Some(sender(8061, name, name));
    for process in &mut report.processes {
        process.comm = text();
        if let Some(comm) = &mut process.stop_signal.comm {
            *comm = format!("{name} before");
        }
        process.cmdline = Some(vec![text(), text()]);
    }
    for finding in &mut report.findings {
        finding.summary = format!("PID 1 ({name}) took SIGTERM");
        finding.fix = vec![format!("pass it to {name}")];
    }
    report.cause = report.findings.first().cloned();
    report
}

/// A prefork server of a hundred processes, killed through its cgroup thread by thread.
pub(in crate::render) fn crowd() -> StopReport {
    use DispositionAtStop::Handled;
    let init = process(8014, 1, &["gunicorn", "--workers", "99"])
        .signalled(0.0, Handled, true, 8061)
        .killed(10_001.4, KilledBy::CgroupKill, Outcome::KilledHandling);
    let mut report = base(InitKind::App, &init);
    report.duration_ms = 10_020.0;
    report.stop.kill = Some(Kill {
        at_ms: 10_000.8,
        sender: sender(8067, "runc", "dockerd"),
    });
    report.stop.grace_used_ms = Some(10_000.8);
    report.processes.push(init);
    for number in 0..99_u32 {
        let at_us = |us: u32| millis(Duration::from_micros(u64::from(us + 10 * number)));
        let (pid, sent) = (8100 + number, at_us(1_000));
        let worker = process(pid, 10 + number, &["gunicorn", "--workers", "99"])
            .signalled(sent, Handled, true, 8014);
        report.signals.push(entry(sent, Signal::TERM, 8014, pid));
        report.processes.push(if number % 3 == 0 {
            worker.exited(at_us(51_000), 0)
        } else {
            worker.killed(
                at_us(10_002_000),
                KilledBy::CgroupKill,
                Outcome::KilledHandling,
            )
        });
    }
    for process in report
        .processes
        .iter()
        .filter(|process| process.outcome.is_killed())
    {
        let kill = SignalEntry {
            origin: Origin::CgroupKill,
            ..entry(10_000.8, Signal::KILL, 8067, process.pid)
        };
        report.signals.extend([kill; 4]);
    }
    report.lost_cleanup = Some(67);
    let killed = |index: &usize| report.processes[*index].outcome.is_killed();
    let evidence = (0..100)
        .filter(killed)
        .map(Evidence::Process)
        .collect::<Vec<_>>();
    forced(
        &mut report,
        vec![finding(
            FindingId::GraceExceeded,
            "PID 1 (gunicorn) took SIGTERM and had not ended after 10.0 s",
            &[
                "give it more time: docker stop -t",
                "or make the workers finish sooner",
            ],
            &evidence,
        )],
    );
    report
}
