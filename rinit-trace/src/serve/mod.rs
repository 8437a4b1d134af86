//! What the daemon offers to others: metrics, health, an API of past stops, and their history.
//!
//! The daemon's loop puts stops and numbers in by short calls, and never waits here: HTTP has a
//! thread of its own, and so has the disk. Nothing here knows the tracer, and no verdict depends on
//! anything here.

pub mod client;
pub mod health;
pub mod history;
pub mod http;
pub mod metrics;
mod socket;
mod state;
#[cfg(test)]
pub(crate) mod testing;
pub mod token;

pub use health::{Health, RecordCounts};
pub use history::{Disk, DiskOptions, DiskStats, Filter, History, HistoryError, HistoryOptions};
pub use http::{AllowedHosts, Server, ServerError, ServerOptions};
pub use metrics::{MetricLabel, Metrics, MetricsOptions};
pub use socket::{ApiSocket, SocketError};
pub use state::{SharedState, State};
pub use token::TokenFile;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also when another thread has panicked with the lock in its hand: what is behind it are
/// numbers and lists, and none of them can be half changed in a way that matters.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
