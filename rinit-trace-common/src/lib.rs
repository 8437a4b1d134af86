//! The wire contract between the kernel side and the user side.
//!
//! The kernel side writes these records into the ring buffer, and reads [`Offsets`] and [`Config`]
//! as frozen globals. The user side decodes the records (`rinit-trace-core::decode`) and fills the
//! globals. Nothing here interprets: a field is what the kernel had at that instant.
//!
//! Rules: `repr(C)`, explicit padding (so that no kernel memory leaks through a hole and the user
//! side can turn bytes into records without `unsafe`), `u32` for flags, no enums with data.
#![no_std]

pub mod config;
pub mod record;

pub use config::{Config, Offsets, feature};
pub use record::*;

/// Raised with every change of a record's layout. The user side refuses records of another version.
pub const ABI_VERSION: u16 = 9;

/// Length of a command name in `task_struct.comm` (`TASK_COMM_LEN`, include/linux/sched.h).
pub const COMM_LEN: usize = 16;

/// Bytes kept of a cgroup's leaf name: `cri-containerd-<64 hex digits>.scope` has 85.
pub const LEAF_LEN: usize = 96;

/// Signals whose disposition is read for every target: the usual stop signals and what tells their
/// absence apart (HUP, USR1, USR2). 37 is SIGRTMIN+3 as glibc and systemd count.
pub const DISPOSITION_SIGNALS: [u32; 9] = [1, 2, 3, 10, 12, 15, 28, 30, 37];

/// In the place of a start time: the key is that of a container's cgroup and not of a pid namespace.
pub const CONTAINER_KEY: u64 = u64::MAX;

/// Nanoseconds of a clock tick, in which `/proc/PID/stat` counts start times (`USER_HZ` is 100 on
/// x86-64 and arm64).
pub const TICK_NS: u64 = 10_000_000;

/// Bit of a start time that user space tells the kernel side: it is in clock ticks, all that `/proc`
/// shows.
pub const STARTED_IN_TICKS: u64 = 1 << 63;

/// Bit of a signal in a mask: signal 1 is bit 0, as in the kernel's `sigset_t`.
pub const fn signal_bit(signal: u32) -> u64 {
    1 << ((signal.wrapping_sub(1)) & 63)
}

/// Signals that by themselves ask a program to end: INT, QUIT, TERM, PWR, RTMIN+3.
pub const STOP_SIGNALS: u64 =
    signal_bit(2) | signal_bit(3) | signal_bit(15) | signal_bit(30) | signal_bit(37);
