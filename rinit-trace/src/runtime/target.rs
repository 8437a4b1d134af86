//! What `--container` names: a pid namespace and its init.
//!
//! Docker knows names and states, so it is asked first; without it an id is still found, in the
//! cgroup paths of running processes. Runs once, before tracing starts; scans of `/proc` block.

use rinit_trace_core::model::{Runtime, is_container_id_prefix};

mod error;
mod pod;
mod reference;
#[cfg(test)]
mod tests;

pub use error::{ContainerName, Matches, Owner, TargetError};
pub use reference::Syntax;

use super::{
    docker::{self, DockerError, Inspected, Listed},
    lookups::Lookups,
    proc::{ContainerProcess, NamespaceError, NamespaceInit, Proc},
    shared::SharedContainer,
    text::escaped,
};
use reference::Reference;

/// What to trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Inode number of its pid namespace.
    pub inum: u32,
    /// The namespace's init.
    pub init: NamespaceInit,
    /// For "tracing …": escaped, one line.
    pub label: String,
    /// Full container id, where there is a container.
    pub container_id: Option<String>,
    /// kernfs id of its cgroup, where it shares the namespace with others and `init` is no init but
    /// its main process.
    pub cgroup: Option<u64>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It runs.
    Running(Box<Target>),
    /// Docker has made it, or is about to restart it: it has no process yet.
    NotStarted(ContainerName),
}

#[cfg(test)]
impl Found {
    /// What runs. Panics where nothing does.
    pub(crate) fn running(self) -> Target {
        match self {
            Self::Running(target) => *target,
            Self::NotStarted(_) => panic!("{self:?}"),
        }
    }
}

/// Finds the pid namespace that the user means by a container's name, its id or the beginning of
/// that, `POD/CONTAINER`, `NAMESPACE/POD/CONTAINER`, `pid:N` for any process in it, or `pidns:INUM`.
pub async fn resolve(text: &str, lookups: &Lookups) -> Result<Found, TargetError> {
    let proc = lookups.proc();
    let target = match reference::parse_reference(text)? {
        Reference::Process(pid) => by_process(proc, pid),
        Reference::Namespace(inum) => by_namespace(proc, inum),
        Reference::Pod(reference) => pod::resolve(reference, text, lookups).await,
        Reference::Container(text) => match lookups.docker().list().await {
            Ok(list) => match pick(&list, text)? {
                Some(listed) if listed.is_to_start() => {
                    return Ok(Found::NotStarted(listed.into()));
                }
                Some(listed) => by_docker(listed, &list, lookups).await,
                None => by_cgroup(proc, text, None),
            },
            Err(error) => by_cgroup(proc, text, Some(error)),
        },
    };
    Ok(Found::Running(Box::new(target?)))
}

fn by_process(proc: &Proc, pid: u32) -> Result<Target, TargetError> {
    let container = proc.cgroup_of(pid).and_then(|cgroup| cgroup.container_id);
    if let Some(shared) = container.and_then(|id| proc.shared_container(&id)) {
        let label = format!("process {pid}, of container {}", &shared.container_id);
        return Ok(Target::shared(shared, label));
    }
    let init = proc.container_init_of(pid)?;
    let comm = escaped(&init.comm);
    let label = if init.pid == pid {
        format!("process {pid} ({comm})")
    } else {
        format!("process {pid}, below process {} ({comm})", init.pid)
    };
    Ok(Target::new(init, label))
}

fn by_namespace(proc: &Proc, inum: u32) -> Result<Target, TargetError> {
    let mut namespaces = proc.all_namespaces().into_iter();
    let found = namespaces.find(|init| init.inum == inum);
    // A sandbox is part of its container.
    let found = found.map(|init| proc.container_init_of(init.pid).unwrap_or(init));
    let Some(init) = found else {
        return Err(if proc.own_namespace().is_ok_and(|own| own == inum) {
            TargetError::HostNamespace { inum }
        } else {
            TargetError::NoNamespace { inum }
        });
    };
    let label = format!("pid namespace {inum} ({})", escaped(&init.comm));
    Ok(Target::new(init, label))
}

/// The container that Docker itself would take: full id, then name, then beginning of an id.
fn pick<'a>(list: &'a [Listed], text: &str) -> Result<Option<&'a Listed>, TargetError> {
    let exact = |listed: &&Listed| listed.id == text;
    let named = |listed: &&Listed| listed.is_named(text);
    if let Some(found) = list.iter().find(exact).or_else(|| list.iter().find(named)) {
        return Ok(Some(found));
    }
    let is_prefix = is_container_id_prefix(text);
    let matches: Vec<&Listed> = list
        .iter()
        .filter(|listed| is_prefix && listed.id.starts_with(text))
        .collect();
    match matches.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        several => Err(TargetError::Ambiguous {
            text: text.to_owned(),
            matches: Matches::of(several.iter().copied().map(ContainerName::from)),
        }),
    }
}

async fn by_docker(
    listed: &Listed,
    list: &[Listed],
    lookups: &Lookups,
) -> Result<Target, TargetError> {
    let container = ContainerName::from(listed);
    let not_running = |state: &str| TargetError::NotRunning {
        container: container.clone(),
        state: state.to_owned(),
    };
    if let Some(state) = listed.state.as_deref()
        && !docker::is_running(state)
    {
        return Err(not_running(state));
    }
    let inspected = match lookups.docker().inspect(&listed.id).await {
        Ok(inspected) => inspected,
        Err(DockerError::Status { code: 404, .. }) => return Err(not_running("removed")),
        Err(error) => return by_cgroup(lookups.proc(), &listed.id, Some(error)),
    };
    if let Some(shared) = lookups.proc().shared_container(&listed.id) {
        return Ok(Target::shared(shared, container.to_string()));
    }
    refuse_shared_by_request(&container, &inspected, list)?;
    let Some(pid) = inspected.pid() else {
        return Err(not_running(inspected.status().unwrap_or("no process")));
    };
    let init = init_of_container(lookups.proc(), &container, pid)?;
    if init.pid != pid {
        let owner = owner_of(&init, list);
        return Err(TargetError::SharesWith { container, owner });
    }
    let label = container.to_string();
    Ok(Target {
        container_id: Some(container.id),
        ..Target::new(init, label)
    })
}

/// Refuses what was started in another's pid namespace on purpose, and whose cgroup was not found.
fn refuse_shared_by_request(
    container: &ContainerName,
    inspected: &Inspected,
    list: &[Listed],
) -> Result<(), TargetError> {
    let container = container.clone();
    let mode = inspected.pid_mode().unwrap_or_default();
    if mode == "host" {
        return Err(TargetError::SharesHost { container });
    }
    let Some(owner) = mode.strip_prefix("container:") else {
        return Ok(());
    };
    let listed = list
        .iter()
        .find(|listed| listed.id == owner || listed.is_named(owner));
    let owner = listed.map_or_else(|| ContainerName::from_id(owner), ContainerName::from);
    let owner = Owner::Container(owner);
    Err(TargetError::SharesWith { container, owner })
}

/// The init above the process that Docker calls the container's main one.
///
/// Docker's pid counts in dockerd's own world. Where that is not ours (a virtual machine, a remote
/// host, a container of ours without the host's pids) it names nobody here, or somebody else.
fn init_of_container(
    proc: &Proc,
    container: &ContainerName,
    pid: u32,
) -> Result<NamespaceInit, TargetError> {
    let cgroup_id = proc.cgroup_of(pid).and_then(|cgroup| cgroup.container_id);
    let is_this = cgroup_id.as_ref().map(|id| *id == container.id);
    match proc.init_of(pid) {
        // A container may have left the cgroup that names it, so an id is no must.
        Ok(init) if is_this != Some(false) => Ok(init),
        Err(NamespaceError::OwnNamespace { .. }) if is_this == Some(true) => {
            Err(TargetError::SharesHost {
                container: container.clone(),
            })
        }
        Err(error @ (NamespaceError::NoInit { .. } | NamespaceError::Unreadable { .. })) => {
            Err(error.into())
        }
        Ok(_) | Err(_) => Err(TargetError::NotHere {
            container: container.clone(),
            pid,
        }),
    }
}

fn owner_of(init: &NamespaceInit, list: &[Listed]) -> Owner {
    let Some(id) = &init.cgroup.container_id else {
        return Owner::process(init);
    };
    let listed = list.iter().find(|listed| listed.id == *id);
    Owner::Container(listed.map_or_else(|| ContainerName::from_id(id), ContainerName::from))
}

/// Finds a container by the cgroups of running processes: any runtime's, but only by its id.
fn by_cgroup(proc: &Proc, text: &str, docker: Option<DockerError>) -> Result<Target, TargetError> {
    let is_prefix = is_container_id_prefix(text);
    let mut processes = if is_prefix {
        proc.in_containers(text)
    } else {
        Vec::new()
    };
    // The outermost process speaks for its container; a sandbox nested in it does not.
    processes.sort_by(|a, b| {
        let rank = |process: &ContainerProcess| (process.outside, process.depth, !process.is_init);
        (&a.container_id, rank(a)).cmp(&(&b.container_id, rank(b)))
    });
    processes.dedup_by(|later, first| later.container_id == first.container_id);
    let found = match processes.as_slice() {
        [only] => only,
        [] => {
            return Err(TargetError::NoContainer {
                text: text.to_owned(),
                is_prefix,
                docker: docker.map(Box::new),
            });
        }
        several => {
            let names = several
                .iter()
                .map(|process| ContainerName::from_id(&process.container_id));
            return Err(TargetError::Ambiguous {
                text: text.to_owned(),
                matches: Matches::of(names),
            });
        }
    };
    let container = ContainerName::from_id(&found.container_id);
    if let Some(shared) = proc.shared_container(&found.container_id) {
        let label = format!("container {container} ({})", escaped(&shared.main.comm));
        return Ok(Target::shared(shared, label));
    }
    let init = match proc.init_of(found.pid) {
        Ok(init) => init,
        Err(NamespaceError::OwnNamespace { .. }) => {
            return Err(TargetError::SharesHost { container });
        }
        Err(error) => return Err(error.into()),
    };
    if !found.is_init && init.cgroup.container_id.as_ref() != Some(&found.container_id) {
        let owner = owner_of(&init, &[]);
        return Err(TargetError::SharesWith { container, owner });
    }
    let label = format!("container {container} ({})", escaped(&init.comm));
    Ok(Target {
        container_id: Some(container.id),
        ..Target::new(init, label)
    })
}

impl Target {
    fn new(init: NamespaceInit, label: String) -> Self {
        Self {
            inum: init.inum,
            container_id: init.cgroup.container_id.clone(),
            label,
            init,
            cgroup: None,
        }
    }

    /// A container that shares its pid namespace with others.
    fn shared(container: SharedContainer, label: String) -> Self {
        Self {
            container_id: Some(container.container_id),
            cgroup: Some(container.cgroup),
            ..Self::new(container.main, label)
        }
    }

    /// The runtime, where the cgroup path names it.
    pub fn runtime(&self) -> Option<Runtime> {
        self.init.cgroup.runtime
    }
}
