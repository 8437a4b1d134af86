//! A pipe whose reader stalls, as a log driver does on a full disk.

use std::{
    fs::OpenOptions,
    io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write as _},
    os::{fd::AsRawFd as _, unix::fs::OpenOptionsExt as _},
    sync::Arc,
};

/// Reads until a text has come, and nothing from then on. The pipe stays open as long as a copy lives.
#[derive(Debug, Clone)]
pub(crate) struct Stalled {
    pipe: Arc<PipeReader>,
    until: &'static str,
    read: Vec<u8>,
}

impl Stalled {
    /// The reader, and where to write to.
    pub(crate) fn after(until: &'static str) -> (Self, PipeWriter) {
        let (reader, writer) = io::pipe().unwrap();
        let stalled = Self {
            pipe: Arc::new(reader),
            until,
            read: Vec::new(),
        };
        (stalled, writer)
    }

    /// Leaves no room in the pipe: the next write of anybody else waits.
    pub(crate) fn fill(&self) {
        // Opened anew: that it does not wait holds for this writer alone.
        let mut writer = OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(format!("/proc/self/fd/{}", self.pipe.as_raw_fd()))
            .unwrap();
        // Whole pages first, as they are given out; then what is left of the last.
        for chunk in [&[b'\n'; 4096][..], b"\n"] {
            let error = loop {
                if let Err(error) = writer.write(chunk) {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
        }
    }
}

impl Read for Stalled {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if String::from_utf8_lossy(&self.read).contains(self.until) {
            return Ok(0);
        }
        let length = (&*self.pipe).read(buffer)?;
        self.read.extend_from_slice(&buffer[..length]);
        Ok(length)
    }
}
