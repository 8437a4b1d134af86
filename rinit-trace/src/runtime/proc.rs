//! Pid namespaces and their processes, as `/proc` shows them.
//!
//! Processes vanish while they are being looked at, and their pids come back as others. Each
//! process is therefore held by its folder's descriptor: once it is gone every read fails, so that
//! no answer mixes two processes.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
    path::PathBuf,
    sync::Arc,
};

use rinit_trace_core::model::ProcessNames;
use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat};
use thiserror::Error;

use super::{
    cgroup::{CgroupIdentity, parse_proc_cgroup},
    reader::{ProcessId, Reader},
    reads,
    shared::Resident,
};

mod entered;
mod members;
mod memory;
mod parse;
#[cfg(test)]
mod tests;

pub use entered::Entered;
pub use members::Residence;
use memory::Memory;
use parse::{Stat, parse_namespace, parse_ns_ids, parse_stat};

/// Most processes of one namespace that are described: a fork bomb must not fill our memory.
const MAX_MEMBERS: usize = 4096;
/// Arguments are for people, who stop reading long before; the kernel allows megabytes.
const MAX_CMDLINE: usize = 4096;
/// `status` lists the supplementary groups before the namespace ids: up to 65,536 of 11 bytes.
const MAX_STATUS: usize = 1 << 20;
/// One line per v1 hierarchy (at most about 14), each up to a path's 4 KiB.
const MAX_CGROUP: usize = 64 << 10;
const MAX_STAT: usize = 4096;

/// A `/proc` file system, or in tests a folder that looks like one.
#[derive(Clone, Debug)]
pub struct Proc {
    root: PathBuf,
    /// Of what may hang.
    reader: Arc<Reader>,
}

impl Default for Proc {
    fn default() -> Self {
        Self {
            root: "/proc".into(),
            reader: Arc::clone(reads::memory()),
        }
    }
}

/// A pid namespace below our own and the process that is 1 in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceInit {
    /// Inode number of the namespace, as in `pid:[4026532281]`.
    pub inum: u32,
    /// Pid of the init, host numbering.
    pub pid: u32,
    /// Start time in clock ticks of 10 ms since boot (`/proc/PID/stat`, field 22).
    pub start_ticks: u64,
    /// Command name, raw.
    pub comm: String,
    /// Its cgroup; empty when that could not be read.
    pub cgroup: CgroupIdentity,
}

/// Why a process's namespace cannot be told.
#[derive(Debug, Error)]
pub enum NamespaceError {
    /// No such process, or it ended while we looked.
    #[error("no process {pid}; it may have ended just now")]
    NoSuchProcess {
        /// Who was asked for.
        pid: u32,
    },
    /// It lives in our own namespace: the host's, for a program that runs on the host.
    #[error("process {pid} lives in the host's pid namespace, not in a container's")]
    OwnNamespace {
        /// Who was asked for.
        pid: u32,
    },
    /// The namespace is being torn down, or its init is hidden from us.
    #[error("pid namespace {inum} of process {pid} has no init any more; it is ending")]
    NoInit {
        /// Who was asked for.
        pid: u32,
        /// Its namespace.
        inum: u32,
    },
    /// `/proc` does not answer.
    #[error("cannot read {}: {error}; run as root, or with CAP_SYS_PTRACE, and with /proc mounted", path.display())]
    Unreadable {
        /// What was read.
        path: PathBuf,
        /// Why that failed. Part of the text, so not a source.
        error: io::Error,
    },
}

/// Where a process is, and which it is.
pub(super) struct Identity {
    pub(super) cgroup: CgroupIdentity,
    /// The cgroup that names its container is in one that is not root's, as far as that can be seen here.
    pub(super) is_delegated: bool,
    pub(super) process: ProcessId,
}

/// A process in some container's cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContainerProcess {
    pub(super) container_id: String,
    pub(super) pid: u32,
    /// In our own pid namespace.
    pub(super) outside: bool,
    /// How many namespaces number it: nested sandboxes are deeper than their container.
    pub(super) depth: usize,
    /// It is 1 in its namespace.
    pub(super) is_init: bool,
}

impl Proc {
    /// A proc file system mounted elsewhere.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            reader: reads::new_memory(),
        }
    }

    /// Every living process outside our own pid namespace, by one scan; `parent_inside` is not
    /// known and `false`. Blocking.
    pub fn contained(&self) -> Vec<ProcessNames> {
        let Ok(own) = self.own_namespace() else {
            return Vec::new();
        };
        self.processes()
            .filter(|process| process.namespace().is_ok_and(|other| other != own))
            .filter_map(|process| process.names())
            .collect()
    }

    /// When the process with this pid started, in clock ticks since boot; `None` when there is none, or it
    /// has ended. Blocking, and quick.
    pub fn start_of(&self, pid: u32) -> Option<u64> {
        let stat = self.open(pid).ok()?.stat()?;
        (!stat.has_ended()).then_some(stat.start_ticks)
    }

    /// One process; `parent_inside` is not known and `false`. Blocking.
    pub fn process(&self, pid: u32) -> Option<ProcessNames> {
        self.open(pid).ok()?.names()
    }

    /// The init of the pid namespace that a process lives in. Blocking.
    pub fn init_of(&self, pid: u32) -> Result<NamespaceInit, NamespaceError> {
        let own = self
            .own_namespace()
            .map_err(|error| NamespaceError::Unreadable {
                path: self.root.join("self/ns/pid"),
                error,
            })?;
        let inum = self
            .open(pid)
            .and_then(|process| process.namespace())
            .map_err(|error| self.lookup_error(pid, error))?;
        if inum == own {
            return Err(NamespaceError::OwnNamespace { pid });
        }
        self.processes()
            .filter(|process| process.namespace().is_ok_and(|other| other == inum))
            .find_map(|process| process.as_init(inum))
            .ok_or(NamespaceError::NoInit { pid, inum })
    }

    /// Every pid namespace below our own that has a living init, by one scan. Blocking.
    pub fn all_namespaces(&self) -> Vec<NamespaceInit> {
        let Ok(own) = self.own_namespace() else {
            return Vec::new();
        };
        self.processes()
            .filter_map(|process| {
                let inum = process.namespace().ok().filter(|inum| *inum != own)?;
                process.as_init(inum)
            })
            .collect()
    }

    /// Depth of a process's pid namespace below our own, if it still lives. Blocking.
    pub(super) fn depth_of(&self, pid: u32) -> Option<u32> {
        let ids = self.open(pid).ok()?.ns_ids("NSpid:")?;
        u32::try_from(ids.len().checked_sub(1)?).ok()
    }

    /// The cgroup of a process, if there still is one. Blocking.
    pub fn cgroup_of(&self, pid: u32) -> Option<CgroupIdentity> {
        self.open(pid).ok()?.cgroup()
    }

    /// The cgroup of the process with this pid, if there still is one, and which it is. Blocking.
    pub(super) fn identity_of(&self, pid: u32) -> Option<Identity> {
        let process = self.open(pid).ok()?;
        let cgroups = process.read("cgroup", MAX_CGROUP)?;
        let cgroups = String::from_utf8_lossy(&cgroups);
        Some(Identity {
            cgroup: parse_proc_cgroup(&cgroups),
            is_delegated: self.is_delegated(&cgroups),
            process: process.id(&process.stat()?),
        })
    }

    /// Our own pid namespace.
    pub(super) fn own_namespace(&self) -> io::Result<u32> {
        let link = std::fs::read_link(self.root.join("self/ns/pid"))?;
        parse_namespace(link.as_os_str().as_encoded_bytes()).ok_or_else(not_a_namespace)
    }

    /// The pid namespace of a process, if it still lives and we may know.
    pub(super) fn namespace(&self, pid: u32) -> Option<u32> {
        self.open(pid).ok()?.namespace().ok()
    }

    /// Every living process in a cgroup with a container id that starts so, by one scan.
    pub(super) fn in_containers(&self, id_prefix: &str) -> Vec<ContainerProcess> {
        let Ok(own) = self.own_namespace() else {
            return Vec::new();
        };
        let describe = |process: Process| {
            let container_id = process.cgroup()?.container_id?;
            if !container_id.starts_with(id_prefix) || process.stat()?.has_ended() {
                return None;
            }
            let ns_pids = process.ns_ids("NSpid:")?;
            Some(ContainerProcess {
                container_id,
                pid: process.pid,
                outside: process.namespace().ok()? == own,
                depth: ns_pids.len(),
                is_init: ns_pids.last() == Some(&1),
            })
        };
        self.processes().filter_map(describe).collect()
    }

    /// Every living process that is in a container's cgroup, by one scan.
    pub(super) fn residents(&self) -> Vec<Resident> {
        // What a runtime runs to set a container up is in its cgroup, and sees the host's files.
        let host_files = self.open(1).ok().and_then(|init| init.mounts());
        let describe = |process: Process| {
            if host_files.is_some() && process.mounts() == host_files {
                return None;
            }
            let cgroups = process.read("cgroup", MAX_CGROUP)?;
            let cgroups = String::from_utf8_lossy(&cgroups).into_owned();
            let cgroup = parse_proc_cgroup(&cgroups);
            let container_id = cgroup.container_id.clone()?;
            let stat = process.stat().filter(|stat| !stat.has_ended())?;
            Some(Resident {
                container_id,
                cgroups,
                ppid: stat.ppid,
                process: NamespaceInit {
                    inum: process.namespace().ok()?,
                    pid: process.pid,
                    start_ticks: stat.start_ticks,
                    comm: stat.comm,
                    cgroup,
                },
            })
        };
        self.processes().filter_map(describe).collect()
    }

    /// A file of this file system.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn lookup_error(&self, pid: u32, error: io::Error) -> NamespaceError {
        match error.kind() {
            io::ErrorKind::NotFound => NamespaceError::NoSuchProcess { pid },
            // ESRCH has no kind: the process ended between two reads.
            _ if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
                NamespaceError::NoSuchProcess { pid }
            }
            _ => NamespaceError::Unreadable {
                path: self.root.join(format!("{pid}/ns/pid")),
                error,
            },
        }
    }

    fn processes(&self) -> impl Iterator<Item = Process> {
        std::fs::read_dir(&self.root)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|pid| self.open(pid).ok())
    }

    pub(super) fn open(&self, pid: u32) -> io::Result<Process> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, self.root.join(pid.to_string()), flags, Mode::empty())?;
        Ok(Process {
            pid,
            dir: Arc::new(dir),
            reader: Arc::clone(&self.reader),
        })
    }
}

/// One process, held so that its pid cannot come to mean another.
pub(super) struct Process {
    pid: u32,
    pub(super) dir: Arc<OwnedFd>,
    reader: Arc<Reader>,
}

impl Process {
    fn namespace(&self) -> io::Result<u32> {
        let link = readlinkat(&*self.dir, "ns/pid", Vec::new())?;
        parse_namespace(link.as_bytes()).ok_or_else(not_a_namespace)
    }

    /// Its mount namespace, as a link that only equals that of the same one.
    fn mounts(&self) -> Option<Vec<u8>> {
        let link = readlinkat(&*self.dir, "ns/mnt", Vec::new()).ok()?;
        Some(link.into_bytes())
    }

    pub(super) fn read(&self, name: &str, limit: usize) -> Option<Vec<u8>> {
        read_at(&self.dir, name, limit)
    }

    pub(super) fn stat(&self) -> Option<Stat> {
        parse_stat(&self.read("stat", MAX_STAT)?)
    }

    fn ns_ids(&self, field: &str) -> Option<Vec<u32>> {
        parse_ns_ids(&self.read("status", MAX_STATUS)?, field)
    }

    pub(super) fn cgroup(&self) -> Option<CgroupIdentity> {
        let text = self.read("cgroup", MAX_CGROUP)?;
        Some(parse_proc_cgroup(&String::from_utf8_lossy(&text)))
    }

    /// Whether it is root's, and not only in a user namespace.
    pub(super) fn is_roots(&self) -> bool {
        self.ns_ids("Uid:")
            .is_some_and(|uids| uids.iter().all(|uid| *uid == 0))
    }

    fn id(&self, stat: &Stat) -> ProcessId {
        ProcessId {
            pid: self.pid,
            start_ticks: stat.start_ticks,
        }
    }

    /// All but `parent_inside`, which takes the other members to know.
    fn names(&self) -> Option<ProcessNames> {
        self.names_by(|process, of, is_init| Some(process.memory(of, is_init)))
    }

    /// The same with another way to read its memory.
    fn names_by(
        &self,
        memory: impl FnOnce(&Self, ProcessId, bool) -> Option<Memory>,
    ) -> Option<ProcessNames> {
        let stat = self.stat().filter(|stat| !stat.has_ended())?;
        let status = self.read("status", MAX_STATUS).unwrap_or_default();
        let innermost = |field| parse_ns_ids(&status, field)?.last().copied();
        let memory = memory(self, self.id(&stat), innermost("NSpid:") == Some(1))?;
        Some(ProcessNames {
            pid: self.pid,
            start_ticks: stat.start_ticks,
            ppid: stat.ppid,
            parent_inside: false,
            sid: innermost("NSsid:"),
            comm: stat.comm,
            settings: memory.settings,
            cmdline: memory.cmdline,
        })
    }

    /// Describes the process if it is 1 in its namespace.
    fn as_init(&self, inum: u32) -> Option<NamespaceInit> {
        if self.ns_ids("NSpid:")?.last() != Some(&1) {
            return None;
        }
        let stat = self.stat().filter(|stat| !stat.has_ended())?;
        Some(NamespaceInit {
            inum,
            pid: self.pid,
            start_ticks: stat.start_ticks,
            comm: stat.comm,
            cgroup: self.cgroup().unwrap_or_default(),
        })
    }
}

fn read_at(dir: &OwnedFd, name: &str, limit: usize) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = File::from(openat(dir, name, flags, Mode::empty()).ok()?);
    let mut bytes = Vec::new();
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn not_a_namespace() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a link to a pid namespace")
}
