//! Ctrl-C and SIGTERM: a chore stops what it started, then ends; it never just vanishes and leaves a Docker engine.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_signal: libc::c_int) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// From here on SIGINT and SIGTERM are noted. Handled, not ignored: programs that we start would inherit that.
pub(crate) fn listen() -> Result<()> {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let handler = note as extern "C" fn(libc::c_int);
        // SAFETY: the handler only stores to an atomic, which is allowed in a signal handler.
        let old = unsafe { libc::signal(signal, handler as libc::sighandler_t) };
        if old == libc::SIG_ERR {
            return Err(io::Error::last_os_error()).context("cannot handle Ctrl-C");
        }
    }
    Ok(())
}

/// Whether one of the two has arrived.
pub(crate) fn arrived() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Fails once one of the two has arrived.
pub(crate) fn check() -> Result<()> {
    if arrived() {
        bail!("interrupted");
    }
    Ok(())
}

/// Asks a process that we started, and all its descendants, to end. Ctrl-C reaches them from the terminal anyway, a
/// SIGTERM to us alone does not, and cargo does not pass it on to the tests it runs.
pub(crate) fn terminate_tree(root: u32) {
    let parents = parents();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&pid) = tree.get(next) {
        tree.extend(
            parents
                .iter()
                .filter(|(_, parent)| **parent == pid)
                .map(|(child, _)| *child),
        );
        next += 1;
    }
    for pid in tree.into_iter().rev() {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // Gone already, or root's and ours is not: sudo passes the terminal's Ctrl-C on by itself.
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

/// The parent of each process.
fn parents() -> HashMap<u32, u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return HashMap::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            Some((pid, parse_parent(&stat)?))
        })
        .collect()
}

/// The parent in a line of /proc/PID/stat. The name before it may hold spaces and brackets.
fn parse_parent(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parent_is_found_after_a_hostile_name() {
        assert_eq!(parse_parent("42 (a) S 1 (b) S 7 42 42 0 -1"), Some(7));
        assert_eq!(parse_parent("nonsense"), None);
    }

    #[test]
    fn our_parent_is_known() {
        assert_eq!(
            parents().get(&std::process::id()),
            Some(&std::os::unix::process::parent_id())
        );
    }
}
