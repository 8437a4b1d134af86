//! Programs with more than one thread.

use std::{sync::mpsc, thread};

use anyhow::{Context as _, Result};
use rinit_trace_core::model::Signal;

use super::term;

/// They do nothing.
const STACK: usize = 64 << 10;

/// Starts threads that only wait.
pub(super) fn start(count: usize) -> Result<()> {
    for _ in 0..count {
        spawn(|| term::wait_forever())?;
    }
    Ok(())
}

/// Leaves a signal to a thread that is not the leader: this one blocks it.
pub(super) fn leave_to_another(signal: Signal) -> Result<()> {
    term::block(signal)?;
    let (tell, told) = mpsc::channel();
    spawn(move || {
        // Nobody listens only if this process is about to fail.
        let _ = tell.send(term::unblock(signal));
        term::wait_forever()
    })?;
    told.recv().context("the thread that takes signals ended")?
}

fn spawn(run: impl FnOnce() -> std::convert::Infallible + Send + 'static) -> Result<()> {
    let thread = thread::Builder::new().stack_size(STACK);
    thread.spawn(run).context("start a thread").map(drop)
}
