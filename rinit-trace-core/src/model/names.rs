//! Answers of lookups: what user space knows of a workload beside what the kernel shows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Signal;

/// The container runtime of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// Docker Engine
    Docker,
    /// containerd through CRI
    Containerd,
    /// CRI-O
    CriO,
    /// podman
    Podman,
}

/// Where a configured grace period was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GraceSource {
    /// The container's `StopTimeout`, or Docker's default.
    Docker,
    /// The container's `StopTimeout` in podman, or podman's default.
    Podman,
    /// The pod's `terminationGracePeriodSeconds`.
    Pod,
    /// Given by who started the stop: a demo, `check`.
    Caller,
}

/// A configured grace period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// How long.
    pub period: Duration,
    /// Who says so.
    pub source: GraceSource,
}

/// The pod of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// Kubernetes namespace.
    pub namespace: String,
    /// Pod name.
    pub name: String,
    /// Pod UID.
    pub uid: String,
    /// Container name in the pod.
    pub container: String,
    /// What the pod was made by: the name of its `Deployment`, `StatefulSet`, `DaemonSet`,
    /// `CronJob` or `Job`.
    pub owner: Option<String>,
}

/// Answer to a lookup of a workload. Everything is optional: a lookup may fail, or come too late.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkloadNames {
    /// Runtime, by cgroup path or by who answered.
    pub runtime: Option<Runtime>,
    /// Full container id.
    pub container_id: Option<String>,
    /// Container name, without a leading slash.
    pub name: Option<String>,
    /// Image as the user named it.
    pub image: Option<String>,
    /// Pod, on Kubernetes.
    pub pod: Option<Pod>,
    /// Arguments of the init.
    pub init_cmdline: Option<Vec<String>>,
    /// Executable and environment of the init, as far as they say how it treats signals.
    pub init_settings: InitSettings,
    /// cgroup path of the init.
    pub cgroup: Option<String>,
    /// Configured grace period.
    pub grace: Option<Grace>,
    /// Configured stop signal.
    pub stop_signal: Option<Signal>,
    /// Whether a `preStop` hook runs first, within the grace period.
    pub has_pre_stop: bool,
    /// Whether it is the sandbox of a pod (pause): no workload, and without a report.
    pub is_sandbox: bool,
    /// Its runtime runs it under a kernel of its own (Kata Containers, gVisor): the host sees what holds it
    /// and nothing in it.
    pub is_opaque: bool,
    /// Why names are missing that something seemed to know.
    pub doubt: Option<NameDoubt>,
}

/// Why what says how a workload is called is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameDoubt {
    /// The cgroup that names its container is in one that was delegated to a user, who may call cgroups what
    /// they like.
    Delegated,
    /// What knows a container by this id speaks of another main process or another pod, or is not root's.
    Contradicted,
}

impl WorkloadNames {
    /// Forgets all that follows from a container's id, which somebody else than root has chosen.
    pub fn distrust(&mut self) {
        let names = std::mem::take(self);
        *self = Self {
            init_cmdline: names.init_cmdline,
            init_settings: names.init_settings,
            cgroup: names.cgroup,
            doubt: Some(NameDoubt::Delegated),
            ..Self::default()
        };
    }
}

/// Variables that change what an init of the knowledge base does. Nothing else of an environment is
/// kept: it holds passwords.
pub const INIT_VARIABLES: [&str; 2] = ["TINI_KILL_PROCESS_GROUP", "DUMB_INIT_SETSID"];

/// What an init's file and environment say of how it treats signals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InitSettings {
    /// Its executable, as `/proc/PID/exe` names it; `None` when that could not be read.
    pub exe: Option<String>,
    /// Those of [`INIT_VARIABLES`] that are set, with their values, bounded; `None` when its
    /// environment could not be read.
    pub environ: Option<Vec<(String, String)>>,
}

impl InitSettings {
    /// The value of a variable; `None` when it is not set or not known.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let environ = self.environ.as_ref()?;
        let found = environ.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Fills in what is not known here.
    pub fn complete(&mut self, other: &Self) {
        if self.exe.is_none() {
            self.exe.clone_from(&other.exe);
        }
        if self.environ.is_none() {
            self.environ.clone_from(&other.environ);
        }
    }
}

/// Answer to a lookup of a namespace's processes: one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessNames {
    /// Thread group id, host numbering.
    pub pid: u32,
    /// Start time in clock ticks of 10 ms since boot (`/proc/PID/stat`, field 22).
    pub start_ticks: u64,
    /// Parent, host numbering.
    pub ppid: u32,
    /// Whether the parent lives in the same pid namespace.
    pub parent_inside: bool,
    /// Session in the numbering of the namespace (`NSsid`); `None` when not known.
    pub sid: Option<u32>,
    /// Command name.
    pub comm: String,
    /// Arguments, bounded; empty when they could not be read.
    pub cmdline: Vec<String>,
    /// Of the init alone.
    pub settings: Option<InitSettings>,
}
