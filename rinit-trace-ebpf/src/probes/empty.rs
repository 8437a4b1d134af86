//! A program that does nothing: what `cargo xtask bench` measures the others against.

use crate::reads::{TracePoint, tracepoint};

/// Attached by the benchmark alone.
#[tracepoint]
pub fn empty(_ctx: TracePoint) -> i32 {
    0
}
