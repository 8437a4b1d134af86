//! The kernel side, loaded and attached: hands out bytes of records, never events.
//!
//! [`Kernel::start`] checks the machine ([`preflight`]), reads member offsets from BTF ([`btf`],
//! [`offsets`]), loads one of the `objects` with them frozen in, attaches what the kernel allows
//! ([`attach`]), and trusts nothing before the [`self_test`] has passed.

pub mod attach;
pub mod btf;
mod load;
mod misses;
mod objects;
pub mod offsets;
pub mod preflight;
mod ring;
#[cfg(test)]
mod samples;
pub mod self_test;
mod session;
pub mod system_info;

pub use ring::Ring;
pub use session::{BUDGET, Kernel, KernelOptions, Losses, ProgramTime, StartError, Target};
pub use system_info::SystemInfo;
