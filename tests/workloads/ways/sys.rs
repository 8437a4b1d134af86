//! System calls that only these programs need, and their constants, as `linux/*.h` has them.

use std::{
    ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void},
    io, mem, ptr,
};

use crate::os;

pub(super) const SIGSTOP: c_int = 19;

pub(super) const PTRACE_CONT: c_uint = 7;
pub(super) const PTRACE_KILL: c_uint = 8;
pub(super) const PTRACE_ATTACH: c_uint = 16;
pub(super) const PTRACE_SEIZE: c_uint = 0x4206;
pub(super) const PTRACE_O_EXITKILL: usize = 0x10_0000;

pub(super) const RLIMIT_CPU: c_int = 0;
pub(super) const RLIMIT_CORE: c_int = 4;
pub(super) const RLIMIT_RTTIME: c_int = 15;

pub(super) const CLOCK_MONOTONIC: c_int = 1;
pub(super) const CLOCK_PROCESS_CPUTIME_ID: c_int = 2;

pub(super) const PR_SET_PDEATHSIG: c_int = 1;
pub(super) const PR_SET_SECCOMP: c_int = 22;
pub(super) const PR_SET_NO_NEW_PRIVS: c_int = 38;

pub(super) const CLONE_VM: c_int = 0x100;
const CLONE_NEWPID: c_int = 0x2000_0000;

const SIGEV_SIGNAL: c_int = 0;
const SIGEV_THREAD_ID: c_int = 4;
const SCHED_FIFO: c_int = 1;
const F_SETFL: c_int = 4;
const F_SETOWN: c_int = 8;
const F_SETSIG: c_int = 10;
const O_ASYNC: c_int = 0o20_000;
const RB_POWER_OFF: c_uint = 0x4321_fedc;
const O_RDWR_CREAT_EXCL: c_int = 0o302;
const WNOWAIT_EXITED: c_int = 0x0100_0004;
const WALL: c_int = 0x4000_0000;
const WUNTRACED: c_int = 2;
const P_PID: c_int = 1;

// The numbers of newer calls are the same everywhere.
const SYS_PIDFD_SEND_SIGNAL: c_long = 424;
const SYS_PIDFD_OPEN: c_long = 434;
#[cfg(target_arch = "x86_64")]
const SYS_EXIT: c_long = 60;
#[cfg(not(target_arch = "x86_64"))]
const SYS_EXIT: c_long = 93;
#[cfg(target_arch = "x86_64")]
const SYS_CLONE: c_long = 56;
#[cfg(not(target_arch = "x86_64"))]
const SYS_CLONE: c_long = 220;
#[cfg(target_arch = "x86_64")]
const SYS_TKILL: c_long = 200;
#[cfg(not(target_arch = "x86_64"))]
const SYS_TKILL: c_long = 130;
#[cfg(target_arch = "x86_64")]
const SYS_RT_TGSIGQUEUEINFO: c_long = 297;
#[cfg(not(target_arch = "x86_64"))]
const SYS_RT_TGSIGQUEUEINFO: c_long = 240;
#[cfg(target_arch = "x86_64")]
pub(super) const SYS_GETPPID: u32 = 110;
#[cfg(not(target_arch = "x86_64"))]
pub(super) const SYS_GETPPID: u32 = 173;

/// `struct sigevent`
#[repr(C)]
struct SigEvent {
    value: usize,
    signal: c_int,
    notify: c_int,
    thread: c_int,
    rest: [c_int; 11],
}

/// `struct itimerspec`: seconds and nanoseconds, twice.
#[repr(C)]
struct TimerSpec {
    interval: [i64; 2],
    value: [i64; 2],
}

/// `siginfo_t`
#[repr(C)]
struct SigInfo {
    signal: c_int,
    errno: c_int,
    code: c_int,
    rest: [c_int; 29],
}

/// `struct sock_filter`
#[repr(C)]
pub(super) struct Filter {
    pub(super) code: u16,
    pub(super) jump_true: u8,
    pub(super) jump_false: u8,
    pub(super) value: u32,
}

/// `struct sock_fprog`
#[repr(C)]
struct FilterProgram {
    length: u16,
    filter: *const Filter,
}

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn getppid() -> c_int;
    fn gettid() -> c_int;
    fn setpgid(pid: c_int, group: c_int) -> c_int;
    fn tgkill(tgid: c_int, tid: c_int, signal: c_int) -> c_int;
    fn sigqueue(pid: c_int, signal: c_int, value: usize) -> c_int;
    fn sigfillset(set: *mut [u64; 16]) -> c_int;
    fn pthread_sigmask(how: c_int, set: *const [u64; 16], old: *mut [u64; 16]) -> c_int;
    fn setrlimit(resource: c_int, limit: *const [u64; 2]) -> c_int;
    fn sched_setscheduler(pid: c_int, policy: c_int, priority: *const c_int) -> c_int;
    fn timer_create(clock: c_int, event: *mut SigEvent, timer: *mut *mut c_void) -> c_int;
    fn timer_settime(
        timer: *mut c_void,
        flags: c_int,
        new: *const TimerSpec,
        old: *mut TimerSpec,
    ) -> c_int;
    fn fcntl(file: c_int, command: c_int, ...) -> c_int;
    fn mq_open(name: *const c_char, flags: c_int, ...) -> c_int;
    fn mq_unlink(name: *const c_char) -> c_int;
    fn mq_notify(queue: c_int, event: *const SigEvent) -> c_int;
    fn mq_send(queue: c_int, message: *const c_char, length: usize, priority: c_uint) -> c_int;
    fn prctl(option: c_int, a: c_ulong, b: c_ulong, c: c_ulong, d: c_ulong) -> c_int;
    #[link_name = "ptrace"]
    fn libc_ptrace(request: c_uint, ...) -> c_long;
    fn waitid(which: c_int, id: c_int, info: *mut SigInfo, options: c_int) -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn unshare(flags: c_int) -> c_int;
    fn reboot(command: c_int) -> c_int;
    fn clone(
        run: extern "C" fn(*mut c_void) -> c_int,
        stack: *mut c_void,
        flags: c_int,
        argument: *mut c_void,
        ...
    ) -> c_int;
}

/// How a signal goes through a pidfd: 0, or a flag of 6.9 on.
#[derive(Clone, Copy)]
pub(super) enum PidfdFlag {
    None = 0,
    Thread = 1,
    Group = 4,
}

pub(super) fn parent() -> c_int {
    // SAFETY: takes and touches nothing.
    unsafe { getppid() }
}

pub(super) fn thread_id() -> c_int {
    // SAFETY: as above.
    unsafe { gettid() }
}

/// Ends this thread and no other.
pub(super) fn end_thread() -> ! {
    // SAFETY: nobody uses what is on its stack.
    unsafe { syscall(SYS_EXIT, 0) };
    unreachable!("the thread has ended")
}

/// Makes this process a member of a process group; 0 is its own.
pub(super) fn join_group(group: c_int) -> io::Result<()> {
    // SAFETY: no memory is passed.
    os::check(unsafe { setpgid(0, group) }).map(drop)
}

pub(super) fn kill_thread_of(tgid: c_int, tid: c_int) -> io::Result<()> {
    // SAFETY: no memory is passed.
    os::check(unsafe { tgkill(tgid, tid, os::SIGKILL) }).map(drop)
}

pub(super) fn kill_thread(tid: c_int) -> io::Result<()> {
    // SAFETY: no memory is passed.
    check_long(unsafe { syscall(SYS_TKILL, tid, os::SIGKILL) })
}

pub(super) fn queue_kill(pid: c_int) -> io::Result<()> {
    // SAFETY: no memory is passed.
    os::check(unsafe { sigqueue(pid, os::SIGKILL, 0) }).map(drop)
}

/// `rt_tgsigqueueinfo(2)` with `SI_QUEUE`
pub(super) fn queue_kill_to_thread(tgid: c_int, tid: c_int) -> io::Result<()> {
    let info = SigInfo {
        signal: os::SIGKILL,
        errno: 0,
        code: -1,
        rest: [0; 29],
    };
    let info = &raw const info;
    // SAFETY: reads one siginfo.
    check_long(unsafe { syscall(SYS_RT_TGSIGQUEUEINFO, tgid, tid, os::SIGKILL, info) })
}

pub(super) fn kill_by_pidfd(pid: c_int, flag: PidfdFlag) -> io::Result<()> {
    // SAFETY: no memory is passed.
    let file = unsafe { syscall(SYS_PIDFD_OPEN, pid, 0) };
    check_long(file)?;
    let no_info: *const SigInfo = ptr::null();
    // SAFETY: without a siginfo the kernel fills one in.
    check_long(unsafe {
        syscall(
            SYS_PIDFD_SEND_SIGNAL,
            file,
            os::SIGKILL,
            no_info,
            flag as c_uint,
        )
    })
}

/// Blocks all that can be.
pub(super) fn block_all() -> io::Result<()> {
    let mut all = [0; 16];
    // SAFETY: writes one set, then reads it.
    os::check(unsafe {
        sigfillset(&raw mut all);
        pthread_sigmask(0, &raw const all, ptr::null_mut())
    })
    .map(drop)
}

/// Soft and hard limit alike.
pub(super) fn limit(resource: c_int, value: u64) -> io::Result<()> {
    let both = [value; 2];
    // SAFETY: reads one struct rlimit.
    os::check(unsafe { setrlimit(resource, &raw const both) }).map(drop)
}

pub(super) fn become_real_time() -> io::Result<()> {
    let priority = 1;
    // SAFETY: reads one struct sched_param, which is a number.
    os::check(unsafe { sched_setscheduler(0, SCHED_FIFO, &raw const priority) }).map(drop)
}

/// A timer that goes off soon, once, with SIGKILL to the process or to one of its threads.
pub(super) fn kill_by_timer(clock: c_int, thread: Option<c_int>) -> io::Result<()> {
    let mut event = kill_event();
    if let Some(tid) = thread {
        (event.notify, event.thread) = (SIGEV_THREAD_ID, tid);
    }
    let mut timer = ptr::null_mut();
    // SAFETY: reads one struct sigevent and writes one timer_t.
    os::check(unsafe { timer_create(clock, &raw mut event, &raw mut timer) })?;
    let soon = TimerSpec {
        interval: [0; 2],
        value: [0, 5_000_000],
    };
    // SAFETY: the timer was made, and one struct itimerspec is read.
    os::check(unsafe { timer_settime(timer, 0, &raw const soon, ptr::null_mut()) }).map(drop)
}

/// Has SIGKILL sent to this process when a file can be read.
pub(super) fn kill_by_input(file: c_int, pid: c_int) -> io::Result<()> {
    // SAFETY: numbers are passed, and the file is open.
    unsafe {
        os::check(fcntl(file, F_SETOWN, pid))?;
        os::check(fcntl(file, F_SETSIG, os::SIGKILL))?;
        os::check(fcntl(file, F_SETFL, O_ASYNC)).map(drop)
    }
}

/// A message queue without a name, and SIGKILL to this process when a message comes.
pub(super) fn kill_by_message(pid: c_int) -> io::Result<c_int> {
    let name = format!("/rinit-trace-ways-{}-{pid}\0", thread_id());
    let name = name.as_ptr().cast();
    let no_attributes: *const c_void = ptr::null();
    // SAFETY: the name ends, and no attributes are the kernel's own.
    let queue = unsafe { mq_open(name, O_RDWR_CREAT_EXCL, 0o600 as c_uint, no_attributes) };
    os::check(queue)?;
    let event = kill_event();
    // SAFETY: the name ends, the queue is open, and one struct sigevent is read.
    unsafe {
        os::check(mq_unlink(name))?;
        os::check(mq_notify(queue, &raw const event))?;
    }
    Ok(queue)
}

pub(super) fn send_message(queue: c_int) -> io::Result<()> {
    // SAFETY: the queue is open, and one byte is read.
    os::check(unsafe { mq_send(queue, c"x".as_ptr(), 1, 0) }).map(drop)
}

fn kill_event() -> SigEvent {
    SigEvent {
        value: 0,
        signal: os::SIGKILL,
        notify: SIGEV_SIGNAL,
        thread: 0,
        rest: [0; 11],
    }
}

pub(super) fn control(option: c_int, value: c_ulong) -> io::Result<()> {
    // SAFETY: the options used here take a number.
    os::check(unsafe { prctl(option, value, 0, 0, 0) }).map(drop)
}

/// From here on a filter looks at each system call of this thread.
pub(super) fn filter_calls(filter: &[Filter]) -> io::Result<()> {
    let program = FilterProgram {
        length: u16::try_from(filter.len()).map_err(io::Error::other)?,
        filter: filter.as_ptr(),
    };
    control(PR_SET_NO_NEW_PRIVS, 1)?;
    let address = (&raw const program) as c_ulong;
    // SAFETY: the kernel copies the program, which is alive.
    os::check(unsafe { prctl(PR_SET_SECCOMP, 2, address, 0, 0) }).map(drop)
}

pub(super) fn trace(request: c_uint, pid: c_int, data: usize) -> io::Result<()> {
    // SAFETY: the requests used here take numbers.
    check_long(unsafe { libc_ptrace(request, pid, ptr::null_mut::<c_void>(), data) })
}

/// Waits until a process that this one traces stops or ends.
pub(super) fn wait_traced(pid: c_int) -> io::Result<()> {
    // SAFETY: a null status is allowed.
    os::check(unsafe { waitpid(pid, ptr::null_mut(), WALL) }).map(drop)
}

/// Waits until a child is stopped.
pub(super) fn wait_stopped(pid: c_int) -> io::Result<()> {
    // SAFETY: a null status is allowed.
    os::check(unsafe { waitpid(pid, ptr::null_mut(), WUNTRACED) }).map(drop)
}

/// Waits until a child is a zombie, and leaves it one.
pub(super) fn wait_zombie(pid: c_int) -> io::Result<()> {
    let mut info = mem::MaybeUninit::uninit();
    // SAFETY: writes one siginfo, which nobody reads.
    os::check(unsafe { waitid(P_PID, pid, info.as_mut_ptr(), WNOWAIT_EXITED) }).map(drop)
}

/// Reaps the next child that ends, and returns its wait status; `None` without any.
pub(super) fn reap_any() -> io::Result<Option<c_int>> {
    const ECHILD: i32 = 10;
    let mut status = 0;
    // SAFETY: writes one number.
    match os::check(unsafe { waitpid(-1, &raw mut status, 0) }) {
        Ok(_) => Ok(Some(status)),
        Err(error) if error.raw_os_error() == Some(ECHILD) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The children from here on live in a pid namespace of their own.
pub(super) fn nest() -> io::Result<()> {
    // SAFETY: changes where the next children go, and nothing else.
    os::check(unsafe { unshare(CLONE_NEWPID) }).map(drop)
}

/// In a pid namespace it ends the namespace, and does not return.
pub(super) fn power_off() -> io::Result<()> {
    // SAFETY: no memory is passed; the caller is in a pid namespace of its own.
    os::check(unsafe { reboot(RB_POWER_OFF.cast_signed()) }).map(drop)
}

/// Starts a process that shares this one's memory and waits for ever.
pub(super) fn share_memory() -> io::Result<c_int> {
    extern "C" fn run(_: *mut c_void) -> c_int {
        // Eight zeros end the name.
        let name = u64::from_le_bytes(*b"sharer\0\0");
        // SAFETY: reads a name that ends.
        unsafe { prctl(15, (&raw const name) as c_ulong, 0, 0, 0) };
        os::wait_forever()
    }
    const SIZE: usize = 64 << 10;
    // Both keep it until they end.
    let stack = Box::leak(vec![0_u8; SIZE].into_boxed_slice());
    let top = stack.as_mut_ptr_range().end.cast();
    // SAFETY: the stack is aligned and nobody else's, and the new process only waits.
    os::check(unsafe { clone(run, top, CLONE_VM | os::SIGCHLD, ptr::null_mut()) })
}

/// Starts a process that exits at once, and whose end sends its parent SIGKILL in the place of SIGCHLD.
pub(super) fn fork_with_exit_signal() -> io::Result<()> {
    const NONE: usize = 0;
    // SAFETY: no memory is shared; there is one thread, and the copy does nothing more.
    let pid = unsafe { syscall(SYS_CLONE, c_long::from(os::SIGKILL), NONE, NONE, NONE, NONE) };
    if pid == 0 {
        // Nobody reads the name when it cannot be set.
        let _ = os::set_name(b"child");
        end_thread();
    }
    check_long(pid)
}

fn check_long(result: c_long) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
