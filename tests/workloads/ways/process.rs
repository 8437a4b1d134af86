//! Starting and ending the processes of a way.

use std::{
    ffi::c_int,
    fs,
    io::{self, PipeReader, PipeWriter, Read as _, Write as _},
    process, thread,
};

use super::sys;
use crate::os;

/// Exit code of a process that could not do its part.
const FAILED: c_int = 3;

/// A process that was started, and is ready.
pub(super) struct Started {
    pub(super) pid: c_int,
    words: PipeReader,
}

impl Started {
    /// Waits for its next word.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        self.words.read_exact(&mut [0])
    }

    /// Waits for a number that it tells.
    pub(super) fn hear(&mut self) -> io::Result<c_int> {
        let mut bytes = [0; 4];
        self.words.read_exact(&mut bytes)?;
        Ok(c_int::from_ne_bytes(bytes))
    }
}

/// How a process tells the one that started it where it is.
pub(super) struct Words(PipeWriter);

impl Words {
    /// Says one word. The first is that it is ready.
    pub(super) fn say(&mut self) -> io::Result<()> {
        self.0.write_all(&[0])
    }

    /// Tells a number.
    pub(super) fn tell(&mut self, number: c_int) -> io::Result<()> {
        self.0.write_all(&number.to_ne_bytes())
    }
}

/// Starts a process by fork, under a name, and returns when it has said its first word. It exits when its body returns.
pub(super) fn start(name: &str, body: impl FnOnce(Words) -> io::Result<()>) -> io::Result<Started> {
    let (reader, writer) = io::pipe()?;
    let Some(pid) = os::fork_here()? else {
        drop(reader);
        let done = os::set_name(name.as_bytes()).and_then(|()| body(Words(writer)));
        if let Err(error) = &done {
            eprintln!("workload {name}: {error}");
        }
        process::exit(if done.is_ok() { 0 } else { FAILED });
    };
    drop(writer);
    let mut started = Started { pid, words: reader };
    started.wait()?;
    Ok(started)
}

/// The process to be killed: it is ready, and waits.
pub(super) fn victim() -> io::Result<Started> {
    start("victim", wait)
}

/// A victim with more threads, all of them waiting.
pub(super) fn victim_with_threads() -> io::Result<Started> {
    start("victim", |words| {
        more_threads(3)?;
        wait(words)
    })
}

/// Says that it is ready, and waits.
pub(super) fn wait(mut words: Words) -> io::Result<()> {
    words.say()?;
    os::wait_forever()
}

/// Starts threads that wait.
pub(super) fn more_threads(count: usize) -> io::Result<()> {
    for _ in 0..count {
        thread::Builder::new().spawn(|| os::wait_forever())?;
    }
    Ok(())
}

/// A field of this process in `/proc`: of the group, with threads that have ended.
pub(super) fn status(field: &str) -> io::Result<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    Ok(line.unwrap_or_default().trim().to_owned())
}

/// Another process does something once, and exits.
pub(super) fn another(act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    start("killer", |mut words| {
        words.say()?;
        act()
    })
    .map(drop)
}

/// Waits until all children have ended, and says whether one could not do its part.
pub(super) fn reap_all() -> io::Result<()> {
    let mut failed = false;
    while let Some(status) = sys::reap_any()? {
        failed |= status == FAILED << 8;
    }
    if failed {
        return Err(io::Error::other("a child could not do its part"));
    }
    Ok(())
}
