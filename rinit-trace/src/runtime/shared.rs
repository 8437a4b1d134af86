//! Containers that share a pid namespace with another, or with the host, and namespaces within a
//! container: told by their cgroups.
//!
//! The kernel side knows such a container by the kernfs id of its cgroup, which is the inode number
//! of the cgroup's folder.

use std::{
    collections::HashMap,
    ffi::OsStr,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rinit_trace_core::model::{Runtime, split_container_id};

use super::{
    cgroup::{is_v1_pids, path_of},
    proc::{NamespaceError, NamespaceInit, Proc},
};

/// The kernel nests pid namespaces no deeper (`MAX_PID_NS_LEVEL`, `include/linux/pid_namespace.h`).
const MAX_DEPTH: usize = 32;

/// One of them, at a moment when its main process lived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedContainer {
    /// Full container id.
    pub container_id: String,
    /// kernfs id of its cgroup.
    pub cgroup: u64,
    /// Whether that is in a cgroup that is not root's.
    pub is_delegated: bool,
    /// Depth of the pid namespace that it shares; 0 is our own.
    pub level: u32,
    /// Its main process; `inum` is that of the namespace it shares.
    pub main: NamespaceInit,
}

impl SharedContainer {
    /// The runtime, where the cgroup path names it.
    pub fn runtime(&self) -> Option<Runtime> {
        self.main.cgroup.runtime
    }
}

/// A process of a container, as far as it tells who is the main one.
pub(super) struct Resident {
    pub(super) container_id: String,
    /// Its `/proc/PID/cgroup`.
    pub(super) cgroups: String,
    pub(super) ppid: u32,
    /// Described as if it were an init.
    pub(super) process: NamespaceInit,
}

impl Proc {
    /// Every container whose main process is no init of a pid namespace, by one scan. Blocking.
    pub fn shared_containers(&self) -> Vec<SharedContainer> {
        let owners: HashMap<u32, Option<String>> = self
            .all_namespaces()
            .into_iter()
            .map(|init| (init.inum, init.cgroup.container_id))
            .collect();
        let residents = self.residents();
        let home: HashMap<u32, &str> = residents
            .iter()
            .map(|resident| (resident.process.pid, resident.container_id.as_str()))
            .collect();
        let mut mains: HashMap<&str, &Resident> = HashMap::new();
        for resident in &residents {
            let id = resident.container_id.as_str();
            let owner = owners.get(&resident.process.inum).cloned().flatten();
            // Entered from outside, and the first that did.
            let is_entered = home.get(&resident.ppid) != Some(&id);
            if owner.as_deref() == Some(id) || !is_entered {
                continue;
            }
            let first = mains.entry(id).or_insert(resident);
            let age = |resident: &Resident| (resident.process.start_ticks, resident.process.pid);
            if age(resident) < age(first) {
                *first = resident;
            }
        }
        let found = mains.into_values();
        found
            .filter_map(|main| {
                Some(SharedContainer {
                    container_id: main.container_id.clone(),
                    cgroup: self.cgroup_id(&main.cgroups)?,
                    is_delegated: self.is_delegated(&main.cgroups),
                    level: self.depth_of(main.process.pid)?,
                    main: main.process.clone(),
                })
            })
            .collect()
    }

    /// The init of the outermost namespace around a process that is of the same container as its own: a
    /// namespace within a container is part of it, also in a cgroup below. Blocking.
    pub fn container_init_of(&self, pid: u32) -> Result<NamespaceInit, NamespaceError> {
        let mut inits = vec![self.init_of(pid)?];
        for _ in 0..MAX_DEPTH {
            let inner = &inits[inits.len() - 1];
            let parent = self.process(inner.pid).map_or(0, |process| process.ppid);
            match self.init_of(parent) {
                Ok(outer) if outer.inum != inner.inum => inits.push(outer),
                _ => break,
            }
        }
        // One that is in no container is of the one around it.
        let container = |index: usize| {
            let around = inits.iter().skip(index);
            around
                .clone()
                .find_map(|init| init.cgroup.container_id.as_ref())
        };
        let outermost = (0..inits.len()).rev();
        let found = outermost
            .clone()
            .find(|index| container(*index) == container(0));
        Ok(inits.swap_remove(found.unwrap_or(0)))
    }

    /// One of them, by its full id. Blocking.
    pub fn shared_container(&self, id: &str) -> Option<SharedContainer> {
        let mut shared = self.shared_containers().into_iter();
        shared.find(|container| container.container_id == id)
    }

    /// The kernfs id of the cgroup that is named after a container, from the text of `/proc/PID/cgroup` of
    /// a process in it.
    fn cgroup_id(&self, cgroups: &str) -> Option<u64> {
        Some(
            std::fs::metadata(self.container_folder(cgroups)?)
                .ok()?
                .ino(),
        )
    }

    /// Whether the cgroup that is named after a container is in one that is not root's, so that another than
    /// root may have made and named it; `false` where that is not to be seen here.
    pub(super) fn is_delegated(&self, cgroups: &str) -> bool {
        let folder = self.container_folder(cgroups);
        let above = folder.as_deref().and_then(Path::parent);
        above
            .and_then(|above| std::fs::metadata(above).ok())
            .is_some_and(|above| above.uid() != 0)
    }

    /// The folder of the cgroup that is named after a container.
    fn container_folder(&self, cgroups: &str) -> Option<PathBuf> {
        let is_v1 = is_v1_pids(cgroups);
        let path = path_of(cgroups, is_v1)?;
        let mounts = std::fs::read_to_string(self.file("self/mountinfo")).ok()?;
        let (root, folder) = mounts.lines().find_map(|line| cgroup_mount(line, is_v1))?;
        let below = path.strip_prefix(root.trim_end_matches('/'))?;
        let inner = PathBuf::from(folder).join(below.trim_start_matches('/'));
        let own = inner.ancestors().find(|folder| {
            let name = folder.file_name().and_then(OsStr::to_str);
            name.is_some_and(|name| split_container_id(name).is_some())
        })?;
        Some(own.to_owned())
    }
}

/// Root and mount point of a line of `/proc/self/mountinfo`, when it is the hierarchy that containers
/// are told by: v1 with the pids controller, or v2.
fn cgroup_mount(line: &str, is_v1: bool) -> Option<(&str, &str)> {
    let (mount, kind) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(3);
    let (root, folder) = (mount.next()?, mount.next()?);
    let mut kind = kind.split(' ');
    let (name, options) = (kind.next()?, kind.nth(1)?);
    let is_meant = match name {
        "cgroup2" => !is_v1,
        "cgroup" => is_v1 && options.split(',').any(|option| option == "pids"),
        _ => false,
    };
    // A folder of cgroups with a space in its name would be written `\040`: nobody mounts it so.
    is_meant.then_some((root, folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hierarchy_of_containers_is_found_among_the_mounts() {
        let v2 = "31 24 0:27 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate";
        let pids = "36 24 0:32 /docker /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids";
        let memory = "37 24 0:33 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory";
        assert_eq!(
            cgroup_mount(v2, false),
            Some(("/", "/sys/fs/cgroup/unified"))
        );
        assert_eq!(cgroup_mount(v2, true), None);
        assert_eq!(
            cgroup_mount(pids, true),
            Some(("/docker", "/sys/fs/cgroup/pids"))
        );
        assert_eq!(cgroup_mount(pids, false), None);
        assert_eq!(cgroup_mount(memory, true), None);
        assert_eq!(cgroup_mount("", true), None);
    }
}
