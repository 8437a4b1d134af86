//! A process that holds the lock of its memory, as long as the server of a file system does not answer.

use std::{
    ffi::{c_int, c_void},
    fs::{File, OpenOptions},
    io,
    os::fd::AsRawFd as _,
    ptr,
};

const PROT_READ: c_int = 1;
const PROT_WRITE: c_int = 2;
const MAP_SHARED: c_int = 1;
const MAP_PRIVATE: c_int = 2;
const PAGE: usize = 4096;

unsafe extern "C" {
    fn mmap(
        at: *mut c_void,
        length: usize,
        protection: c_int,
        flags: c_int,
        file: c_int,
        offset: i64,
    ) -> *mut c_void;
}

/// Maps a file that is served by `tests/src/silent.rs`: its first page is written to, and then opened and mapped
/// anew past the cache, for which the kernel first has the page written back. It holds the lock until that is answered.
pub(crate) fn run(path: &str, say: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let cached = open(path)?;
    let page = map(&cached, MAP_SHARED)?;
    // SAFETY: the page is mapped, writable, and nobody else's reference.
    unsafe { page.cast::<u8>().write_volatile(1) };
    let direct = open(path)?;
    say()?;
    map(&direct, MAP_PRIVATE).map(drop)
}

fn open(path: &str) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

fn map(file: &File, kind: c_int) -> io::Result<*mut c_void> {
    let protection = PROT_READ | PROT_WRITE;
    // SAFETY: the kernel chooses a place that is free.
    let page = unsafe { mmap(ptr::null_mut(), PAGE, protection, kind, file.as_raw_fd(), 0) };
    // `MAP_FAILED`
    if page.addr() == usize::MAX {
        return Err(io::Error::last_os_error());
    }
    Ok(page)
}
