//! Mounts that tests make, and that engines leave behind.

use std::{ffi::CString, fs, io, path::Path};

/// Unmounts what is mounted on a folder and below it, the last first.
pub(crate) fn unmount_below(dir: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    let ours: Vec<&str> = points
        .filter(|point| Path::new(point).starts_with(dir))
        .collect();
    for point in ours.iter().rev() {
        let Ok(path) = CString::new(*point) else {
            continue;
        };
        // SAFETY: reads the path.
        if unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) } != 0 {
            eprintln!("cannot unmount {point}: {}", io::Error::last_os_error());
        }
    }
}
