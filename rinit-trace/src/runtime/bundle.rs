//! The folder that a runtime makes for a container, found through the process that watches over it.
//!
//! containerd's shim works in the bundle of its container, or of its pod's sandbox, whose neighbours are
//! the bundles of the pod's containers; conmon is told its bundle. So the file is found without a
//! socket, wherever the runtime was told to keep it, and from inside a container that sees the host's
//! processes.
//!
//! A runtime may itself run in a container, whose files are whatever somebody wants them to be: links
//! lead nowhere but into the same file system, and nothing but an ordinary file is opened.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2},
    io::Errno,
};

mod config;
#[cfg(test)]
mod tests;

use super::{
    details::Details,
    proc::{Proc, Process},
};
use config::Monitor;

/// Largest `config.json` read; a usual one has some 20 KiB.
const MAX_CONFIG: u64 = 4 << 20;
/// conmon repeats the whole command line of podman's clean-up.
const MAX_CMDLINE: usize = 64 << 10;
/// What holds a container that has a kernel of its own may be started by others of its shim.
const MAX_ANCESTORS: usize = 8;

/// Why nothing was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BundleError {
    /// The process has ended, or its pid is another one's by now.
    Gone,
    /// It is not watched over by a monitor that we know.
    NoMonitor,
    /// What watches over it is not root's, and may say what it likes.
    NotRoots,
    /// The monitor has no such file.
    Absent,
    /// We may not look: `CAP_SYS_PTRACE` is missing.
    PermissionDenied,
    /// Not an ordinary file, too large, half-written, or not JSON.
    Bad,
    /// Another error of reading.
    Unreadable,
}

/// What the bundle of a container says of it. `pid` is its main process. Blocking, for as long as the
/// file system under the bundle wants.
pub(super) fn read(proc: &Proc, pid: u32, id: &str) -> Result<Details, BundleError> {
    let Watcher {
        process,
        monitor,
        is_near,
    } = watcher_of(proc, pid, id)?;
    if !process.is_roots() {
        return Err(BundleError::NotRoots);
    }
    let found = if is_near {
        read_config(&process, &monitor, id)
    } else {
        Err(BundleError::NoMonitor)
    };
    // A verdict rests on this alone.
    if found.is_err() && monitor.is_opaque() {
        return Ok(Details {
            is_opaque: true,
            ..Details::default()
        });
    }
    found
}

fn read_config(process: &Process, monitor: &Monitor, id: &str) -> Result<Details, BundleError> {
    let config = match monitor {
        Monitor::Shim { .. } => {
            let folder = process.open_folder("cwd").map_err(BundleError::from)?;
            // One shim may watch over a whole pod, and works in the bundle of the sandbox.
            let path = format!("../{id}/config.json");
            open(&folder, &path, ResolveFlags::NO_SYMLINKS)
        }
        Monitor::Conmon { bundle, .. } => {
            let root = process.open_folder("root").map_err(BundleError::from)?;
            open(
                &root,
                &format!("{bundle}/config.json"),
                ResolveFlags::IN_ROOT,
            )
        }
    };
    let text = read_bounded(&config.map_err(BundleError::from)?)?;
    config::details(&text, monitor).ok_or(BundleError::Bad)
}

/// What watches over a container.
struct Watcher {
    process: Process,
    monitor: Monitor,
    /// It is the parent of the container's main process, or was a moment ago, as the container's own is.
    is_near: bool,
}

/// The nearest monitor above the main process of a container, which is in the container's cgroup.
fn watcher_of(proc: &Proc, pid: u32, id: &str) -> Result<Watcher, BundleError> {
    let mut process = proc.open(pid).map_err(|_| BundleError::Gone)?;
    let cgroup = process.cgroup().ok_or(BundleError::Gone)?;
    if cgroup.container_id.as_deref() != Some(id) {
        return Err(BundleError::Gone);
    }
    for depth in 0..MAX_ANCESTORS {
        let parent = process.stat().ok_or(BundleError::Gone)?.ppid;
        if parent <= 1 {
            break;
        }
        let above = proc.open(parent).map_err(|_| BundleError::Gone)?;
        let Some(monitor) = monitor(&above, id)? else {
            process = above;
            continue;
        };
        // A runtime that is making the container is the monitor's child, and in its cgroup.
        let is_being_made =
            || depth == 1 && process.is_roots() && process.cgroup() == above.cgroup();
        let is_near = depth == 0 || is_being_made();
        return Ok(Watcher {
            process: above,
            monitor,
            is_near,
        });
    }
    Err(BundleError::NoMonitor)
}

/// What a process that is not in the container's cgroup says it is.
fn monitor(process: &Process, id: &str) -> Result<Option<Monitor>, BundleError> {
    let cgroup = process.cgroup().ok_or(BundleError::Gone)?;
    if cgroup.container_id.as_deref() == Some(id) {
        // The container's own, whatever it calls itself.
        return Ok(None);
    }
    let stat = process.stat().ok_or(BundleError::Gone)?;
    let arguments = || process.read("cmdline", MAX_CMDLINE).unwrap_or_default();
    Ok(match stat.comm.as_str() {
        // The kernel keeps 15 bytes of `containerd-shim-runc-v2`.
        name if name.starts_with("containerd-shim") => Some(Monitor::shim(&arguments())),
        "conmon" => Monitor::conmon(&arguments(), id),
        _ => None,
    })
}

/// A file below a folder, not opened for reading yet: opening a pipe or a device may have effects.
fn open(folder: &OwnedFd, path: &str, resolve: ResolveFlags) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let resolve = resolve | ResolveFlags::NO_MAGICLINKS;
    openat2(folder, path, flags, Mode::empty(), resolve)
}

fn read_bounded(file: &OwnedFd) -> Result<Vec<u8>, BundleError> {
    let stat = fstat(file).map_err(BundleError::from)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(BundleError::Bad);
    }
    let file = reopen(file.as_fd()).map_err(|error| BundleError::from(&error))?;
    let mut text = Vec::new();
    // One byte more than allowed tells a file that is too large.
    let read = file.take(MAX_CONFIG + 1).read_to_end(&mut text);
    read.map_err(|error| BundleError::from(&error))?;
    if text.len() as u64 > MAX_CONFIG {
        return Err(BundleError::Bad);
    }
    Ok(text)
}

/// The file itself behind a descriptor that only names it. Our own `/proc`, whichever one is looked at.
fn reopen(file: BorrowedFd<'_>) -> io::Result<File> {
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

impl Process {
    /// What a link of the process's folder leads to: `cwd`, `root`.
    fn open_folder(&self, link: &str) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(&*self.dir, link, flags, Mode::empty())
    }
}

impl From<Errno> for BundleError {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::NOTDIR => Self::Absent,
            Errno::ACCESS | Errno::PERM => Self::PermissionDenied,
            Errno::SRCH => Self::Gone,
            Errno::LOOP | Errno::XDEV => Self::Bad,
            _ => Self::Unreadable,
        }
    }
}

impl From<&io::Error> for BundleError {
    fn from(error: &io::Error) -> Self {
        Errno::from_io_error(error).map_or(Self::Unreadable, Self::from)
    }
}
