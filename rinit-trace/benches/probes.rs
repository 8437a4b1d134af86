//! What a signal costs in the kernel while rinit-trace watches: `cargo xtask bench`.
//!
//! The kernel's own statistics (`BPF_STATS_RUN_TIME`) count the time inside each program. An empty
//! program on the same tracepoint runs in the same kills: the difference is ours, and the ratio
//! holds on a noisy machine. The statistics themselves cost some 40 ns per run, in both columns.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rinit_trace::kernel::{Kernel, KernelOptions, SystemInfo};

/// Signals per case.
const SIGNALS: u32 = 300_000;

/// What is signalled, by what, and what the probe does with it.
struct Case {
    name: &'static str,
    signal: i32,
    target: Target,
}

enum Target {
    /// A process of the host.
    Host,
    /// PID 1 of a pid namespace.
    Init,
    /// Another process of that namespace.
    Member,
}

const CASES: &[Case] = &[
    Case {
        name: "SIGCHLD, host process: ignored",
        signal: libc::SIGCHLD,
        target: Target::Host,
    },
    Case {
        name: "SIGUSR1, host process: ignored",
        signal: libc::SIGUSR1,
        target: Target::Host,
    },
    Case {
        name: "SIGCHLD, container: ignored",
        signal: libc::SIGCHLD,
        target: Target::Init,
    },
    Case {
        name: "SIGUSR2, container member: ignored",
        signal: libc::SIGUSR2,
        target: Target::Member,
    },
    Case {
        name: "SIGUSR1, container init: folded",
        signal: libc::SIGUSR1,
        target: Target::Init,
    },
    Case {
        name: "SIGTERM, container member: folded",
        signal: libc::SIGTERM,
        target: Target::Member,
    },
];

/// A shell that ignores the signals, in a namespace of its own or not, and a child of it.
struct Sleepers {
    child: Child,
    first: i32,
    second: i32,
}

impl Sleepers {
    fn start(in_namespace: bool) -> Result<Self> {
        let script = "trap '' USR1 USR2 TERM CHLD; sleep 1000 & echo ready; exec sleep 1001";
        let mut command = if in_namespace {
            let mut command = Command::new("unshare");
            command.args(["--pid", "--fork", "--kill-child", "sh", "-c", script]);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        };
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .context("start a shell")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        let mut first = i32::try_from(child.id())?;
        if in_namespace {
            first = only_child(first)?;
        }
        Ok(Self {
            child,
            first,
            second: only_child(first)?,
        })
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        for pid in [self.second, self.first] {
            // SAFETY: a system call on processes that this program started.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        let _ = self.child.wait();
    }
}

fn only_child(pid: i32) -> Result<i32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    text.trim()
        .parse()
        .with_context(|| format!("one child in {path}"))
}

/// Runs and nanoseconds of a program.
fn cost(kernel: &Kernel, name: &str) -> (u64, Duration) {
    kernel
        .program_times()
        .into_iter()
        .find(|time| time.program == name)
        .map_or((0, Duration::ZERO), |time| (time.runs, time.time))
}

/// Nanoseconds per `kill()`.
fn storm(pid: i32, signal: i32, kernel: &mut Option<&mut Kernel>) -> Result<f64> {
    let mut batch = Vec::new();
    let mut spent = Duration::ZERO;
    for _ in 0..SIGNALS / 1000 {
        let start = Instant::now();
        for _ in 0..1000 {
            // SAFETY: a system call on a process that this program started.
            if unsafe { libc::kill(pid, signal) } != 0 {
                bail!("kill: {}", std::io::Error::last_os_error());
            }
        }
        spent += start.elapsed();
        if let Some(kernel) = kernel {
            kernel.ring.drain(&mut batch);
            batch.clear();
        }
    }
    Ok(spent.as_secs_f64() * 1e9 / f64::from(SIGNALS))
}

fn per_run(before: (u64, Duration), after: (u64, Duration)) -> f64 {
    let runs = (after.0 - before.0).max(1);
    (after.1.saturating_sub(before.1)).as_nanos() as f64 / runs as f64
}

fn run() -> Result<()> {
    let host = Sleepers::start(false)?;
    let container = Sleepers::start(true)?;
    let pid = |target: &Target| match target {
        Target::Host => host.first,
        Target::Init => container.first,
        Target::Member => container.second,
    };
    let plain: Vec<f64> = CASES
        .iter()
        .map(|case| storm(pid(&case.target), case.signal, &mut None))
        .collect::<Result<_>>()?;

    let mut info = SystemInfo::of_this_machine();
    let mut kernel = Kernel::start(&KernelOptions::default(), &mut info)?;
    let traced: Vec<f64> = CASES
        .iter()
        .map(|case| storm(pid(&case.target), case.signal, &mut Some(&mut kernel)))
        .collect::<Result<_>>()?;

    kernel.attach_empty()?;
    let _stats = aya::sys::enable_stats(aya::sys::Stats::RunTime).context("keep statistics")?;
    println!(
        "kernel {}, {SIGNALS} signals per case, nanoseconds per signal",
        info.kernel
    );
    println!(
        "{:<38}{:>8}{:>8}{:>8}{:>10}{:>10}",
        "", "probe", "empty", "ratio", "kill()", "untraced"
    );
    for (index, case) in CASES.iter().enumerate() {
        let (probe, empty) = (cost(&kernel, "signal_generate"), cost(&kernel, "empty"));
        storm(pid(&case.target), case.signal, &mut Some(&mut kernel))?;
        let probe = per_run(probe, cost(&kernel, "signal_generate"));
        let empty = per_run(empty, cost(&kernel, "empty"));
        println!(
            "{:<38}{probe:>8.0}{empty:>8.0}{:>8.1}{:>10.0}{:>10.0}",
            case.name,
            probe / empty,
            traced[index],
            plain[index]
        );
    }
    println!("records lost: {}", kernel.losses(true).total());
    Ok(())
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async { run() })
}
