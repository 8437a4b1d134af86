//! What a program does to itself and to others, beside waiting for the stop signal.

use std::{
    ffi::CString,
    os::unix::process::CommandExt as _,
    process::{Child, Command},
};

use anyhow::{Context as _, Result};
use rinit_trace_core::model::Signal;
use rustix::fs::{Mode, OFlags};

use super::term;

/// A signal and who gets it, by the pid that the sender knows it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) signal: Signal,
    pub(super) pid: i32,
}

impl Message {
    /// `SIGNAL/PID`
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (signal, pid) = text.split_once('/')?;
        Some(Self {
            signal: signal.parse().ok()?,
            // Zero and less are groups.
            pid: pid.parse().ok().filter(|pid| *pid > 0)?,
        })
    }

    pub(super) fn send(self) -> Result<()> {
        term::send(self.pid, self.signal)
            .with_context(|| format!("send {} to process {}", self.signal, self.pid))
    }
}

/// Waits until every child has ended.
pub(super) fn outlive(children: &mut [Child]) -> Result<()> {
    for child in children {
        child.wait().context("wait for a child")?;
    }
    Ok(())
}

/// Has a program join a cgroup before it runs, as a runtime does with the first one of a container.
pub(super) fn join_at_start(command: &mut Command, cgroup: &str) -> Result<()> {
    let members = CString::new(format!("{cgroup}/cgroup.procs")).context("name a cgroup")?;
    let join = move || {
        let file = rustix::fs::open(&*members, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        // Zero is who writes.
        rustix::io::write(&file, b"0")?;
        Ok(())
    };
    // SAFETY: two system calls between fork and exec, on memory that is there already.
    unsafe { command.pre_exec(join) };
    Ok(())
}

/// Has the next child be the init of a pid namespace, and those after it live there.
pub(super) fn nest() -> Result<()> {
    // SAFETY: only the pid namespace of future children changes.
    if unsafe { libc::unshare(libc::CLONE_NEWPID) } != 0 {
        return Err(std::io::Error::last_os_error()).context("make a pid namespace");
    }
    Ok(())
}

/// Asks for SIGKILL when the parent ends.
pub(super) fn die_with_parent() -> Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .context("ask for a signal at the parent's end (PR_SET_PDEATHSIG)")
}

/// Becomes the tracer of the parent. A signal to that stops it for the tracer, which never looks.
pub(super) fn trace_parent() -> Result<()> {
    let parent = rustix::process::getppid().context("the parent is outside")?;
    let nothing = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: PTRACE_SEIZE takes a pid and reads no memory of this process.
    let result = unsafe {
        libc::ptrace(
            libc::PTRACE_SEIZE,
            parent.as_raw_nonzero().get(),
            nothing,
            nothing,
        )
    };
    if result != 0 {
        return Err(std::io::Error::last_os_error())
            .context("trace the parent (ptrace is refused to those without CAP_SYS_PTRACE)");
    }
    Ok(())
}

/// Dies of SIGSEGV, and leaves no core file.
pub(super) fn crash() -> Result<()> {
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .context("have no core dumped")?;
    term::leave_alone(Signal::SEGV)?;
    let own = rustix::process::getpid().as_raw_nonzero().get();
    term::send(own, Signal::SEGV)
}

/// Runs until the kernel ends it by SIGKILL, after a second of processor time.
pub(super) fn burn() -> Result<std::convert::Infallible> {
    let second = rustix::process::Rlimit {
        current: Some(1),
        maximum: Some(1),
    };
    rustix::process::setrlimit(rustix::process::Resource::Cpu, second)
        .context("limit the processor time (RLIMIT_CPU)")?;
    loop {
        std::hint::spin_loop();
    }
}
