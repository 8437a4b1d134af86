//! What a test needs of the machine. Without it the test says so and is over, and is not counted as passed.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    thread,
};

/// A kernel that shows its BTF, and root.
#[derive(Debug)]
pub struct Kernel(());

impl Kernel {
    /// `None`, with the reason printed, where there is none.
    pub fn ready() -> Option<Self> {
        // SAFETY: takes and touches nothing.
        if unsafe { libc::geteuid() } != 0 {
            skip("needs root; `cargo xtask test` runs it by sudo");
            return None;
        }
        if !Path::new("/sys/kernel/btf/vmlinux").exists() {
            skip("needs a kernel with BTF");
            return None;
        }
        Some(Self(()))
    }
}

/// Whether anybody may make pid namespaces here; says so where not.
pub fn has_user_namespaces() -> bool {
    let most = fs::read_to_string("/proc/sys/user/max_user_namespaces");
    let has_them = most.is_ok_and(|most| most.trim() != "0");
    if !has_them {
        skip("needs a kernel with user namespaces (CONFIG_USER_NS)");
    }
    has_them
}

/// Why a way of `tests/workloads/ways` cannot be run on this kernel, if it cannot: not all that the program supports know all
/// of them.
pub fn refuses(way: &str) -> Option<&'static str> {
    match way {
        "pidfd-thread" | "pidfd-group" if !is_at_least(6, 9) => Some("needs Linux 6.9"),
        "mq-notify" if !Path::new("/proc/sys/fs/mqueue").exists() => {
            Some("needs a kernel with CONFIG_POSIX_MQUEUE")
        }
        "rlimit-rttime" if !allows_real_time() => {
            Some("needs real-time scheduling, for which this CPU cgroup has no budget")
        }
        _ => None,
    }
}

/// Whether this kernel is of that version or a later one.
pub fn is_at_least(major: u32, minor: u32) -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next().and_then(|digits| digits.parse().ok());
    (number(), number()) >= (Some(major), Some(minor))
}

/// Tried by a thread that does nothing else.
fn allows_real_time() -> bool {
    let tried = thread::spawn(|| {
        let priority = libc::sched_param { sched_priority: 1 };
        // SAFETY: reads one struct, and changes this thread alone.
        unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority) == 0 }
    });
    tried.join().unwrap()
}

/// Says why a test does not run. Past the capture of the test runner, or nobody would see it.
pub fn skip(reason: &str) {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "skipped: {reason}").expect("stdout is open");
}
