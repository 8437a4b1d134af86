//! SIGKILL by a tracer, and to a process that somebody traces.

use std::{io, process as own};

use super::{
    Way, cgroups,
    process::{another, start, victim},
    sys,
};
use crate::os;

pub(super) const WAYS: &[(&str, Way)] = &[
    ("ptrace-kill", |_| ptrace_kill()),
    ("ptrace-exitkill", |_| ptrace_exitkill()),
    ("ptrace-exitkill-by-init", |_| {
        let victim = victim()?.pid;
        sys::trace(sys::PTRACE_SEIZE, victim, sys::PTRACE_O_EXITKILL)?;
        own::exit(0)
    }),
    ("ptrace-inject", |_| ptrace_inject()),
    // The tracer is a process of the namespace: what it does itself PID 1 survives.
    ("ptrace-kill-of-init", |_| {
        another(|| {
            sys::trace(sys::PTRACE_SEIZE, sys::parent(), 0)?;
            sys::trace(sys::PTRACE_KILL, sys::parent(), 0)
        })
    }),
    ("ptrace-exitkill-of-init", |_| {
        another(|| sys::trace(sys::PTRACE_SEIZE, sys::parent(), sys::PTRACE_O_EXITKILL))
    }),
    ("traced", |_| {
        traced(|victim| another(|| os::send(victim, os::SIGKILL)))
    }),
    ("traced-by-cgroup", |path| {
        traced(|victim| cgroups::kill(path, victim))
    }),
];

fn ptrace_kill() -> io::Result<()> {
    let victim = victim()?.pid;
    start("tracer", |mut words| {
        sys::trace(sys::PTRACE_SEIZE, victim, 0)?;
        words.say()?;
        sys::trace(sys::PTRACE_KILL, victim, 0)?;
        sys::wait_traced(victim)
    })
    .map(drop)
}

fn ptrace_exitkill() -> io::Result<()> {
    let victim = victim()?.pid;
    start("tracer", |mut words| {
        sys::trace(sys::PTRACE_SEIZE, victim, sys::PTRACE_O_EXITKILL)?;
        words.say()
    })
    .map(drop)
}

/// The tracer puts SIGKILL in the place of another signal: the victim dies of it, and nobody has sent it.
fn ptrace_inject() -> io::Result<()> {
    let victim = victim()?.pid;
    start("tracer", |mut words| {
        sys::trace(sys::PTRACE_ATTACH, victim, 0)?;
        sys::wait_traced(victim)?;
        words.say()?;
        sys::trace(sys::PTRACE_CONT, victim, 9)?;
        sys::wait_traced(victim)
    })
    .map(drop)
}

/// Somebody traces the victim, and another kills it.
fn traced(kill: impl FnOnce(i32) -> io::Result<()>) -> io::Result<()> {
    let victim = victim()?.pid;
    start("tracer", |mut words| {
        sys::trace(sys::PTRACE_SEIZE, victim, 0)?;
        words.say()?;
        sys::wait_traced(victim)
    })?;
    kill(victim)
}
