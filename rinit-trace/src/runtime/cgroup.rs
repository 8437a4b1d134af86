//! Whose container a cgroup path belongs to. Pure: text in, identity out; no file is read here.
//!
//! The path is the one fact about a container that can be read without privilege, socket or
//! configuration. It is a name all the same: who may create cgroups (a container with a delegated
//! subtree) can choose the innermost names, so an identity found here is a hint for people, never a
//! permission.

use rinit_trace_core::model::{Runtime, split_container_id};

#[cfg(test)]
mod tests;

/// The kernel appends this to the path of a removed cgroup that still has (dying) tasks.
const DELETED: &str = " (deleted)";

/// What a cgroup path says about its container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CgroupIdentity {
    /// The runtime, where the path names it. 64 hex digits alone name nobody.
    pub runtime: Option<Runtime>,
    /// Full container id: always 64 lower-case hex digits.
    pub container_id: Option<String>,
    /// Uid of the pod, where the path is that of a container below `kubepods`.
    pub pod_uid: Option<String>,
    /// The path that was chosen; a leaf name where only that was known; may be empty.
    pub path: String,
}

impl CgroupIdentity {
    /// Whether it is worth asking Docker for this id.
    ///
    /// A bare id below `kubepods` is nearly always containerd's, but cri-dockerd with the cgroupfs
    /// driver writes the same path; only Docker's answer tells the two apart.
    pub fn docker_may_know(&self) -> bool {
        self.container_id.is_some()
            && match self.runtime {
                None | Some(Runtime::Docker) => true,
                Some(Runtime::Containerd) => find_id(&self.path).is_some_and(|found| found.bare),
                Some(Runtime::CriO | Runtime::Podman) => false,
            }
    }
}

/// Reads the text of `/proc/PID/cgroup`: one line per hierarchy, `number:controllers:path`.
///
/// On a hybrid host the v2 line is often just `/` while the v1 lines carry the id, and a controller
/// that the runtime does not use stays at the root: a line with an id wins over one without, a
/// path over the root, and only then v2 over v1.
pub fn parse_proc_cgroup(text: &str) -> CgroupIdentity {
    let chosen = text
        .lines()
        .filter_map(split_line)
        .min_by_key(|(controllers, path)| {
            (
                find_id(path).is_none(),
                path.trim_matches('/').is_empty(),
                preference(controllers),
            )
        });
    chosen.map_or_else(CgroupIdentity::default, |(_, path)| parse_path(path))
}

/// Whether the pids controller has a v1 hierarchy of its own on this host: then the cgroups of
/// containers are in it, and v2 has none of them or repeats them.
pub fn has_v1_pids() -> bool {
    std::fs::read_to_string("/proc/self/cgroup").is_ok_and(|text| is_v1_pids(&text))
}

/// The same, from the text of `/proc/PID/cgroup`.
pub(super) fn is_v1_pids(text: &str) -> bool {
    let mut lines = text.lines().filter_map(split_line);
    lines.any(|(controllers, _)| controllers.split(',').any(|name| name == "pids"))
}

/// The path in the v1 hierarchy of the pids controller, or in v2, from the text of
/// `/proc/PID/cgroup`.
pub(super) fn path_of(text: &str, is_v1: bool) -> Option<&str> {
    let mut lines = text.lines().filter_map(split_line);
    let found = lines.find(|(controllers, _)| {
        if is_v1 {
            controllers.split(',').any(|name| name == "pids")
        } else {
            controllers.is_empty()
        }
    });
    found.map(|(_, path)| path)
}

/// Reads one cgroup path, or the leaf name of one.
pub fn parse_path(path: &str) -> CgroupIdentity {
    let path = path.strip_suffix(DELETED).unwrap_or(path);
    let found = find_id(path);
    CgroupIdentity {
        runtime: found.as_ref().and_then(|found| found.runtime),
        pod_uid: found.as_ref().and_then(FoundId::pod_uid),
        container_id: found.map(|found| found.id.to_owned()),
        path: path.to_owned(),
    }
}

/// Controllers and path of a line. The path may itself contain colons.
fn split_line(line: &str) -> Option<(&str, &str)> {
    let (_number, rest) = line.split_once(':')?;
    rest.split_once(':')
}

/// Which of several equally telling lines to take: v2 first, then those that runtimes always set.
fn preference(controllers: &str) -> u8 {
    let has = |name| controllers.split(',').any(|controller| controller == name);
    match controllers {
        "" => 0,
        _ if has("pids") => 1,
        _ if has("memory") => 2,
        _ if has("name=systemd") => 3,
        _ => 4,
    }
}

struct FoundId<'a> {
    runtime: Option<Runtime>,
    id: &'a str,
    /// The segment is nothing but the id: the runtime was told from the folders above.
    bare: bool,
    parent: &'a str,
    /// What stands before the id in its segment.
    prefix: &'a str,
}

impl FoundId<'_> {
    /// The pod that the container is of. Both drivers of the kubelet put its uid into the name of a
    /// folder: `pod2f9c1b0e-…`, or `kubepods-burstable-pod2f9c1b0e_….slice`.
    fn pod_uid(&self) -> Option<String> {
        let mut folders = [self.prefix].into_iter().chain(own_folders(self.parent));
        let is_pods = self.prefix.contains("kubepods")
            || own_folders(self.parent).any(|folder| folder.contains("kubepods"));
        is_pods.then(|| folders.find_map(uid_in)).flatten()
    }
}

/// The folders above a container, up to the next id.
fn own_folders(parent: &str) -> impl Iterator<Item = &str> {
    parent
        .rsplit('/')
        .take_while(|folder| split_container_id(folder).is_none())
}

/// The uid in the name of a pod's folder: a UUID, or 32 hex digits for a pod of the node's own files.
fn uid_in(folder: &str) -> Option<String> {
    let name = folder.split(':').next()?;
    let name = name.strip_suffix(".slice").unwrap_or(name);
    let (_, uid) = name.rsplit_once("pod")?;
    let uid = uid.replace('_', "-");
    let digits = uid.bytes().filter(u8::is_ascii_hexdigit).count();
    let dashes = uid.bytes().filter(|byte| *byte == b'-').count();
    (digits == 32 && matches!(dashes, 0 | 4) && digits + dashes == uid.len()).then_some(uid)
}

/// The innermost segment with an id: in kind or Docker-in-Docker the outer ones are the node's.
fn find_id(path: &str) -> Option<FoundId<'_>> {
    let path = path.strip_suffix(DELETED).unwrap_or(path);
    let mut above = path;
    while !above.is_empty() {
        let (parent, segment) = above.rsplit_once('/').unwrap_or(("", above));
        if let Some((prefix, id)) = split_container_id(segment) {
            let bare = prefix.is_empty();
            let runtime = if bare {
                runtime_above(parent)
            } else {
                runtime_named(prefix)
            };
            return Some(FoundId {
                runtime,
                id,
                bare,
                parent,
                prefix,
            });
        }
        above = parent;
    }
    None
}

/// The runtime that writes this prefix before an id.
fn runtime_named(prefix: &str) -> Option<Runtime> {
    let label = prefix.strip_suffix(['-', ':'])?;
    match label.rsplit(':').next()? {
        "docker" => Some(Runtime::Docker),
        "cri-containerd" => Some(Runtime::Containerd),
        "crio" => Some(Runtime::CriO),
        "libpod" => Some(Runtime::Podman),
        _ => None,
    }
}

/// The runtime of a bare id, by the folders above it, up to the next id.
fn runtime_above(parent: &str) -> Option<Runtime> {
    match parent.rsplit('/').next()? {
        "docker" => return Some(Runtime::Docker),
        // Where containerd puts the containers of a pod without a folder of its own.
        "k8s.io" => return Some(Runtime::Containerd),
        _ => {}
    }
    own_folders(parent)
        .any(|folder| folder.contains("kubepods"))
        .then_some(Runtime::Containerd)
}
