//! What takes a process's own memory to read: it may hang, so a reader does it.

use std::{os::fd::OwnedFd, sync::Arc};

use rinit_trace_core::model::{INIT_VARIABLES, InitSettings, ProcessNames};
use rustix::fs::readlinkat;

use super::{
    MAX_CMDLINE, Proc, Process, parse::parse_arguments, parse::parse_environment, read_at,
};
use crate::runtime::reader::ProcessId;

/// An environment is as large as the kernel allows, which is 2 MiB with 8 MiB of stack.
const MAX_ENVIRONMENT: usize = 2 << 20;

/// What its memory says of a process.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Raw and bounded; empty when they could not be read.
    pub(super) cmdline: Vec<String>,
    /// Of an init alone.
    pub(super) settings: Option<InitSettings>,
}

impl Memory {
    /// Blocking, for as long as the process likes.
    fn read(dir: &OwnedFd, is_init: bool) -> Self {
        let bytes = read_at(dir, "cmdline", MAX_CMDLINE).unwrap_or_default();
        let cmdline = parse_arguments(&bytes, MAX_CMDLINE);
        Self {
            settings: is_init.then(|| settings(dir, &cmdline)),
            cmdline,
        }
    }
}

impl Proc {
    /// One process as long as it is that one; `parent_inside` is not known and `false`. Blocking, for as
    /// long as it likes: for readers alone.
    pub(in crate::runtime) fn read_process(&self, of: ProcessId) -> Option<ProcessNames> {
        let process = self.open(of.pid).ok()?;
        process.names_by(|process, found, is_init| {
            (found == of).then(|| Memory::read(&process.dir, is_init))
        })
    }
}

impl Process {
    /// Read by the reader: empty when it hangs, or has hung.
    pub(super) fn memory(&self, of: ProcessId, is_init: bool) -> Memory {
        let dir = Arc::clone(&self.dir);
        let read = move || Memory::read(&dir, is_init);
        self.reader.ask(Some(of), read).unwrap_or_default()
    }
}

/// What the file and the environment of an init say.
fn settings(dir: &OwnedFd, cmdline: &[String]) -> InitSettings {
    let exe = readlinkat(dir, "exe", Vec::new()).ok();
    // One that is ending has no memory any more: its environment reads as empty.
    let environ = read_at(dir, "environ", MAX_ENVIRONMENT)
        .filter(|bytes| bytes.len() < MAX_ENVIRONMENT && !cmdline.is_empty());
    InitSettings {
        exe: exe.map(|exe| exe.to_string_lossy().into_owned()),
        environ: environ.map(|bytes| parse_environment(&bytes, &INIT_VARIABLES)),
    }
}
