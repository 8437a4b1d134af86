//! A workload as PID 1 of a pid namespace of its own, stopped as a runtime would.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::scenarios::{Program, Scenario};

/// How long a workload may take to say `ready`.
const READY_TIME: Duration = Duration::from_secs(20);

/// How often the end of a stopping workload is looked for.
const POLL: Duration = Duration::from_millis(1);

/// A running workload. Dropping it kills its namespace.
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts a scenario's program and waits until it is ready.
    pub fn start(scenario: &Scenario) -> Result<Self> {
        let mut command = command(scenario)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let child = spawn_in_namespace(command)
            .with_context(|| format!("start the workload of {}", scenario.name))?;
        let mut running = Self { child };
        running.wait_ready(scenario)?;
        Ok(running)
    }

    /// Host pid of the namespace's init.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait_ready(&mut self, scenario: &Scenario) -> Result<()> {
        let stdout = self
            .child
            .stdout
            .take()
            .context("the workload has no output")?;
        let (send, lines) = mpsc::channel();
        // Reads on after `ready`: a workload must not meet a closed pipe.
        thread::spawn(move || {
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
        let deadline = Instant::now() + READY_TIME;
        let mut ready = 0;
        while ready < scenario.ready {
            let left = deadline.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(line) if line == "ready" => ready += 1,
                Ok(_) => {}
                Err(_) => bail!(
                    "the workload of {} was not ready within {} s",
                    scenario.name,
                    READY_TIME.as_secs()
                ),
            }
        }
        Ok(())
    }

    /// Stops it: SIGTERM, the grace period, SIGKILL.
    pub fn stop(mut self, grace: Duration) -> Result<()> {
        let pid = self.raw_pid()?;
        kill_process(pid, Signal::TERM).context("send SIGTERM to the workload")?;
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline {
            if self
                .child
                .try_wait()
                .context("wait for the workload")?
                .is_some()
            {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        kill_process(pid, Signal::KILL).context("send SIGKILL to the workload")?;
        self.child.wait().context("wait for the workload")?;
        Ok(())
    }

    fn raw_pid(&self) -> Result<Pid> {
        i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("the workload has no pid")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already in the usual case; then both do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(scenario: &Scenario) -> Result<Command> {
    Ok(match scenario.program {
        Program::Own(name) => {
            let own = std::env::current_exe().context("find this program's file")?;
            let mut command = Command::new(own);
            // Where this program lies says nothing in a report.
            command.arg0("rinit-trace").args(["workload", name]);
            command
        }
        Program::Shell(script) => {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]);
            command
        }
    })
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
