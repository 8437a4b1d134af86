//! A million signals beside the stops that are traced: the reports are right, and no record is lost.

#![expect(clippy::unwrap_used, reason = "tests fail by panics")]

use std::{
    fs, io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use rinit_trace_tests::{Docker, Namespace, WORKLOAD, trace, trace_all, wait};

/// To each of the two targets, at least: half SIGCHLD, half SIGUSR1.
const SIGNALS: usize = 500_000;
/// The stops begin when this many have been sent.
const UNDER_WAY: usize = 10_000;
/// Far more than it takes; a storm that slows the machine down is found by this.
const LONGEST: Duration = Duration::from_mins(1);

/// A workload in the host's own pid namespace, killed when dropped.
struct HostProcess(Child);

impl HostProcess {
    fn start(program: &str) -> Self {
        let mut command = Command::new(WORKLOAD);
        command
            .arg(program)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for HostProcess {
    fn drop(&mut self) {
        // Of no use any more, whatever they say.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Who is signalled. Held by a descriptor: when it has ended its pid may be another's.
struct Storm {
    target: OwnedFd,
    sent: AtomicUsize,
}

impl Storm {
    fn on(pid: u32) -> Self {
        // SAFETY: no memory is passed.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        assert!(fd >= 0, "pidfd_open: {}", io::Error::last_os_error());
        Self {
            // SAFETY: just opened, and nobody else's.
            target: unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).unwrap()) },
            sent: AtomicUsize::new(0),
        }
    }

    /// Sends all signals, or as many as the target lives for.
    fn rage(&self) {
        let deadline = Instant::now() + LONGEST;
        while self.send(libc::SIGCHLD) && self.send(libc::SIGUSR1) {
            self.sent.fetch_add(2, Ordering::Relaxed);
            assert!(Instant::now() < deadline, "{} sent", self.sent());
        }
    }

    /// False when it has ended, or has had enough.
    fn send(&self, signal: i32) -> bool {
        let (fd, nothing) = (self.target.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
        // SAFETY: without information about the signal no memory is passed.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, nothing, 0) };
        result == 0
    }

    fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    fn wait_for(&self, count: usize) {
        wait::until("the storm is under way", || {
            (self.sent() >= count).then_some(())
        });
    }
}

/// Waits until it handles SIGUSR1, which ends it otherwise.
fn wait_for_handler(pid: u32) {
    wait::until("the counter handles SIGUSR1", || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let mask = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))?;
        let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
        (mask & 1 << (libc::SIGUSR1 - 1) != 0).then_some(())
    });
}

#[test]
fn million_signals_lose_no_record_and_spoil_no_report() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let on_host = HostProcess::start("counter");
    wait_for_handler(on_host.0.id());
    let stormed = docker.workload(&["counter", "sleeper"]);
    let other = docker.workload(&["sleeper", "server"]);
    let mut namespace = Namespace::start(&["waiter", "server=100"]);
    let all = trace_all();
    let one = trace(stormed.id());

    let host_storm = Storm::on(on_host.0.id());
    let container_storm = Storm::on(stormed.pid());
    thread::scope(|scope| {
        // What the storm is about has ended when this has.
        let on_host = on_host;
        scope.spawn(|| host_storm.rage());
        scope.spawn(|| container_storm.rage());
        host_storm.wait_for(UNDER_WAY);
        container_storm.wait_for(UNDER_WAY);
        other.stop(1);
        namespace.stop(Duration::from_secs(10));
        host_storm.wait_for(SIGNALS);
        container_storm.wait_for(SIGNALS);
        // Also in the middle of it.
        stormed.stop(10);
        drop(on_host);
    });

    for report in [all.report_of(stormed.id()), one.report()] {
        report.says("forced", "not-forwarded", 0);
        report.is("/stop/signal", "SIGTERM");
        report.is("/stop/sender/comm", "runc");
        assert_eq!(report.processes().len(), 2, "{report}");
    }
    all.report_of(other.id())
        .says("forced", "init-no-handler", 1);
    all.report_of(namespace.pid()).says("graceful", "", 0);
    all.finish();
}
