//! More memory than there may be, and memory that two processes have.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{join, join_process, term, wait_to_be_told};

/// What is asked for at a time, and at most: a limit that does not bite must not take the host down.
const BITE: usize = 1 << 20;
const MOST_BITES: usize = 256;

const STACK: usize = 64 << 10;
const SHARE_TIME: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(1);

/// Joins a cgroup with a limit and, on a line, asks for memory until the kernel's answer is the OOM killer.
pub(super) fn eat(cgroup: &str) -> Result<()> {
    join(cgroup)?;
    wait_to_be_told()?;
    let mut eaten = Vec::new();
    for _ in 0..MOST_BITES {
        // Not zero: pages that nobody has written to are not there.
        eaten.push(std::hint::black_box(vec![1_u8; BITE]));
    }
    bail!(
        "{} MiB were granted; the cgroup's limit is not in force",
        eaten.len()
    )
}

/// The same, with a process that has the same memory.
pub(super) fn eat_shared(cgroup: &str) -> Result<()> {
    // The kernel takes the last of equals in the cgroup: this one. The other then lives until it is killed for the
    // memory that it shares.
    join_process(cgroup, share()?)?;
    eat(cgroup)
}

/// Set by the process that shares this one's memory, which is how it can.
static IS_SHARED: AtomicBool = AtomicBool::new(false);

extern "C" fn sharer(_: *mut libc::c_void) -> libc::c_int {
    // SAFETY: the name is a C string; nothing but this process's name changes.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"sharer".as_ptr()) };
    IS_SHARED.store(true, Ordering::Release);
    term::wait_forever();
}

/// Starts a process of its own, no thread, that has the memory of this one (`CLONE_VM`), and returns its pid when it runs.
fn share() -> Result<libc::pid_t> {
    // Never given back: its owner runs on it until both end.
    let stack = Box::leak(vec![0_u128; STACK / size_of::<u128>()].into_boxed_slice());
    // SAFETY: the stack is as long as told, aligned, nobody else's, and grows down from its end. What runs on it makes
    // system calls and one atomic store, and takes no lock of this process.
    let pid = unsafe {
        libc::clone(
            sharer,
            stack.as_mut_ptr_range().end.cast(),
            libc::CLONE_VM | libc::SIGCHLD,
            std::ptr::null_mut(),
        )
    };
    if pid < 0 {
        return Err(io::Error::last_os_error()).context("start a process that shares memory");
    }
    let deadline = Instant::now() + SHARE_TIME;
    while !IS_SHARED.load(Ordering::Acquire) {
        if Instant::now() > deadline {
            bail!("the process that shares memory does not run");
        }
        thread::sleep(POLL);
    }
    Ok(pid)
}
