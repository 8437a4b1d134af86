//! The signal that ends a program, SIGTERM if not told: handled, ignored, blocked, waited for, passed on.

use std::{
    io::{self, PipeReader, Read as _},
    os::fd::IntoRawFd as _,
    sync::atomic::{AtomicI32, Ordering},
};

use anyhow::{Context as _, Result};
use rinit_trace_core::model::Signal;

/// Where the handler writes to.
static WRITER: AtomicI32 = AtomicI32::new(-1);

/// A handler that writes a byte into a pipe. The signal is never blocked, so that its disposition is `handled` at any
/// moment, and one that comes before the wait is in the pipe.
pub(super) struct Term {
    reader: PipeReader,
}

extern "C" fn on_term(_signal: libc::c_int) {
    let byte = 0_u8;
    // SAFETY: `write` may be called in a handler; the byte lives as long as the call. A full pipe is no loss, since one
    // byte is enough.
    unsafe { libc::write(WRITER.load(Ordering::Relaxed), (&raw const byte).cast(), 1) };
}

impl Term {
    pub(super) fn handle(signal: Signal) -> Result<Self> {
        let (reader, writer) = io::pipe().context("make a pipe")?;
        // Never closed: the handler may run at any time.
        WRITER.store(writer.into_raw_fd(), Ordering::Relaxed);
        set_action(signal, on_term as *const () as usize)
            .with_context(|| format!("install the {signal} handler"))?;
        Ok(Self { reader })
    }

    /// Returns once the signal has come.
    pub(super) fn wait(&mut self) -> Result<()> {
        // Goes on after the interruption by the signal itself, and finds the byte.
        self.reader
            .read_exact(&mut [0])
            .context("wait for the signal")
    }
}

pub(super) fn ignore(signal: Signal) -> Result<()> {
    set_action(signal, libc::SIG_IGN).with_context(|| format!("ignore {signal}"))
}

/// The default action.
pub(super) fn leave_alone(signal: Signal) -> Result<()> {
    set_action(signal, libc::SIG_DFL).with_context(|| format!("leave {signal} alone"))
}

fn set_action(signal: Signal, action: usize) -> io::Result<()> {
    // SAFETY: the action is fully initialised; the handler, if it is one, calls nothing but `write`.
    let result = unsafe {
        let mut new: libc::sigaction = std::mem::zeroed();
        new.sa_sigaction = action;
        libc::sigemptyset(&raw mut new.sa_mask);
        libc::sigaction(number(signal), &raw const new, std::ptr::null_mut())
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// For this thread, and for those that it starts.
pub(super) fn block(signal: Signal) -> Result<()> {
    mask(libc::SIG_BLOCK, signal).with_context(|| format!("block {signal}"))
}

pub(super) fn unblock(signal: Signal) -> Result<()> {
    mask(libc::SIG_UNBLOCK, signal).with_context(|| format!("unblock {signal}"))
}

fn mask(how: libc::c_int, signal: Signal) -> io::Result<()> {
    // SAFETY: the set is initialised before use; nothing is written to the old one.
    let error = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, number(signal));
        libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut())
    };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    Ok(())
}

/// To every process of the namespace that PID 1 may signal, but not to itself.
pub(super) fn send_to_all_others() -> Result<()> {
    send(-1, Signal::TERM).context("pass SIGTERM on to all")
}

/// To a process, by its pid.
pub(super) fn send(pid: i32, signal: Signal) -> Result<()> {
    // SAFETY: no memory is passed.
    if unsafe { libc::kill(pid, number(signal)) } != 0 {
        return Err(io::Error::last_os_error()).context("send a signal");
    }
    Ok(())
}

fn number(signal: Signal) -> libc::c_int {
    libc::c_int::from(signal.0)
}

/// Waits for a signal that ends the process.
pub(super) fn wait_forever() -> ! {
    loop {
        // SAFETY: takes nothing and only waits.
        unsafe { libc::pause() };
    }
}
