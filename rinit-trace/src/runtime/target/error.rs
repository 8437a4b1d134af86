//! Why a target cannot be traced, in words for whoever typed it.

use std::fmt;

use thiserror::Error;

use super::Syntax;
use crate::runtime::{
    docker::{DockerError, Listed},
    proc::{NamespaceError, NamespaceInit},
    text::escaped,
};

/// Wrong use of the command line.
const USAGE: u8 = 2;
/// Nothing to be said of the container.
const NOT_TRACED: u8 = 3;
/// Most containers named by an ambiguous prefix.
const MAX_MATCHES: usize = 5;
/// Digits of an id that people see, as in `docker ps`.
const SHORT_ID: usize = 12;

/// Why there is nothing to trace. Foreign text is raw in the fields and escaped in the message.
#[derive(Debug, Error)]
pub enum TargetError {
    /// Not a reference at all.
    #[error(
        "bad container `{}`: {why}; give a name, an id or its first digits, pid:N or pidns:INUM",
        escaped(text)
    )]
    BadSyntax {
        /// What was typed.
        text: String,
        /// What is wrong with it.
        why: Syntax,
    },
    /// Nobody knows it.
    #[error("{}", no_container(text, *is_prefix, docker.as_deref()))]
    NoContainer {
        /// What was typed.
        text: String,
        /// It could be an id, so cgroups were searched, too.
        is_prefix: bool,
        /// Why Docker could not say; `None` when it does not know the container either.
        docker: Option<Box<DockerError>>,
    },
    /// No such container of a pod runs, or its pod's name is not known.
    #[error(
        "no running container `{}`: give POD/CONTAINER or NAMESPACE/POD/CONTAINER as Kubernetes \
         names them, or the container's id; `crictl ps` lists them",
        escaped(text)
    )]
    NoPod {
        /// What was typed.
        text: String,
    },
    /// The beginning of several ids, or a container's name in several namespaces.
    #[error(
        "container `{}` is ambiguous: {matches}; give more digits, or the name",
        escaped(text)
    )]
    Ambiguous {
        /// What was typed.
        text: String,
        /// What it may mean.
        matches: Matches,
    },
    /// No such process.
    #[error("no process {pid}; it may have ended just now")]
    NoProcess {
        /// What was asked for.
        pid: u32,
    },
    /// No such namespace, or none with an init.
    #[error("no pid namespace {inum} with a living init; `lsns -t pid` lists them")]
    NoNamespace {
        /// What was asked for.
        inum: u32,
    },
    /// Known, but not running.
    #[error("container {container} is not running ({})", escaped(state))]
    NotRunning {
        /// The container.
        container: ContainerName,
        /// Docker's word for what it is doing instead.
        state: String,
    },
    /// Started with `--pid=host`.
    #[error(
        "container {container} shares the host's pid namespace, and its cgroup, which would tell \
         its processes from the host's, is not to be seen here; mount /sys/fs/cgroup, or start it \
         without --pid=host"
    )]
    SharesHost {
        /// The container.
        container: ContainerName,
    },
    /// Started with `--pid=container:X`, or in a pod that shares one namespace.
    #[error(
        "container {container} shares the pid namespace of {owner}, and its cgroup, which would \
         tell them apart, is not to be seen here; mount /sys/fs/cgroup, or trace {} instead",
        owner.reference()
    )]
    SharesWith {
        /// The container.
        container: ContainerName,
        /// Whose init the namespace has.
        owner: Owner,
    },
    /// A process of the host.
    #[error(
        "process {pid} lives in the host's pid namespace, not in a container's; \
         give a process inside the container"
    )]
    HostProcess {
        /// What was asked for.
        pid: u32,
    },
    /// The namespace of the host, or of the container that we run in.
    #[error(
        "pid namespace {inum} is the host's, not a container's; `lsns -t pid` lists the others"
    )]
    HostNamespace {
        /// What was asked for.
        inum: u32,
    },
    /// Docker's pid is nobody's, or somebody else's.
    #[error(
        "container {container} has no process here: Docker says {pid}; it ended just now, or \
         dockerd runs on another machine, or rinit-trace runs without the host's pids (--pid=host)"
    )]
    NotHere {
        /// The container.
        container: ContainerName,
        /// Its main process by Docker.
        pid: u32,
    },
    /// Its namespace cannot be told.
    #[error("{0}")]
    Namespace(NamespaceError),
}

impl TargetError {
    /// 2 for what the user should have typed differently, 3 for what cannot be traced.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::BadSyntax { .. }
            | Self::NoContainer { .. }
            | Self::NoPod { .. }
            | Self::Ambiguous { .. }
            | Self::NoProcess { .. }
            | Self::NoNamespace { .. } => USAGE,
            Self::NotRunning { .. }
            | Self::SharesHost { .. }
            | Self::SharesWith { .. }
            | Self::HostProcess { .. }
            | Self::HostNamespace { .. }
            | Self::NotHere { .. }
            | Self::Namespace(_) => NOT_TRACED,
        }
    }
}

impl From<NamespaceError> for TargetError {
    fn from(error: NamespaceError) -> Self {
        match error {
            NamespaceError::NoSuchProcess { pid } => Self::NoProcess { pid },
            NamespaceError::OwnNamespace { pid } => Self::HostProcess { pid },
            NamespaceError::NoInit { .. } | NamespaceError::Unreadable { .. } => {
                Self::Namespace(error)
            }
        }
    }
}

fn no_container(text: &str, is_prefix: bool, docker: Option<&DockerError>) -> String {
    let text = escaped(text);
    match (docker, is_prefix) {
        (None, true) => format!(
            "no container `{text}`: Docker knows no such name or id, and no running process is in \
             a cgroup of such an id; see `docker ps --all`"
        ),
        (None, false) => {
            format!("no container `{text}`: Docker knows no such name; see `docker ps --all`")
        }
        (Some(error), true) => format!(
            "cannot find container `{text}`: {error}; and no running process is in a cgroup of \
             such an id; give a process inside the container as pid:N"
        ),
        (Some(error), false) => format!(
            "cannot find container `{text}`: {error}; without Docker only ids can be found, in \
             cgroups: give the id, or a process inside the container as pid:N"
        ),
    }
}

/// A container by name and id. Displayed escaped, as `web (3d206acf928a)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerName {
    /// Name without a leading slash, raw.
    pub name: Option<String>,
    /// Full id.
    pub id: String,
}

impl ContainerName {
    pub(super) fn from_id(id: &str) -> Self {
        Self {
            name: None,
            id: id.to_owned(),
        }
    }

    fn short_id(&self) -> String {
        escaped(&self.id.chars().take(SHORT_ID).collect::<String>())
    }
}

impl From<&Listed> for ContainerName {
    fn from(listed: &Listed) -> Self {
        Self {
            name: listed.name().map(str::to_owned),
            id: listed.id.clone(),
        }
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} ({})", escaped(name), self.short_id()),
            None => f.write_str(&self.short_id()),
        }
    }
}

/// Who owns a shared pid namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Another container; in a pod that shares its namespace, the pause container.
    Container(ContainerName),
    /// A process that no container is known for.
    Process {
        /// The init, host numbering.
        pid: u32,
        /// Its command name, raw.
        comm: String,
    },
}

impl Owner {
    pub(super) fn process(init: &NamespaceInit) -> Self {
        Self::Process {
            pid: init.pid,
            comm: init.comm.clone(),
        }
    }

    /// What to type for it.
    fn reference(&self) -> String {
        match self {
            Self::Container(ContainerName {
                name: Some(name), ..
            }) => escaped(name),
            Self::Container(container) => container.short_id(),
            Self::Process { pid, .. } => format!("pid:{pid}"),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container(container) => container.fmt(f),
            Self::Process { pid, comm } => write!(f, "process {pid} ({})", escaped(comm)),
        }
    }
}

/// The containers that an ambiguous prefix may mean: the first few.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matches {
    /// At most five.
    pub shown: Vec<ContainerName>,
    /// How many more there are.
    pub more: usize,
}

impl Matches {
    pub(super) fn of(mut names: impl ExactSizeIterator<Item = ContainerName>) -> Self {
        let shown: Vec<_> = names.by_ref().take(MAX_MATCHES).collect();
        Self {
            shown,
            more: names.len(),
        }
    }
}

impl fmt::Display for Matches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.shown.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{name}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
