//! The few system calls that std has not. Declared here: the program is built by a bare rustc, which finds no crates.

use std::{
    ffi::{CString, c_int, c_ulong},
    io,
    process::Child,
    ptr,
    sync::atomic::{AtomicBool, AtomicI32, Ordering},
    thread,
    time::Duration,
};

pub(crate) const SIGHUP: c_int = 1;
pub(crate) const SIGINT: c_int = 2;
pub(crate) const SIGKILL: c_int = 9;
pub(crate) const SIGUSR1: c_int = 10;
pub(crate) const SIGTERM: c_int = 15;
pub(crate) const SIGCHLD: c_int = 17;

const SIG_DFL: usize = 0;
const SIG_IGN: usize = 1;
const SIG_ERR: usize = usize::MAX;
const SIG_BLOCK: c_int = 0;
const SIG_UNBLOCK: c_int = 1;
const SIG_SETMASK: c_int = 2;
const PR_SET_NAME: c_int = 15;
const CLONE_NEWUSER: c_int = 0x1000_0000;
const CLONE_NEWPID: c_int = 0x2000_0000;

/// `sigset_t` of glibc and musl: 1024 bits.
type SignalSet = [u64; 16];

unsafe extern "C" {
    fn signal(number: c_int, handler: usize) -> usize;
    fn sigprocmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
    fn sigsuspend(mask: *const SignalSet) -> c_int;
    fn sigpending(set: *mut SignalSet) -> c_int;
    fn pause() -> c_int;
    #[link_name = "fork"]
    fn libc_fork() -> c_int;
    fn kill(pid: c_int, number: c_int) -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn setsid() -> c_int;
    fn unshare(flags: c_int) -> c_int;
    fn prctl(option: c_int, a: c_ulong, b: c_ulong, c: c_ulong, d: c_ulong) -> c_int;
}

/// SIGTERM has come.
static ASKED: AtomicBool = AtomicBool::new(false);
/// SIGUSR1 has come.
static SETTLE: AtomicBool = AtomicBool::new(false);
/// SIGHUPs that have come and not been taken.
static RELOADS: AtomicI32 = AtomicI32::new(0);

extern "C" fn on_signal(number: c_int) {
    match number {
        SIGTERM => ASKED.store(true, Ordering::SeqCst),
        SIGUSR1 => SETTLE.store(true, Ordering::SeqCst),
        SIGHUP => {
            RELOADS.fetch_add(1, Ordering::SeqCst);
        }
        _ => {}
    }
}

/// Whether SIGUSR1 has come.
pub(crate) fn is_to_settle() -> bool {
    SETTLE.load(Ordering::SeqCst)
}

/// Takes one SIGHUP that has come.
pub(crate) fn was_reloaded() -> bool {
    RELOADS
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| {
            (count > 0).then(|| count - 1)
        })
        .is_ok()
}

/// Installs the handler.
pub(crate) fn handle(number: c_int) -> io::Result<()> {
    set_action(number, on_signal as *const () as usize)
}

/// Installs another handler, which may only store to atomics.
pub(crate) fn handle_by(number: c_int, handler: extern "C" fn(c_int)) -> io::Result<()> {
    set_action(number, handler as *const () as usize)
}

/// Has the kernel drop a signal.
pub(crate) fn ignore(number: c_int) -> io::Result<()> {
    set_action(number, SIG_IGN)
}

/// Leaves a signal to its default action.
pub(crate) fn leave_alone(number: c_int) -> io::Result<()> {
    set_action(number, SIG_DFL)
}

fn set_action(number: c_int, action: usize) -> io::Result<()> {
    // SAFETY: the handler only stores to atomics.
    if unsafe { signal(number, action) } == SIG_ERR {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Blocks a signal for this thread and those that it starts.
pub(crate) fn block(number: c_int) -> io::Result<()> {
    let set = set_of(number);
    // SAFETY: reads one set and writes nothing.
    check(unsafe { sigprocmask(SIG_BLOCK, &raw const set, ptr::null_mut()) }).map(drop)
}

/// Waits until a signal, which is blocked, is pending, and lets it go.
pub(crate) fn drop_pending(number: c_int) {
    let set = set_of(number);
    loop {
        let mut pending: SignalSet = [0; 16];
        // SAFETY: writes one set.
        unsafe { sigpending(&raw mut pending) };
        if pending[0] & set[0] != 0 {
            break;
        }
        thread::sleep(Duration::from_millis(1));
    }
    // SAFETY: reads one set and writes nothing.
    unsafe { sigprocmask(SIG_UNBLOCK, &raw const set, ptr::null_mut()) };
}

/// Returns once SIGTERM has come.
pub(crate) fn wait_for_term() {
    while wait_for_term_or_hup() != SIGTERM {}
}

/// Returns the signal that has come. Both are blocked but while it waits, so that none is lost before.
pub(crate) fn wait_for_term_or_hup() -> c_int {
    let mut both = set_of(SIGTERM);
    both[0] |= set_of(SIGHUP)[0];
    let mut before: SignalSet = [0; 16];
    // SAFETY: reads one set and writes the other.
    unsafe { sigprocmask(SIG_BLOCK, &raw const both, &raw mut before) };
    let mut waiting = before;
    waiting[0] &= !both[0];
    let came = loop {
        if RELOADS.load(Ordering::SeqCst) > 0 {
            RELOADS.fetch_sub(1, Ordering::SeqCst);
            break SIGHUP;
        }
        if ASKED.load(Ordering::SeqCst) {
            break SIGTERM;
        }
        // SAFETY: reads one set.
        unsafe { sigsuspend(&raw const waiting) };
    };
    // SAFETY: reads one set and writes nothing.
    unsafe { sigprocmask(SIG_SETMASK, &raw const before, ptr::null_mut()) };
    came
}

/// Waits for a signal that ends the process.
pub(crate) fn wait_forever() -> ! {
    loop {
        // SAFETY: takes nothing and only waits.
        unsafe { pause() };
    }
}

/// Ends at once and in good order.
pub(crate) fn leave() -> ! {
    std::process::exit(0);
}

/// Starts a copy of this process, which has one thread; it never returns.
pub(crate) fn fork(child: fn() -> !) -> io::Result<c_int> {
    match fork_here()? {
        None => child(),
        Some(pid) => Ok(pid),
    }
}

/// Starts a copy of this process, which has one thread, and is `None` in the copy.
pub(crate) fn fork_here() -> io::Result<Option<c_int>> {
    // SAFETY: there is one thread, so the child's memory is consistent.
    let pid = check(unsafe { libc_fork() })?;
    Ok((pid != 0).then_some(pid))
}

/// Has the next children go to a new pid namespace, of a new user namespace, as anybody may.
pub(crate) fn make_namespaces() -> io::Result<()> {
    // SAFETY: passes no memory.
    check(unsafe { unshare(CLONE_NEWUSER | CLONE_NEWPID) }).map(drop)
}

/// `setsid(2)`
pub(crate) fn lead_session() -> io::Result<()> {
    // SAFETY: passes no memory.
    check(unsafe { setsid() }).map(drop)
}

/// `kill(2)`
pub(crate) fn send(pid: c_int, number: c_int) -> io::Result<()> {
    // SAFETY: no memory is passed.
    check(unsafe { kill(pid, number) }).map(drop)
}

/// Waits for the end of a child.
pub(crate) fn reap(pid: c_int) -> io::Result<()> {
    // SAFETY: a null status is allowed.
    check(unsafe { waitpid(pid, ptr::null_mut(), 0) }).map(drop)
}

/// The pid in the form that `send` takes.
pub(crate) fn pid_of(child: &Child) -> c_int {
    child.id().cast_signed()
}

/// Sets the name that `ps` shows.
pub(crate) fn set_name(name: &[u8]) -> io::Result<()> {
    let name = CString::new(name)?;
    // SAFETY: the name is a string that ends.
    check(unsafe { prctl(PR_SET_NAME, name.as_ptr() as c_ulong, 0, 0, 0) }).map(drop)
}

fn set_of(number: c_int) -> SignalSet {
    let mut set = [0; 16];
    set[0] = 1 << (number - 1);
    set
}

/// The error of a call that failed.
pub(crate) fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}
