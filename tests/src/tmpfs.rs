//! A file system that is soon full.

use std::{
    ffi::CString,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::mounts::unmount_below;

/// A small file system in memory. Dropping it unmounts it.
#[derive(Debug)]
pub struct Tmpfs {
    dir: TempDir,
}

impl Tmpfs {
    /// Mounts one that holds so many KiB.
    pub fn mount(kib: u32) -> Self {
        let tmpfs = Self {
            dir: TempDir::new().unwrap(),
        };
        let point = path(tmpfs.path());
        let options = CString::new(format!("size={kib}k")).unwrap();
        // SAFETY: reads four texts, which all end with a zero.
        let mounted = unsafe {
            libc::mount(
                c"none".as_ptr(),
                point.as_ptr(),
                c"tmpfs".as_ptr(),
                0,
                options.as_ptr().cast(),
            )
        };
        assert_eq!(mounted, 0, "mount a tmpfs: {}", io::Error::last_os_error());
        tmpfs
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Takes all that is left of it, until [`Self::free`].
    pub fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        let error = loop {
            if let Err(error) = filler.write_all(&[0; 4096]) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
    }

    /// Gives it back.
    pub fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        unmount_below(self.path());
    }
}

fn path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_encoded_bytes()).unwrap()
}
