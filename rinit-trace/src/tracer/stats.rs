//! How tracing goes.

use rinit_trace_common::kind;
use rinit_trace_core::correlate::Stats;

use crate::kernel::Losses;

/// Counters of a tracer.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracerStats {
    /// Of the correlator.
    pub correlator: Stats,
    /// Of the kernel side.
    pub losses: Losses,
    /// Records that came, by kind; index 0 for those of no known kind.
    pub received: [u64; kind::COUNT],
    /// Those of them that could not be decoded.
    pub undecodable: [u64; kind::COUNT],
}
