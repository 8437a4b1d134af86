//! The clocks of the driver: the core has none.

use rinit_trace_core::model::BootTime;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Boot time, sleep included: the clock of the kernel's records.
pub fn boot_time() -> BootTime {
    BootTime(u64::try_from(nanoseconds(clock_gettime(ClockId::Boottime))).unwrap_or(0))
}

/// Wall time minus boot time, in nanoseconds.
pub fn wall_offset() -> i64 {
    let wall = nanoseconds(clock_gettime(ClockId::Realtime));
    let boot = nanoseconds(clock_gettime(ClockId::Boottime));
    i64::try_from(wall - boot).unwrap_or(0)
}

fn nanoseconds(time: Timespec) -> i128 {
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}
