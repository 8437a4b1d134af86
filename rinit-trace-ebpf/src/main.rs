//! The kernel side of rinit-trace: small programs on the signal path that write records of
//! `rinit-trace-common` into one ring buffer.
//!
//! Every program reads kernel structures at offsets that come from the running kernel's BTF through a
//! frozen global ([`globals`]): by typed direct loads, which the verifier checks as ordinary field
//! accesses, or in the object for older kernels by `bpf_probe_read_kernel` ([`reads`]). The first
//! object calls that only where [`rinit_trace_common::feature::PROBE_READ`] says that it may.
//!
//! Rooms: [`globals`] what user space froze, [`maps`] tables shared with it, [`reads`] how
//! the kernel is read, [`task`] and [`cgroup`]
//! read processes, [`place`] tells the workload of one, [`gate`] which workloads are of interest,
//! [`emit`] reserves and submits, [`probes`] one file per hook.
#![no_std]
#![no_main]

mod budget;
mod cgroup;
mod emit;
mod gate;
mod globals;
mod maps;
mod place;
mod probes;
mod reads;
mod sessions;
mod task;
mod turns;

/// Some helpers are for GPL programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    // The verifier refuses a program that could come here: there is no panic path in it.
    loop {}
}
