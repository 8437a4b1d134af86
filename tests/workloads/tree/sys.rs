//! The system calls that std has not. Declared here: the program is built by a bare rustc, which finds no crates.

use std::{
    ffi::{CStr, CString, c_char, c_int, c_long, c_uint, c_ulong, c_void},
    fs::{File, OpenOptions},
    io,
    os::fd::AsRawFd as _,
    path::Path,
    ptr, slice,
    sync::atomic::{AtomicI32, AtomicU64, Ordering},
    time::Duration,
};

pub(crate) const SIGQUIT: c_int = 3;
pub(crate) const SIGKILL: c_int = 9;
pub(crate) const SIGTERM: c_int = 15;
pub(crate) const SIGCHLD: c_int = 17;

pub(crate) const SIG_DFL: usize = 0;
pub(crate) const SIG_IGN: usize = 1;

const SIG_ERR: usize = usize::MAX;
const SIG_SETMASK: c_int = 2;
const CLOCK_MONOTONIC: c_int = 1;
const PROT_READ_WRITE: c_int = 3;
const MAP_SHARED: c_int = 1;
const O_NONBLOCK_CLOEXEC: c_int = 0o2_004_000;
const POLLIN: i16 = 1;
const WNOHANG: c_int = 1;
const WALL: c_int = 0x4000_0000;
const CLONE_NEWPID: c_int = 0x2000_0000;
const PTRACE_CONT: c_uint = 7;
const PTRACE_SEIZE: c_uint = 0x4206;
const PTRACE_O_EXITKILL: c_ulong = 0x10_0000;
const PTRACE_EVENT_STOP: c_int = 128;
const PR_SET_PDEATHSIG: c_int = 1;
const PR_SET_NAME: c_int = 15;
/// The same on all architectures.
const SYS_CLONE3: c_long = 435;
/// `exit`, which ends one thread.
const SYS_EXIT: c_long = if cfg!(target_arch = "x86_64") { 60 } else { 93 };

/// `sigset_t` of glibc and musl: 1024 bits.
type Set = [u64; 16];

#[repr(C)]
struct TimeSpec {
    seconds: i64,
    nanoseconds: i64,
}

#[repr(C)]
struct PollFd {
    fd: c_int,
    events: i16,
    returned: i16,
}

/// `struct clone_args` (include/uapi/linux/sched.h), as Linux 5.5 has it.
#[repr(C)]
#[derive(Default)]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
}

unsafe extern "C" {
    fn signal(number: c_int, handler: usize) -> usize;
    fn pthread_sigmask(how: c_int, set: *const Set, old: *mut Set) -> c_int;
    fn sigtimedwait(set: *const Set, info: *mut c_void, timeout: *const TimeSpec) -> c_int;
    fn sigwaitinfo(set: *const Set, info: *mut c_void) -> c_int;
    fn signalfd(fd: c_int, set: *const Set, flags: c_int) -> c_int;
    fn pause() -> c_int;
    fn fork() -> c_int;
    fn kill(pid: c_int, number: c_int) -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn prctl(option: c_int, a: c_ulong, b: c_ulong, c: c_ulong, d: c_ulong) -> c_int;
    fn getpgrp() -> c_int;
    fn getpgid(pid: c_int) -> c_int;
    fn setpgid(pid: c_int, group: c_int) -> c_int;
    fn setsid() -> c_int;
    fn unshare(flags: c_int) -> c_int;
    fn setns(fd: c_int, kind: c_int) -> c_int;
    fn ptrace(request: c_uint, ...) -> c_long;
    fn _exit(code: c_int) -> !;
    fn syscall(number: c_long, ...) -> c_long;
    fn clock_gettime(clock: c_int, time: *mut TimeSpec) -> c_int;
    fn mmap(
        at: *mut c_void,
        len: usize,
        prot: c_int,
        flags: c_int,
        fd: c_int,
        from: i64,
    ) -> *mut c_void;
    fn pipe2(ends: *mut c_int, flags: c_int) -> c_int;
    fn poll(fds: *mut PollFd, count: c_ulong, timeout: c_int) -> c_int;
    fn read(fd: c_int, buffer: *mut c_void, len: usize) -> isize;
    fn write(fd: c_int, buffer: *const c_void, len: usize) -> isize;
    fn execv(path: *const c_char, argv: *const *const c_char) -> c_int;
}

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub(crate) fn now() -> u64 {
    let mut time = TimeSpec {
        seconds: 0,
        nanoseconds: 0,
    };
    // SAFETY: writes one time.
    unsafe { clock_gettime(CLOCK_MONOTONIC, &raw mut time) };
    let total = time.seconds * 1_000_000_000 + time.nanoseconds;
    total.unsigned_abs()
}

/// Maps the first words of a file, shared, for the rest of the process's life.
pub(crate) fn map(path: &Path, words: usize) -> io::Result<&'static [AtomicU64]> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let bytes = words * size_of::<AtomicU64>();
    if file.metadata()?.len() < bytes as u64 {
        return Err(io::Error::other("the file is too short"));
    }
    // SAFETY: asks for a mapping of its own, anywhere.
    let at = unsafe {
        mmap(
            ptr::null_mut(),
            bytes,
            PROT_READ_WRITE,
            MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if at as isize == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the mapping is that long, aligned to a page, never unmapped, and only touched by atomics.
    Ok(unsafe { slice::from_raw_parts(at.cast(), words) })
}

/// Process group, of this process for 0.
pub(crate) fn group_of(pid: c_int) -> c_int {
    // SAFETY: touches nothing.
    unsafe { getpgid(pid) }
}

pub(crate) fn own_group() -> c_int {
    // SAFETY: touches nothing.
    unsafe { getpgrp() }
}

pub(crate) fn lead_group() -> io::Result<()> {
    // SAFETY: passes no memory.
    check(unsafe { setpgid(0, 0) }).map(drop)
}

pub(crate) fn lead_session() -> io::Result<()> {
    // SAFETY: passes no memory.
    check(unsafe { setsid() }).map(drop)
}

/// Sets the name that `ps` shows.
pub(crate) fn set_name(name: &str) -> io::Result<()> {
    let name = CString::new(name)?;
    // SAFETY: the name is a string that ends.
    check(unsafe { prctl(PR_SET_NAME, name.as_ptr() as c_ulong, 0, 0, 0) }).map(drop)
}

pub(crate) fn die_with_parent() -> io::Result<()> {
    // SAFETY: passes no memory.
    check(unsafe { prctl(PR_SET_PDEATHSIG, SIGKILL.unsigned_abs().into(), 0, 0, 0) }).map(drop)
}

/// Starts a copy of this process, which has one thread.
pub(crate) fn split() -> io::Result<c_int> {
    // SAFETY: there is one thread, so the child's memory is consistent.
    check(unsafe { fork() })
}

/// The same, with the copy as PID 1 of a new pid namespace.
pub(crate) fn split_into_namespace() -> io::Result<c_int> {
    let own = File::open("/proc/self/ns/pid")?;
    // SAFETY: changes where the next children go, and nothing else.
    check(unsafe { unshare(CLONE_NEWPID) })?;
    let pid = split()?;
    if pid > 0 {
        // SAFETY: as above, with a descriptor that is open.
        check(unsafe { setns(own.as_raw_fd(), CLONE_NEWPID) })?;
    }
    Ok(pid)
}

/// The same, with a number that the copy is to have in this namespace. `None`: another process has it.
pub(crate) fn split_as(number: c_int) -> io::Result<Option<c_int>> {
    let arguments = CloneArguments {
        exit_signal: SIGCHLD.unsigned_abs().into(),
        set_tid: (&raw const number) as u64,
        set_tid_size: 1,
        ..CloneArguments::default()
    };
    let size = size_of::<CloneArguments>();
    // SAFETY: there is one thread, so the child's memory is consistent; the arguments live until it is done.
    let pid = unsafe { syscall(SYS_CLONE3, &raw const arguments, size) };
    if pid >= 0 {
        return Ok(c_int::try_from(pid).ok());
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Ok(None);
    }
    Err(error)
}

pub(crate) fn send(pid: c_int, number: c_int) {
    // It may be gone already: that is what the test is about.
    // SAFETY: passes no memory.
    unsafe { kill(pid, number) };
}

/// Reaps a child that has ended. `None`: no child is left.
pub(crate) fn reap_one() -> Option<c_int> {
    // SAFETY: a null status is allowed.
    let pid = unsafe { waitpid(-1, ptr::null_mut(), WNOHANG) };
    (pid >= 0).then_some(pid)
}

/// How a process is that this thread traces.
#[derive(Debug)]
pub(crate) enum Traced {
    Runs,
    /// With a signal that it has taken, 0 for none.
    Stops(c_int),
    Gone,
}

/// Traces a process, without stopping it. With `kills` it is killed when this one ends.
pub(crate) fn seize(pid: c_int, kills: bool) -> io::Result<()> {
    let options = if kills { PTRACE_O_EXITKILL } else { 0 };
    // SAFETY: takes numbers alone.
    let result = unsafe { ptrace(PTRACE_SEIZE, pid, ptr::null_mut::<c_void>(), options) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Takes the news of a process that this thread traces.
pub(crate) fn traced_state(pid: c_int) -> Traced {
    let mut status: c_int = 0;
    // SAFETY: writes one number.
    match unsafe { waitpid(pid, (&raw mut status).cast(), WNOHANG | WALL) } {
        0 => Traced::Runs,
        told if told == pid && status & 0xff == 0x7f => {
            let is_event = status >> 16 == PTRACE_EVENT_STOP;
            Traced::Stops(if is_event { 0 } else { (status >> 8) & 0xff })
        }
        _ => Traced::Gone,
    }
}

/// Lets a traced process go on, with a signal.
pub(crate) fn pass_on(pid: c_int, signal: c_int) {
    let signal = c_ulong::from(signal.unsigned_abs());
    // It may have been killed since.
    // SAFETY: takes numbers alone.
    unsafe { ptrace(PTRACE_CONT, pid, ptr::null_mut::<c_void>(), signal) };
}

/// Ends the process, all of its threads.
pub(crate) fn exit(code: u8) -> ! {
    // SAFETY: nothing of this process is used after it.
    unsafe { _exit(code.into()) }
}

/// Ends the calling thread alone, also the first one.
pub(crate) fn exit_thread() -> ! {
    // SAFETY: its stack stays where it is, and it holds nothing that others need.
    unsafe { syscall(SYS_EXIT, 0 as c_long) };
    exit(99)
}

pub(crate) fn execute(path: &CStr, arguments: &[CString]) -> io::Error {
    let mut list: Vec<*const c_char> = arguments.iter().map(|one| one.as_ptr()).collect();
    list.push(ptr::null());
    // SAFETY: strings that end, in a list that ends, which live until it returns.
    unsafe { execv(path.as_ptr(), list.as_ptr()) };
    io::Error::last_os_error()
}

/// Sets what a signal does: `SIG_DFL`, `SIG_IGN`, or a handler.
pub(crate) fn set_action(number: c_int, action: usize) -> io::Result<()> {
    // SAFETY: handlers only store to atomics, and call what is allowed in them.
    if unsafe { signal(number, action) } == SIG_ERR {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Blocks exactly these signals, for this thread and those that it starts.
pub(crate) fn set_blocked(numbers: &[c_int]) {
    let set = set_of(numbers);
    // SAFETY: reads one set and writes nothing.
    unsafe { pthread_sigmask(SIG_SETMASK, &raw const set, ptr::null_mut()) };
}

/// Takes one of these signals, which are blocked. Without a limit the wait is one system call.
pub(crate) fn wait_for(numbers: &[c_int], limit: Option<Duration>) -> Option<c_int> {
    let set = set_of(numbers);
    let taken = match limit {
        // SAFETY: reads one set, and writes nothing for there is no place.
        None => unsafe { sigwaitinfo(&raw const set, ptr::null_mut()) },
        Some(limit) => {
            let time = TimeSpec {
                seconds: limit.as_secs().cast_signed(),
                nanoseconds: limit.subsec_nanos().into(),
            };
            // SAFETY: reads one set and one time, and writes nothing for there is no place.
            unsafe { sigtimedwait(&raw const set, ptr::null_mut(), &raw const time) }
        }
    };
    (taken > 0).then_some(taken)
}

/// A descriptor from which these signals, which are blocked, are read.
pub(crate) fn signal_descriptor(numbers: &[c_int]) -> io::Result<c_int> {
    let set = set_of(numbers);
    // SAFETY: reads one set.
    check(unsafe { signalfd(-1, &raw const set, O_NONBLOCK_CLOEXEC) })
}

/// The number of a signal that such a descriptor has.
pub(crate) fn read_signal(fd: c_int) -> Option<c_int> {
    // `struct signalfd_siginfo`, whose first word is the number.
    let mut info: [c_uint; 32] = [0; 32];
    // SAFETY: writes no more than is there.
    let length = unsafe { read(fd, (&raw mut info).cast(), size_of_val(&info)) };
    (length > 0).then(|| info[0].cast_signed())
}

/// Waits for signals that have handlers.
pub(crate) fn rest() -> ! {
    loop {
        // SAFETY: only waits.
        unsafe { pause() };
    }
}

/// The two ends of what wakes the main loop: handlers write to it.
static BELL: [AtomicI32; 2] = [AtomicI32::new(-1), AtomicI32::new(-1)];

pub(crate) fn hang_bell() -> io::Result<()> {
    let mut ends: [c_int; 2] = [-1; 2];
    // SAFETY: writes two numbers.
    check(unsafe { pipe2((&raw mut ends).cast(), O_NONBLOCK_CLOEXEC) })?;
    for (end, fd) in BELL.iter().zip(ends) {
        end.store(fd, Ordering::SeqCst);
    }
    Ok(())
}

/// Allowed in handlers.
pub(crate) fn ring_bell() {
    let byte = 1_u8;
    // SAFETY: reads one byte. A full pipe wakes as well.
    unsafe { write(BELL[1].load(Ordering::SeqCst), (&raw const byte).cast(), 1) };
}

/// Waits for the bell or for this descriptor, if it is none negative.
pub(crate) fn listen(fd: c_int, limit: Option<Duration>) {
    let bell = BELL[0].load(Ordering::SeqCst);
    let mut fds = [bell, fd].map(|fd| PollFd {
        fd,
        events: POLLIN,
        returned: 0,
    });
    let timeout = limit.map_or(-1, |limit| {
        c_int::try_from(limit.as_millis())
            .unwrap_or(c_int::MAX)
            .max(1)
    });
    // SAFETY: two descriptors. A negative one is left out.
    unsafe { poll((&raw mut fds).cast(), 2, timeout) };
    let mut bytes = [0_u8; 64];
    // SAFETY: writes no more than is there, and does not wait.
    unsafe { read(bell, (&raw mut bytes).cast(), bytes.len()) };
}

fn set_of(numbers: &[c_int]) -> Set {
    let mut set = [0; 16];
    for number in numbers {
        set[0] |= 1 << (number - 1);
    }
    set
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}
