//! Past stops: the last ones in memory, and as JSON lines on a disk.

mod backwards;
mod disk;
mod files;
mod filter;
mod memory;
mod queue;
mod read;
mod writer;

use std::{io, path::PathBuf};

use thiserror::Error;

pub use disk::{Disk, DiskOptions, DiskStats};
pub use filter::Filter;
pub use memory::{History, HistoryOptions};
pub use read::{Stops, last_of, read};

/// Why there is no history on a disk. Texts are one line, and say what to do.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// Somebody else writes there.
    #[error(
        "another rinit-trace writes the history in {}; end it, or give this one another directory",
        dir.display()
    )]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory cannot be used.
    #[error("cannot {action} the history in {}: {error}", dir.display())]
    Unusable {
        /// What failed: `read`, `write`.
        action: &'static str,
        /// The directory.
        dir: PathBuf,
        /// Why. Part of the text, so not a source.
        error: io::Error,
    },
}
