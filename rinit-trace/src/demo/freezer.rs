//! A cgroup whose members can be frozen, made for a scenario and removed after it.
//!
//! Of cgroup v1: there a frozen process does not die of SIGKILL before it is thawed. With v2 it does, at once.

use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::limit;

const STATE: &str = "freezer.state";

/// How long the kernel may take to freeze a process that only waits.
const FREEZE_TIME: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(1);

/// A cgroup. Dropping it thaws its members, who must be about to end, and removes it.
pub(super) struct Freezer {
    path: PathBuf,
}

impl Freezer {
    pub(super) fn new() -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").context("read /proc/self/mounts")?;
        let Some(root) = limit::root(&mounts, "cgroup", "freezer") else {
            bail!("no freezer of cgroup v1 is mounted");
        };
        let path = root.join(format!("rinit-trace-demo-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("make the cgroup {}", path.display()))?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Returns when every member is frozen.
    pub(super) fn freeze(&self) -> Result<()> {
        let deadline = Instant::now() + FREEZE_TIME;
        self.set("FROZEN")?;
        let file = self.path.join(STATE);
        while fs::read_to_string(&file)
            .with_context(|| format!("read {}", file.display()))?
            .trim()
            != "FROZEN"
        {
            if Instant::now() > deadline {
                bail!("{} is not frozen", self.path.display());
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Lets go of who is frozen.
    pub(super) fn thaw(&self) -> Result<()> {
        self.set("THAWED")
    }

    fn set(&self, state: &str) -> Result<()> {
        let file = self.path.join(STATE);
        fs::write(&file, state).with_context(|| format!("write {state} to {}", file.display()))
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        limit::remove(&self.path);
    }
}

/// What is missing where nobody can be frozen for good.
pub(super) fn missing() -> Option<String> {
    let can = Freezer::new();
    can.err()
        .map(|error| format!("a freezer of cgroup v1: {error:#}"))
}
