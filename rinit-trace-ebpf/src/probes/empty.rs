//! A program that does nothing: what `cargo xtask bench` measures the others against.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};

/// Attached by the benchmark alone.
#[btf_tracepoint(function = "signal_generate")]
pub fn empty(_ctx: BtfTracePointContext) -> i32 {
    0
}
