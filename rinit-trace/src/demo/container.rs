//! What makes a container of a process that shares a pid namespace: a cgroup with an id for its name, and mounts of its
//! own.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::limit;
use crate::{clock, runtime::cgroup::has_v1_pids};

/// How long processes may take to end by SIGKILL.
const END_TIME: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(1);

/// The cgroup, in the hierarchy that containers are told by and, where there is another, in v2. Dropping it removes it;
/// whoever was in it must have ended.
pub(super) struct Container {
    id: String,
    /// Where its processes are; the telling one first.
    dirs: Vec<PathBuf>,
    /// The cgroups with its id, where those are below.
    above: Vec<PathBuf>,
}

impl Container {
    pub(super) fn new() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mounts = fs::read_to_string("/proc/self/mounts").context("read /proc/self/mounts")?;
        let v1 = limit::root(&mounts, "cgroup", "pids").filter(|_| has_v1_pids());
        let roots: Vec<PathBuf> = v1.into_iter().chain(v2(&mounts)).collect();
        if roots.is_empty() {
            bail!("no cgroup hierarchy with the pids controller is mounted");
        }
        let (pid, now) = (std::process::id(), clock::boot_time().0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // 64 hex digits, as all runtimes have it.
        let id = format!("{pid:016x}{now:016x}{count:032x}");
        let mut made = Self {
            id,
            dirs: Vec::new(),
            above: Vec::new(),
        };
        for root in roots {
            let dir = root.join(&made.id);
            fs::create_dir(&dir).with_context(|| format!("make the cgroup {}", dir.display()))?;
            made.dirs.push(dir);
        }
        Ok(made)
    }

    /// Makes cgroups for the processes right below: crun does so, for who delegates.
    pub(super) fn go_below(&mut self) -> Result<()> {
        for dir in &mut self.dirs {
            let below = dir.join("container");
            fs::create_dir(&below)
                .with_context(|| format!("make the cgroup {}", below.display()))?;
            self.above.push(std::mem::replace(dir, below));
        }
        Ok(())
    }

    /// Full container id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Its folder in the hierarchy that containers are told by.
    pub(super) fn path(&self) -> &Path {
        self.dirs.first().map_or(Path::new(""), PathBuf::as_path)
    }

    /// Has a command start in it.
    pub(super) fn hold(&self, command: &mut Command) -> Result<()> {
        let mut members: Vec<OwnedFd> = Vec::new();
        for dir in &self.dirs {
            let file = dir.join("cgroup.procs");
            let opened = File::options().write(true).open(&file);
            members.push(
                opened
                    .with_context(|| format!("open {}", file.display()))?
                    .into(),
            );
        }
        // SAFETY: between fork and exec nothing but system calls on files that are open, without any allocation.
        unsafe {
            command.pre_exec(move || {
                if libc::unshare(libc::CLONE_NEWNS) != 0 {
                    return Err(io::Error::last_os_error());
                }
                for file in &members {
                    // Zero is who writes.
                    if libc::write(file.as_raw_fd(), c"0".as_ptr().cast(), 1) != 1 {
                        return Err(io::Error::last_os_error());
                    }
                }
                Ok(())
            });
        }
        Ok(())
    }

    /// SIGKILL to whoever is left, one by one, as runc does.
    pub(super) fn kill_one_by_one(&self) -> Result<()> {
        self.end(|| {
            for pid in self.members()?.into_iter().filter_map(Pid::from_raw) {
                // Gone in the meantime, or dying.
                let _ = kill_process(pid, Signal::KILL);
            }
            Ok(())
        })
    }

    /// The same through `cgroup.kill`.
    pub(super) fn kill_at_once(&self) -> Result<()> {
        let file = self
            .kill_file()
            .context("no cgroup.kill (Linux 5.14, cgroup v2)")?;
        fs::write(&file, "1").with_context(|| format!("write to {}", file.display()))?;
        self.end(|| Ok(()))
    }

    fn kill_file(&self) -> Option<PathBuf> {
        let mut files = self.dirs.iter().map(|dir| dir.join("cgroup.kill"));
        files.find(|file| file.exists())
    }

    fn end(&self, kill: impl Fn() -> Result<()>) -> Result<()> {
        let deadline = Instant::now() + END_TIME;
        while !self.members()?.is_empty() {
            if Instant::now() > deadline {
                bail!(
                    "somebody in {} does not end by SIGKILL",
                    self.path().display()
                );
            }
            kill()?;
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn members(&self) -> Result<Vec<i32>> {
        let file = self.path().join("cgroup.procs");
        let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        for dir in self.dirs.iter().chain(&self.above) {
            limit::remove(dir);
        }
    }
}

fn v2(mounts: &str) -> Option<PathBuf> {
    limit::root(mounts, "cgroup2", "")
}

/// What is missing where none can be made; `with_kill`: one that `cgroup.kill` works on.
pub(super) fn missing(with_kill: bool) -> Option<String> {
    match Container::new() {
        Err(error) => Some(format!("a cgroup: {error:#}")),
        Ok(made) if with_kill && made.kill_file().is_none() => Some("cgroup.kill".to_owned()),
        Ok(_) => None,
    }
}
