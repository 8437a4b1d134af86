//! SIGTERM: handled, ignored, blocked, waited for, passed on.

use std::{
    io::{self, PipeReader, Read as _},
    os::fd::IntoRawFd as _,
    sync::atomic::{AtomicI32, Ordering},
};

use anyhow::{Context as _, Result};

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
    pub(super) fn handle() -> Result<Self> {
        let (reader, writer) = io::pipe().context("make a pipe")?;
        // Never closed: the handler may run at any time.
        WRITER.store(writer.into_raw_fd(), Ordering::Relaxed);
        set_action(on_term as *const () as usize).context("install the SIGTERM handler")?;
        Ok(Self { reader })
    }

    /// Returns once SIGTERM has come.
    pub(super) fn wait(&mut self) -> Result<()> {
        // Goes on after the interruption by the signal itself, and finds the byte.
        self.reader.read_exact(&mut [0]).context("wait for SIGTERM")
    }
}

pub(super) fn ignore() -> Result<()> {
    set_action(libc::SIG_IGN).context("ignore SIGTERM")
}

fn set_action(action: usize) -> io::Result<()> {
    // SAFETY: the action is fully initialised; the handler, if it is one, calls nothing but `write`.
    let result = unsafe {
        let mut new: libc::sigaction = std::mem::zeroed();
        new.sa_sigaction = action;
        libc::sigemptyset(&raw mut new.sa_mask);
        libc::sigaction(libc::SIGTERM, &raw const new, std::ptr::null_mut())
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

pub(super) fn block() -> Result<()> {
    // SAFETY: the set is initialised before use; nothing is written to the old one.
    let result = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTERM);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut())
    };
    if result != 0 {
        return Err(io::Error::last_os_error()).context("block SIGTERM");
    }
    Ok(())
}

/// To every process of the namespace that PID 1 may signal, but not to itself.
pub(super) fn send_to_all_others() -> Result<()> {
    // SAFETY: no memory is passed.
    if unsafe { libc::kill(-1, libc::SIGTERM) } != 0 {
        return Err(io::Error::last_os_error()).context("pass SIGTERM on to all");
    }
    Ok(())
}

/// Waits for a signal that ends the process.
pub(super) fn wait_forever() -> ! {
    loop {
        // SAFETY: takes nothing and only waits.
        unsafe { libc::pause() };
    }
}
