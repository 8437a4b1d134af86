//! The files of a history: `stops-SEQUENCE.jsonl`, a lock, and nothing else.

use std::{
    collections::VecDeque,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::HistoryError;

const PREFIX: &str = "stops-";
const SUFFIX: &str = ".jsonl";
const LOCK: &str = "lock";
/// For the owner and a group of readers: command lines may hold secrets.
const FILE_MODE: u32 = 0o640;
const DIR_MODE: u32 = 0o750;
/// Most bytes of one write.
const CHUNK: usize = 1 << 20;

/// A directory that this process alone writes.
#[derive(Debug)]
pub(super) struct Files {
    dir: PathBuf,
    max_bytes: u64,
    /// Most files.
    most: usize,
    lock: File,
    current: Option<Current>,
    /// Files that should have been removed and could not.
    pub(super) failed_removals: u64,
    /// Half lines that were found at the end of a file.
    pub(super) torn: u64,
}

/// The file that lines are added to.
#[derive(Debug)]
struct Current {
    file: File,
    path: PathBuf,
    sequence: u64,
    /// Bytes up to the end of the last whole line, or of what was there before us.
    len: u64,
    end: End,
}

/// What stands after the last whole line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Nothing,
    /// Half a line, to be closed by a line break.
    HalfLine,
}

impl Files {
    /// Makes the directory where it is missing, and locks it.
    pub(super) fn open(dir: &Path, max_bytes: u64, max_files: usize) -> Result<Self, HistoryError> {
        Ok(Self {
            dir: dir.to_owned(),
            max_bytes: max_bytes.max(1),
            most: max_files.max(1),
            lock: take_lock(dir)?,
            current: None,
            failed_removals: 0,
            torn: 0,
        })
    }

    /// Lets go of the file: the next line opens it again, or what has come in its place.
    pub(super) fn close(&mut self) {
        self.current = None;
    }

    /// Adds lines, each with its line break, and takes out those that are on the disk.
    pub(super) fn write(&mut self, lines: &mut VecDeque<String>) -> io::Result<()> {
        if !is_same(&self.lock, &self.dir.join(LOCK)) {
            self.current = None;
            self.lock = take_lock(&self.dir).map_err(io::Error::other)?;
        }
        let mut current = self.usable()?;
        let result = loop {
            if lines.is_empty() {
                break current.file.sync_data();
            }
            let next = lines.front().map_or(0, |line| line.len() as u64);
            if current.len > 0 && current.len + next > self.max_bytes {
                // What was written so far must not wait for what comes into the next file.
                let synced = current.file.sync_data();
                current = self.create(current.sequence.saturating_add(1))?;
                self.remove_old();
                synced?;
            }
            let room = self.max_bytes.saturating_sub(current.len);
            if let Err(error) = current.append(lines, room) {
                break Err(error);
            }
        };
        self.current = Some(current);
        result
    }

    /// The file to go on with.
    fn usable(&mut self) -> io::Result<Current> {
        if let Some(current) = self.current.take().filter(Current::is_still_there) {
            return Ok(current);
        }
        let last = list(&self.dir)?.pop();
        let sequence = last.as_ref().map_or(0, |(sequence, _)| *sequence);
        if let Some((sequence, path)) = last
            && fs::symlink_metadata(&path)?.len() < self.max_bytes
        {
            let current = Current::open(path, sequence, OpenOptions::new().read(true))?;
            self.torn += u64::from(current.end == End::HalfLine);
            return Ok(current);
        }
        let current = self.create(sequence.saturating_add(1))?;
        self.remove_old();
        Ok(current)
    }

    fn create(&self, sequence: u64) -> io::Result<Current> {
        let path = self.dir.join(format!("{PREFIX}{sequence:08}{SUFFIX}"));
        Current::open(
            path,
            sequence,
            OpenOptions::new().read(true).create_new(true),
        )
    }

    fn remove_old(&mut self) {
        let Ok(files) = list(&self.dir) else {
            self.failed_removals += 1;
            return;
        };
        let surplus = files.len().saturating_sub(self.most);
        for (_, path) in &files[..surplus] {
            self.failed_removals += u64::from(fs::remove_file(path).is_err());
        }
    }
}

impl Current {
    fn open(path: PathBuf, sequence: u64, options: &mut OpenOptions) -> io::Result<Self> {
        let file = options
            .append(true)
            .mode(FILE_MODE)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(&path)?;
        let len = file.metadata()?.len();
        let mut last = *b"\n";
        if len > 0 {
            file.read_exact_at(&mut last, len - 1)?;
        }
        Ok(Self {
            file,
            path,
            sequence,
            len,
            end: if last == *b"\n" {
                End::Nothing
            } else {
                End::HalfLine
            },
        })
    }

    /// Neither removed, nor moved away, nor changed by others.
    fn is_still_there(&self) -> bool {
        let len = self.file.metadata().map(|metadata| metadata.len());
        is_same(&self.file, &self.path) && len.is_ok_and(|len| len == self.len)
    }

    /// Writes lines that have room, but at least one, and takes out those that went in.
    fn append(&mut self, lines: &mut VecDeque<String>, room: u64) -> io::Result<()> {
        let mut bytes = Vec::new();
        if self.end != End::Nothing {
            bytes.push(b'\n');
        }
        let repair = bytes.len();
        let mut ends = Vec::new();
        for line in &*lines {
            let end = bytes.len() + line.len();
            if !ends.is_empty() && (end > CHUNK || end as u64 > room) {
                break;
            }
            bytes.extend_from_slice(line.as_bytes());
            ends.push(end);
        }
        let (written, result) = write_all(&mut self.file, &bytes);
        let whole = ends.iter().take_while(|end| **end <= written).count();
        lines.drain(..whole);
        let good = match whole.checked_sub(1) {
            Some(last) => ends[last],
            None => repair.min(written),
        };
        self.len += good as u64;
        if good > 0 {
            self.end = End::Nothing;
        }
        if good < written && self.file.set_len(self.len).is_err() {
            // It cannot be cut off, so that it is closed when writing goes on.
            self.len += (written - good) as u64;
            self.end = End::HalfLine;
        }
        result
    }
}

/// Like `write_all`, and says how much went in.
fn write_all(out: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match out.write(&bytes[written..]) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

/// Whether a path still names an open file: it may have been removed or replaced.
fn is_same(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

fn take_lock(dir: &Path) -> Result<File, HistoryError> {
    let unusable = |error| HistoryError::Unusable {
        action: "write",
        dir: dir.to_owned(),
        error,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(DIR_MODE)
        .create(dir)
        .map_err(unusable)?;
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(dir.join(LOCK))
        .map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(HistoryError::InUse {
            dir: dir.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

/// Files of stops with their sequence numbers, oldest first.
pub(super) fn list(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let digits = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
        let sequence = digits.and_then(|digits| digits.parse().ok());
        if let Some(sequence) = sequence
            && entry.file_type()?.is_file()
        {
            files.push((sequence, entry.path()));
        }
    }
    files.sort_unstable();
    Ok(files)
}
