//! What a pod is to be.

use super::images::Image;

/// A pod, as its owner wants it.
#[derive(Debug, Clone)]
pub struct PodSpec {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) grace: u32,
    pub(crate) shared_pids: bool,
    pub(crate) host_pids: bool,
    pub(crate) containers: Vec<ContainerSpec>,
}

impl PodSpec {
    /// A pod without containers, with 30 s of grace.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            labels: Vec::new(),
            grace: 30,
            shared_pids: false,
            host_pids: false,
            containers: Vec::new(),
        }
    }

    /// One container more.
    #[must_use]
    pub fn with(mut self, container: ContainerSpec) -> Self {
        self.containers.push(container);
        self
    }

    /// `terminationGracePeriodSeconds`
    #[must_use]
    pub fn grace(mut self, seconds: u32) -> Self {
        self.grace = seconds;
        self
    }

    /// A label of the pod, such as `pod-template-hash`.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.push((key.to_owned(), value.to_owned()));
        self
    }

    /// `shareProcessNamespace`
    #[must_use]
    pub fn sharing_pids(mut self) -> Self {
        self.shared_pids = true;
        self
    }

    /// `hostPID`
    #[must_use]
    pub fn with_host_pids(mut self) -> Self {
        self.host_pids = true;
        self
    }

    /// Numbers of CRI: 0 pod, 1 container, 2 node.
    pub(crate) fn pid_mode(&self) -> i32 {
        match (self.shared_pids, self.host_pids) {
            (_, true) => 2,
            (true, false) => 0,
            (false, false) => 1,
        }
    }
}

/// A container of a pod.
#[derive(Debug, Clone)]
pub struct ContainerSpec {
    pub(crate) name: String,
    pub(crate) image: Image,
    pub(crate) args: Vec<String>,
    /// Lines `ready` that it says when all are there.
    pub(crate) ready: usize,
    pub(crate) memory: i64,
    pub(crate) pre_stop: Option<String>,
    pub(crate) mounts: Vec<(String, String)>,
    pub(crate) locked_down: Option<Vec<String>>,
    /// Name of the container in whose pid namespace it is.
    pub(crate) target: Option<String>,
}

impl ContainerSpec {
    /// An image with arguments, which says `ready` so many times at its start.
    pub fn new(name: &str, image: Image, args: &[&str], ready: usize) -> Self {
        Self {
            name: name.to_owned(),
            image,
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            ready,
            memory: 0,
            pre_stop: None,
            mounts: Vec::new(),
            locked_down: None,
            target: None,
        }
    }

    /// Programs of `tests/workloads`.
    pub fn workload(name: &str, programs: &[&str]) -> Self {
        Self::new(name, Image::Workload, programs, programs.len())
    }

    /// A shell's script, which says `ready` so many times at its start.
    pub fn shell(name: &str, script: &str, ready: usize) -> Self {
        Self::new(name, Image::Shell, &["sh", "-c", script], ready)
    }

    /// A limit of memory in bytes.
    #[must_use]
    pub fn memory(mut self, bytes: i64) -> Self {
        self.memory = bytes;
        self
    }

    /// A `preStop` hook, as JSON of the API. Nobody runs it: the runtime is only told.
    #[must_use]
    pub fn pre_stop(mut self, handler: &str) -> Self {
        self.pre_stop = Some(handler.to_owned());
        self
    }

    /// In the pid namespace of another container of the pod, as `kubectl debug --target` has it.
    #[must_use]
    pub fn beside(mut self, container: &str) -> Self {
        self.target = Some(container.to_owned());
        self
    }

    /// Has a file or folder of the host at the same place.
    #[must_use]
    pub fn mount(mut self, path: &str) -> Self {
        self.mounts.push((path.to_owned(), path.to_owned()));
        self
    }

    /// These capabilities (without `CAP_`) and no others, `no_new_privs`, the runtime's seccomp profile, and a root that
    /// nobody can write to.
    #[must_use]
    pub fn locked_down(mut self, capabilities: &[&str]) -> Self {
        let capabilities = capabilities.iter().map(|&name| name.to_owned());
        self.locked_down = Some(capabilities.collect());
        self
    }
}
