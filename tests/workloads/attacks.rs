//! What a container may do that wants its stop, or those of others, not to be seen. It takes no right.

use std::io;

use crate::os;

/// INT, QUIT, TERM, PWR and RTMIN+3: recorded between any two processes.
const STOP_SIGNALS: [i32; 5] = [2, 3, os::SIGTERM, 30, 37];

/// Signals process 1 without end.
pub(crate) fn storm(signal: i32) -> io::Result<()> {
    loop {
        os::send(1, signal)?;
    }
}

/// Starts so many processes that signal each other without end. As the only ones beside process 1 they have the
/// numbers behind its.
pub(crate) fn brawl(count: u64) -> io::Result<()> {
    let last = 1 + i32::try_from(count).map_err(io::Error::other)?;
    for signal in STOP_SIGNALS {
        os::handle(signal)?;
    }
    for _ in 0..count {
        if os::fork_here()?.is_none() {
            loop {
                for target in 2..=last {
                    for signal in STOP_SIGNALS {
                        // It may not be there yet.
                        let _ = os::send(target, signal);
                    }
                }
            }
        }
    }
    Ok(())
}
