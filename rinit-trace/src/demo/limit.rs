//! A memory cgroup with a limit, made for a scenario and removed after it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// What the workload may have: far less than it asks for.
const LIMIT: &str = "33554432";

/// How long the kernel may take to let go of an empty cgroup.
const REMOVE_TIME: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);

/// Where memory cgroups are, and how they are written to.
#[derive(Debug, PartialEq, Eq)]
struct Hierarchy {
    root: PathBuf,
    limit: &'static str,
    /// Swap counts, too, where it is accounted: what is swapped out is not OOM-killed.
    swap: (&'static str, &'static str),
}

/// A cgroup with a limit. Dropping it removes it; whoever was in it must have ended.
pub(super) struct MemoryLimit {
    path: PathBuf,
}

impl MemoryLimit {
    /// Makes one with a limit of 32 MiB.
    pub(super) fn new() -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").context("read /proc/self/mounts")?;
        let Some(hierarchy) = hierarchy(&mounts) else {
            bail!("no memory cgroup hierarchy is mounted");
        };
        let path = hierarchy
            .root
            .join(format!("rinit-trace-demo-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("make the cgroup {}", path.display()))?;
        let made = Self { path };
        if !made.path.join(hierarchy.limit).exists() {
            // v2 offers a controller to whom the parent's `cgroup.subtree_control` gives it. Not ours to change.
            bail!(
                "{} has no memory controller for its children (cgroup.subtree_control)",
                hierarchy.root.display()
            );
        }
        made.write(hierarchy.limit, LIMIT)?;
        let (file, value) = hierarchy.swap;
        if made.path.join(file).exists() {
            made.write(file, value)?;
        }
        Ok(made)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn write(&self, file: &str, value: &str) -> Result<()> {
        let path = self.path.join(file);
        fs::write(&path, value).with_context(|| format!("write {value} to {}", path.display()))
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes a cgroup whose processes are about to be gone.
pub(super) fn remove(path: &Path) {
    let deadline = Instant::now() + REMOVE_TIME;
    // The last process is counted until the kernel has cleaned up after it.
    while let Err(error) = fs::remove_dir(path) {
        if error.kind() == io::ErrorKind::NotFound {
            return;
        }
        if Instant::now() > deadline {
            tracing::warn!("cannot remove the cgroup {}: {error}", path.display());
            return;
        }
        thread::sleep(POLL);
    }
}

/// What is missing where no limit can be made.
pub(super) fn missing() -> Option<String> {
    let can = MemoryLimit::new();
    can.err().map(|error| format!("a memory cgroup: {error:#}"))
}

/// The v1 hierarchy where memory is in one, else v2.
fn hierarchy(mounts: &str) -> Option<Hierarchy> {
    if let Some(root) = root(mounts, "cgroup", "memory") {
        return Some(Hierarchy {
            root,
            limit: "memory.limit_in_bytes",
            swap: ("memory.memsw.limit_in_bytes", LIMIT),
        });
    }
    Some(Hierarchy {
        root: root(mounts, "cgroup2", "")?,
        limit: "memory.max",
        swap: ("memory.swap.max", "0"),
    })
}

/// Where a file system with an option, or any where none is named, is mounted first.
pub(super) fn root(mounts: &str, kind: &str, option: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (path, fs, options) = (fields.next()?, fields.next()?, fields.next()?);
        let has = option.is_empty() || options.split(',').any(|one| one == option);
        (fs == kind && has).then(|| PathBuf::from(path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n";
    const V2: &str = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n";

    #[test]
    fn a_hierarchy_is_found_by_its_kind_and_option() {
        let mounts = format!("{V2}{V1}cgroup /f cgroup rw,freezer,pids 0 0\n");
        let found = |kind: &str, option: &str| root(&mounts, kind, option);
        assert_eq!(found("cgroup", "freezer"), Some(PathBuf::from("/f")));
        assert_eq!(found("cgroup2", ""), Some(PathBuf::from("/sys/fs/cgroup")));
        assert_eq!(found("cgroup2", "freezer"), None);
        assert_eq!(found("cgroup", "free"), None, "a part of a name");
    }

    #[test]
    fn memory_is_where_it_is_accounted() {
        let found = |mounts: &str| hierarchy(mounts).map(|found| (found.root, found.limit));
        let v1 = (
            PathBuf::from("/sys/fs/cgroup/memory"),
            "memory.limit_in_bytes",
        );
        let v2 = (PathBuf::from("/sys/fs/cgroup"), "memory.max");
        assert_eq!(found(V1), Some(v1.clone()));
        assert_eq!(found(V2), Some(v2));
        // Both are there: the controller is in one.
        assert_eq!(found(&format!("{V2}{V1}")), Some(v1));
        assert_eq!(found("proc /proc proc rw 0 0\n"), None);
    }
}
