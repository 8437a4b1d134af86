//! Workloads, each as PID 1 of a pid namespace of its own, stopped as a runtime would.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    process::{Child, ChildStdin, Command},
    sync::mpsc::Receiver,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rinit_trace_core::model::{Signal, StopReport};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{
    container::Container,
    launch::{self, Kept},
    lines::Lines,
    scenarios::{First, Guest, Program, Scenario, Stop},
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
    lines: Lines,
    /// One that entered from outside, and is no child of PID 1.
    session: Option<Child>,
    /// Dropped last.
    kept: Kept,
}

/// Starts a scenario's program, as often as it runs at a time, and waits until all are ready.
pub fn start(scenario: &'static Scenario) -> Result<Vec<Running>> {
    let mut all = Vec::new();
    for _ in 0..scenario.stop.workloads() {
        all.push(Running::spawn(scenario)?);
    }
    for running in &mut all {
        running.get_ready()?;
    }
    Ok(all)
}

/// Stops them at one instant, or has them end. `dropped` tells of each signal that an init drops and survives.
pub fn stop(all: &mut [Running], dropped: &Receiver<()>) -> Result<()> {
    let began = Instant::now();
    for running in &mut *all {
        running.ask()?;
        running.survive(dropped)?;
    }
    for running in all {
        running.end(began)?;
        running.clear()?;
    }
    Ok(())
}

impl Running {
    fn spawn(scenario: &'static Scenario) -> Result<Self> {
        let launch = launch::launch(scenario)
            .with_context(|| format!("prepare the workload of {}", scenario.name))?;
        let place = match scenario.program {
            Program::OnHost(_) | Program::OnHostBelow(_) => PidNamespace::Own,
            _ => PidNamespace::New,
        };
        let mut child = spawn_in_namespace(launch.command, place)
            .with_context(|| format!("start the workload of {}", scenario.name))?;
        Ok(Self {
            scenario,
            lines: Lines::of(child.stdout.take()),
            input: child.stdin.take(),
            child,
            session: None,
            kept: launch.kept,
        })
    }

    fn get_ready(&mut self) -> Result<()> {
        self.wait_ready(self.scenario.ready)?;
        if let Program::Bash(_, child) = self.scenario.program {
            self.wait_until(|pid| waits_for_child(pid, child))?;
        }
        match self.scenario.stop {
            Stop::Entered(session, _) => {
                self.enter(launch::session(session.programs)?, session.ready)
            }
            Stop::Guest(guest) => {
                let command = launch::guest(guest.programs, &mut self.kept)?;
                self.enter(command, guest.ready)
            }
            _ => Ok(()),
        }
    }

    /// Starts what enters the workload's namespace.
    fn enter(&mut self, command: Command, ready: usize) -> Result<()> {
        let child = spawn_in_namespace(command, PidNamespace::Of(self.pid()))
            .context("enter the workload's namespace")?;
        let child = self.session.insert(child);
        let lines = Lines::of(child.stdout.take());
        if !lines.are_ready(ready, PATIENCE) {
            return self.is_late();
        }
        Ok(())
    }

    /// Host pid of the namespace's init, or of the main process on the host.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Host pids of those whose stop it is.
    pub fn stopped(&self) -> Vec<u32> {
        let guest = self.session.as_ref().map(Child::id);
        match self.scenario.stop {
            Stop::Guest(stop) if stop.first == First::Owner => {
                guest.into_iter().chain([self.pid()]).collect()
            }
            Stop::Guest(_) => guest.into_iter().collect(),
            _ => vec![self.pid()],
        }
    }

    /// Whether a report is of its stop.
    pub fn is_of(&self, report: &StopReport) -> bool {
        let workload = &report.workload;
        let container = self.kept.container().map(Container::id);
        self.stopped().contains(&workload.init.pid)
            || (container.is_some() && workload.container_id.as_deref() == container)
    }

    fn wait_ready(&self, count: usize) -> Result<()> {
        if self.lines.are_ready(count, PATIENCE) {
            return Ok(());
        }
        self.is_late()
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

    /// Asks it to end, as its scenario has it.
    fn ask(&mut self) -> Result<()> {
        match self.scenario.stop {
            Stop::Runtime(_) | Stop::Entered(..) | Stop::Restart(_) | Stop::Crowd(..) => {
                self.send(Signal::TERM)
            }
            Stop::RuntimeBy(signal, _) => self.send(signal),
            Stop::Outsider(signal) => self.send_from_outside(signal),
            Stop::ByItself => self.tell(),
            Stop::Stale { ready, .. } => {
                self.send(Signal::TERM)?;
                self.tell()?;
                self.wait_ready(ready)
            }
            Stop::ToldFirst(_) => {
                self.tell()?;
                self.wait_ready(1)?;
                self.send(Signal::TERM)
            }
            // SIGKILL comes with the end.
            Stop::Kill => Ok(()),
            Stop::Frozen => {
                let freezer = self.kept.freezer().context("no freezer was made")?;
                freezer.freeze()?;
                self.send(Signal::TERM)
            }
            Stop::Guest(guest) if guest.first == First::Owner => self.send(Signal::TERM),
            Stop::Guest(_) => send(self.session.as_ref().context("no guest")?, Signal::TERM),
            Stop::Remove => bail!("{} runs in Docker only", self.scenario.name),
        }
    }

    /// Where somebody else than the runtime asked it and it drops that, it goes on until it ends by itself.
    fn survive(&mut self, dropped: &Receiver<()>) -> Result<()> {
        match self.scenario.stop {
            Stop::Outsider(signal) if signal != Signal::KILL => {
                if dropped.recv_timeout(PATIENCE).is_err() {
                    bail!("nobody told that the init dropped {signal}");
                }
                self.tell()
            }
            _ => Ok(()),
        }
    }

    /// Waits for its end, and sends SIGKILL where its scenario has that.
    fn end(&mut self, began: Instant) -> Result<()> {
        let name = self.scenario.name;
        match self.scenario.stop {
            // It has none before the report has come.
            Stop::Frozen => return Ok(()),
            Stop::Guest(guest) if guest.first != First::Owner => return self.end_guest(&guest),
            Stop::ByItself | Stop::Outsider(_) => return self.ends_by_itself(),
            stop => {
                let left = stop
                    .grace()
                    .map(|grace| grace.saturating_sub(began.elapsed()));
                if let Some(left) = left
                    && self.ends_within(left)?
                {
                    if matches!(stop, Stop::Stale { .. }) {
                        bail!("the workload of {name} ended by itself");
                    }
                    return Ok(());
                }
            }
        }
        self.send(Signal::KILL)?;
        if !self.ends_within(PATIENCE)? {
            bail!("the workload of {name} did not end by SIGKILL");
        }
        Ok(())
    }

    /// The guest has been asked to end; whoever it leaves is killed as a runtime does.
    fn end_guest(&mut self, guest: &Guest) -> Result<()> {
        let began = Instant::now();
        let session = self.session.as_mut().context("no guest")?;
        while session.try_wait().context("wait for the guest")?.is_none() {
            if began.elapsed() > guest.grace {
                bail!("the guest of {} did not end", self.scenario.name);
            }
            thread::sleep(POLL);
        }
        let container = self.kept.take_container().context("no container")?;
        match guest.first {
            First::GuestByCgroupKill => container.kill_at_once(),
            First::Owner | First::Guest => container.kill_one_by_one(),
        }
    }

    /// Whoever a container on the host leaves is killed as a runtime does, and its cgroup is removed.
    fn clear(&mut self) -> Result<()> {
        if !matches!(
            self.scenario.program,
            Program::OnHost(_) | Program::OnHostBelow(_)
        ) {
            return Ok(());
        }
        let container = self.kept.take_container().context("no container")?;
        container.kill_one_by_one()
    }

    fn send(&self, signal: Signal) -> Result<()> {
        send(&self.child, signal)
    }

    fn send_from_outside(&self, signal: Signal) -> Result<()> {
        let sent = launch::outsider(signal, self.pid())?
            .status()
            .context("start the process that sends a signal")?;
        if !sent.success() {
            bail!("the process that sends {signal} failed: {sent}");
        }
        Ok(())
    }

    fn ends_by_itself(&mut self) -> Result<()> {
        if !self.ends_within(PATIENCE)? {
            bail!(
                "the workload of {} did not end by itself",
                self.scenario.name
            );
        }
        Ok(())
    }

    /// A line on its input.
    fn tell(&mut self) -> Result<()> {
        let input = self.input.as_mut().context("the workload has no input")?;
        input.write_all(b"go\n").context("tell the workload")
    }

    fn ends_within(&mut self, time: Duration) -> Result<bool> {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            if let Some(session) = &mut self.session {
                // The namespace does not end before it is reaped, and its parent is here.
                session.try_wait().context("wait for the session")?;
            }
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
        if let Some(freezer) = self.kept.freezer()
            && let Err(error) = freezer.thaw()
        {
            tracing::warn!("{error:#}");
        }
        // Ended already in the usual case; then these do nothing.
        let _ = self.child.kill();
        if let Some(session) = &mut self.session {
            let _ = session.kill();
            let _ = session.wait();
        }
        let _ = self.child.wait();
    }
}

/// To a child that is not reaped yet, so that the pid is its own.
fn send(child: &Child, signal: Signal) -> Result<()> {
    let pid = i32::try_from(child.id()).context("the workload has no pid")?;
    // SAFETY: no memory is passed.
    if unsafe { libc::kill(pid, libc::c_int::from(signal.0)) } != 0 {
        return Err(io::Error::last_os_error()).context("send a signal to the workload");
    }
    Ok(())
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

/// Where a command starts.
#[derive(Clone, Copy)]
enum PidNamespace {
    /// As PID 1 of a new one.
    New,
    /// In that of another process.
    Of(u32),
    /// In our own.
    Own,
}

/// Starts a command in a pid namespace.
///
/// `unshare(CLONE_NEWPID)` and `setns` change where the calling thread's next children go, so it happens on a
/// thread of its own that does nothing else; the namespace of this process is put back for the
/// thread before it ends.
fn spawn_in_namespace(mut command: Command, place: PidNamespace) -> Result<Child> {
    let thread = thread::Builder::new()
        .name("namespace".to_owned())
        .spawn(move || -> Result<Child> {
            let own = File::open("/proc/self/ns/pid").context("open our own pid namespace")?;
            match place {
                PidNamespace::Of(pid) => move_into(&format!("/proc/{pid}/ns/pid"))?,
                PidNamespace::New => unshare_pid()?,
                PidNamespace::Own => {}
            }
            leave_signals_alone(&mut command);
            let child = command.spawn().context("start the program");
            move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::ProcessID))
                .context("go back to our own pid namespace")?;
            child
        })
        .context("start a thread")?;
    match thread.join() {
        Ok(child) => child,
        Err(_) => bail!("the thread that makes the pid namespace failed"),
    }
}

/// Has a program start with the default action of every signal, as in a container: a shell that runs this program in the
/// background has it ignore SIGINT and SIGQUIT, and exec hands that on.
fn leave_signals_alone(command: &mut Command) {
    // SAFETY: between fork and exec nothing but a system call for each signal; those that cannot be set fail.
    unsafe {
        command.pre_exec(|| {
            for signal in 1..=libc::SIGRTMAX() {
                libc::signal(signal, libc::SIG_DFL);
            }
            Ok(())
        });
    }
}

fn unshare_pid() -> Result<()> {
    // SAFETY: only the pid namespace of future children of this thread changes.
    if unsafe { libc::unshare(libc::CLONE_NEWPID) } != 0 {
        return Err(io::Error::last_os_error()).context("make a pid namespace (run as root)");
    }
    Ok(())
}

fn move_into(path: &str) -> Result<()> {
    let namespace = File::open(path).with_context(|| format!("open {path}"))?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::ProcessID))
        .with_context(|| format!("enter {path}"))
}
