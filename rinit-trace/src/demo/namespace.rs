//! A workload as PID 1 of a pid namespace of its own, stopped as a runtime would.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::fd::AsFd as _,
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::{
    launch::{self, Kept},
    scenarios::{Program, Scenario, Stop},
    workload::READY,
};

/// How long a workload may take to say `ready`, or to end by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the end of a stopping workload is looked for.
const POLL: Duration = Duration::from_millis(1);

/// A running workload. Dropping it kills its namespace.
pub struct Running {
    scenario: &'static Scenario,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Dropped last.
    _kept: Kept,
}

impl Running {
    /// Starts a scenario's program and waits until it is ready.
    pub fn start(scenario: &'static Scenario) -> Result<Self> {
        let launch = launch::launch(scenario)
            .with_context(|| format!("prepare the workload of {}", scenario.name))?;
        let mut child = spawn_in_namespace(launch.command)
            .with_context(|| format!("start the workload of {}", scenario.name))?;
        let running = Self {
            scenario,
            lines: listen(child.stdout.take()),
            input: child.stdin.take(),
            child,
            _kept: launch.kept,
        };
        running.wait_ready(scenario.ready)?;
        if let Program::Bash(_, child) = scenario.program {
            running.wait_until(|pid| waits_for_child(pid, child))?;
        }
        Ok(running)
    }

    /// Host pid of the namespace's init.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait_ready(&self, count: usize) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut ready = 0;
        while ready < count {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line == READY => ready += 1,
                Ok(_) => {}
                Err(_) => return self.is_late(),
            }
        }
        Ok(())
    }

    fn wait_until(&self, holds: impl Fn(u32) -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self.pid()) {
            if Instant::now() > deadline {
                return self.is_late();
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn is_late(&self) -> Result<()> {
        bail!(
            "the workload of {} was not ready within {} s, or ended",
            self.scenario.name,
            PATIENCE.as_secs()
        )
    }

    /// Stops it, or has it end.
    pub fn stop(mut self) -> Result<()> {
        match self.scenario.stop {
            Stop::Runtime(grace) => {
                self.send(Signal::TERM)?;
                if self.ends_within(grace)? {
                    return Ok(());
                }
            }
            Stop::ByItself => {
                self.tell()?;
                if self.ends_within(PATIENCE)? {
                    return Ok(());
                }
                bail!(
                    "the workload of {} did not end by itself",
                    self.scenario.name
                );
            }
            Stop::Stale { ready, age } => {
                let asked = Instant::now();
                self.send(Signal::TERM)?;
                self.tell()?;
                self.wait_ready(ready)?;
                if self.ends_within(age.saturating_sub(asked.elapsed()))? {
                    bail!("the workload of {} ended by itself", self.scenario.name);
                }
            }
        }
        self.send(Signal::KILL)?;
        self.child.wait().context("wait for the workload")?;
        Ok(())
    }

    /// Its child is not reaped yet, so that the pid is its own.
    fn send(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("the workload has no pid")?, signal)
            .context("send a signal to the workload")
    }

    /// A line on its input.
    fn tell(&mut self) -> Result<()> {
        let input = self.input.as_mut().context("the workload has no input")?;
        input.write_all(b"go\n").context("tell the workload")
    }

    fn ends_within(&mut self, time: Duration) -> Result<bool> {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            let status = self.child.try_wait().context("wait for the workload")?;
            if status.is_some() {
                return Ok(true);
            }
            thread::sleep(POLL);
        }
        Ok(false)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already in the usual case; then both do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines on and on, also after `ready`: a workload must not meet a closed pipe.
fn listen(stdout: Option<ChildStdout>) -> Receiver<String> {
    let (send, lines) = mpsc::channel();
    thread::spawn(move || {
        let Some(stdout) = stdout else { return };
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        // A workload's lines are short; a hostile one is not run here.
        while reader
            .by_ref()
            .take(4096)
            .read_line(&mut line)
            .is_ok_and(|read| read > 0)
        {
            let _ = send.send(line.trim().to_owned());
            line.clear();
        }
    });
    lines
}

/// Whether a process sleeps with a child of this name and does not block SIGTERM, as shells do for the moment of a fork.
fn waits_for_child(pid: u32, name: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.map_or("", str::trim)
    };
    let blocked = u64::from_str_radix(field("SigBlk:"), 16).unwrap_or(u64::MAX);
    field("State:").starts_with('S')
        && blocked & (1 << (libc::SIGTERM - 1)) == 0
        && crate::runtime::contained()
            .iter()
            .any(|process| process.ppid == pid && process.comm == name)
}

/// Starts a command as PID 1 of a new pid namespace.
///
/// `unshare(CLONE_NEWPID)` changes where the calling thread's next children go, so it happens on a
/// thread of its own that does nothing else; the namespace of this process is put back for the
/// thread before it ends.
fn spawn_in_namespace(mut command: Command) -> Result<Child> {
    let thread = thread::Builder::new()
        .name("namespace".to_owned())
        .spawn(move || -> Result<Child> {
            let own = File::open("/proc/self/ns/pid").context("open our own pid namespace")?;
            // SAFETY: only the pid namespace of future children of this thread changes.
            if unsafe { libc::unshare(libc::CLONE_NEWPID) } != 0 {
                return Err(io::Error::last_os_error())
                    .context("make a pid namespace (run as root)");
            }
            let child = command.spawn().context("start the program");
            rustix::thread::move_into_link_name_space(
                own.as_fd(),
                Some(rustix::thread::LinkNameSpaceType::ProcessID),
            )
            .context("go back to our own pid namespace")?;
            child
        })
        .context("start a thread")?;
    match thread.join() {
        Ok(child) => child,
        Err(_) => bail!("the thread that makes the pid namespace failed"),
    }
}
