//! Workloads in pid namespaces of their own, without a container runtime.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::{fd::AsRawFd as _, unix::process::CommandExt as _},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use crate::{lines::Lines, program::WORKLOAD, wait};

/// A workload that is PID 1 of a pid namespace. Dropping it kills the namespace.
#[derive(Debug)]
pub struct Namespace {
    child: Child,
    stdout: Lines,
    ended: bool,
}

impl Namespace {
    /// Starts a program of `tests/workloads` with children, and waits until all are ready.
    pub fn start(programs: &[&str]) -> Self {
        let mut command = Command::new(WORKLOAD);
        command.args(programs);
        Self::start_command(command, programs.len())
    }

    /// Starts any program, and waits until that many lines `ready` have come.
    pub fn start_command(mut command: Command, ready: usize) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = spawn_in_namespace(command);
        let stdout = Lines::of(child.stdout.take().unwrap());
        let namespace = Self {
            child,
            stdout,
            ended: false,
        };
        namespace.wait_for("ready", ready);
        namespace
    }

    /// Host pid of its init.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What `--container` calls it.
    pub fn target(&self) -> String {
        format!("pid:{}", self.pid())
    }

    /// Host pid of its init's only child.
    pub fn child(&self) -> u32 {
        child_of(self.pid())
    }

    /// Inode number of the namespace.
    pub fn inum(&self) -> u64 {
        let link = fs::read_link(format!("/proc/{}/ns/pid", self.pid())).unwrap();
        let text = link.to_string_lossy();
        let digits = text.trim_start_matches("pid:[").trim_end_matches(']');
        digits.parse().unwrap()
    }

    /// How many lines begin like that so far.
    pub fn said(&self, start: &str) -> usize {
        self.stdout.count(start)
    }

    /// Waits until that many lines begin like that.
    pub fn wait_for(&self, start: &str, count: usize) {
        let what = format!("{count} lines `{start}` of process {}", self.pid());
        wait::until(&what, || (self.said(start) >= count).then_some(()));
    }

    /// Sends its init a signal, from here: its parent, as a container's shim is.
    pub fn signal(&self, signal: i32) {
        assert!(!self.ended, "the pid may be another's by now");
        send(self.pid(), signal);
    }

    /// Has programs of `tests/workloads` enter it, as `docker exec` does, and waits until all are ready.
    pub fn exec(&self, programs: &[&str]) -> Session {
        let mut command = Command::new(WORKLOAD);
        command.args(programs);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // SAFETY: one system call, which passes no memory.
        unsafe { command.pre_exec(|| check(libc::setsid())) };
        let mut child = enter(self.pid(), command);
        let stdout = Lines::of(child.stdout.take().unwrap());
        let ready = || (stdout.count("ready") >= programs.len()).then_some(());
        wait::until("an exec session is ready", ready);
        Session(child)
    }

    /// Writes a line to its standard input.
    pub fn tell(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("it has not been ended");
        writeln!(input, "{line}").unwrap();
    }

    /// Ends its standard input, which a `quitter` waits for.
    pub fn end_input(&mut self) {
        self.child.stdin = None;
    }

    /// Stops it as a runtime does: SIGTERM, and after the grace period SIGKILL.
    pub fn stop(&mut self, grace: Duration) {
        self.signal(libc::SIGTERM);
        if wait::within(grace, || self.reap()).is_none() {
            self.kill();
        }
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        self.signal(libc::SIGKILL);
        self.wait();
    }

    /// Whether it has ended; then it is reaped.
    pub fn has_ended(&mut self) -> bool {
        self.ended || self.reap().is_some()
    }

    /// Waits for the end.
    pub fn wait(&mut self) {
        wait::until("the workload ends", || self.reap());
    }

    fn reap(&mut self) -> Option<()> {
        self.child.try_wait().unwrap()?;
        self.ended = true;
        Some(())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Ended already in the usual case; then both do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!(
                "output of workload {}:\n{}",
                self.pid(),
                self.stdout.so_far()
            );
        }
    }
}

/// What has entered a namespace. Dropping it kills its first process.
#[derive(Debug)]
pub struct Session(Child);

impl Session {
    /// Its number in the namespace: the pid of its first process.
    pub fn number(&self) -> u32 {
        inner_pid(self.0.id())
    }

    /// Host pid of its first process's only child.
    pub fn child(&self) -> u32 {
        child_of(self.0.id())
    }

    /// Ends its standard input, and waits for the end of its first process.
    pub fn end(mut self) {
        self.0.stdin = None;
        wait::until("the exec session ends", || self.0.try_wait().unwrap());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Ended already in the usual case; then both do nothing.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Host pid of a process's only child.
pub fn child_of(pid: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.trim().parse().unwrap()
}

/// The number of a process in the innermost pid namespace that it is in.
pub fn inner_pid(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let number = line.and_then(|numbers| numbers.split_whitespace().last());
    number.unwrap().parse().unwrap()
}

/// `kill(2)`. Only for processes that this test started and has not reaped.
pub fn send(pid: u32, signal: i32) {
    // SAFETY: no memory is passed.
    let result = unsafe { libc::kill(pid.cast_signed(), signal) };
    assert_eq!(result, 0, "kill {pid}: {}", io::Error::last_os_error());
}

/// Starts a command as PID 1 of a new pid namespace.
fn spawn_in_namespace(command: Command) -> Child {
    // SAFETY: changes where this thread's next children go, and nothing else.
    spawn_elsewhere(command, || unsafe { libc::unshare(libc::CLONE_NEWPID) })
}

/// Starts a command in the pid namespace of another process, as `docker exec` does.
///
/// The namespace does not end before somebody has waited for it.
pub fn enter(pid: u32, command: Command) -> Child {
    let namespace = File::open(format!("/proc/{pid}/ns/pid")).unwrap();
    // SAFETY: changes where this thread's next children go, and nothing else; the descriptor is open.
    spawn_elsewhere(command, move || unsafe {
        libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWPID)
    })
}

/// Starts a command once this thread's children go to another pid namespace.
///
/// That is for all children that the calling thread starts from then on, so a thread does it that does nothing else.
fn spawn_elsewhere(
    mut command: Command,
    go_there: impl FnOnce() -> libc::c_int + Send + 'static,
) -> Child {
    let started = thread::spawn(move || {
        let own = File::open("/proc/self/ns/pid").unwrap();
        assert_eq!(
            go_there(),
            0,
            "another pid namespace: {}",
            io::Error::last_os_error()
        );
        leave_signals_alone(&mut command);
        let child = command.spawn();
        // SAFETY: as above, with a descriptor that is open.
        let back = unsafe { libc::setns(own.as_raw_fd(), libc::CLONE_NEWPID) };
        assert_eq!(back, 0, "setns: {}", io::Error::last_os_error());
        child.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
    });
    started.join().expect("the thread that starts the workload")
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A shell that runs the tests in the background has them ignore SIGINT and SIGQUIT, and exec hands that on.
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
