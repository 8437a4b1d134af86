//! What a kubelet tells the runtime of a pod and of its containers.

use std::path::PathBuf;

use super::{
    clean,
    messages::{
        Capabilities, ContainerConfig, ContainerMetadata, ContainerSecurity, Image, LinuxContainer,
        LinuxSandbox, Mount, Namespaces, Profile, Resources, SandboxConfig, SandboxMetadata,
        SandboxSecurity, Texts,
    },
    spec::{ContainerSpec, PodSpec},
};

/// Pid namespace of another container, in CRI.
const TARGET: i32 = 3;

/// A pod with what its kubelet has given it.
pub(super) struct Config<'a> {
    pub(super) pod: &'a PodSpec,
    pub(super) uid: &'a str,
    /// Folder of its logs.
    pub(super) logs: PathBuf,
}

impl Config<'_> {
    /// Of the pod.
    pub(super) fn sandbox(&self) -> SandboxConfig {
        let mut labels = self.labels();
        labels.extend(self.pod.labels.iter().cloned());
        SandboxConfig {
            metadata: Some(SandboxMetadata {
                name: self.pod.name.clone(),
                uid: self.uid.to_owned(),
                namespace: self.pod.namespace.clone(),
            }),
            hostname: self.pod.name.clone(),
            log_directory: self.logs.display().to_string(),
            labels,
            annotations: texts([("kubernetes.io/config.source", "api")]),
            linux: Some(LinuxSandbox {
                cgroup_parent: clean::cgroup(self.uid),
                security: Some(SandboxSecurity {
                    namespaces: Some(self.namespaces()),
                }),
            }),
        }
    }

    /// Of a container that was made so many times before, in the pid namespace of the one with that id.
    pub(super) fn container(
        &self,
        spec: &ContainerSpec,
        attempt: u32,
        target: Option<&str>,
    ) -> ContainerConfig {
        let mut labels = self.labels();
        labels.insert("io.kubernetes.container.name".to_owned(), spec.name.clone());
        ContainerConfig {
            metadata: Some(ContainerMetadata {
                name: spec.name.clone(),
                attempt,
            }),
            image: Some(Image {
                image: spec.image.reference(),
            }),
            command: Vec::new(),
            args: spec.args.clone(),
            mounts: mounts(spec),
            labels,
            annotations: self.annotations_of(spec, attempt),
            log_path: format!("{}/{attempt}.log", spec.name),
            linux: Some(LinuxContainer {
                resources: Some(Resources {
                    memory_limit: spec.memory,
                }),
                security: Some(self.security_of(spec, target)),
            }),
        }
    }

    /// By which a kubelet knows its pod again.
    fn labels(&self) -> Texts {
        texts([
            ("io.kubernetes.pod.name", &self.pod.name),
            ("io.kubernetes.pod.namespace", &self.pod.namespace),
            ("io.kubernetes.pod.uid", self.uid),
        ])
    }

    fn annotations_of(&self, spec: &ContainerSpec, attempt: u32) -> Texts {
        let grace = self.pod.grace.to_string();
        let attempt = attempt.to_string();
        let mut annotations = texts([
            ("io.kubernetes.pod.terminationGracePeriod", grace.as_str()),
            ("io.kubernetes.container.restartCount", attempt.as_str()),
            ("io.kubernetes.container.hash", "5f1e7a0c"),
            ("io.kubernetes.container.terminationMessagePolicy", "File"),
        ]);
        if let Some(handler) = &spec.pre_stop {
            let key = "io.kubernetes.container.preStopHandler";
            annotations.insert(key.to_owned(), handler.clone());
        }
        annotations
    }

    fn security_of(&self, spec: &ContainerSpec, target: Option<&str>) -> ContainerSecurity {
        let mut namespaces = self.namespaces();
        if let Some(target) = target {
            namespaces.pid = TARGET;
            target.clone_into(&mut namespaces.target);
        }
        let Some(add) = &spec.locked_down else {
            return ContainerSecurity {
                namespaces: Some(namespaces),
                seccomp: Some(Profile { kind: 1 }),
                ..ContainerSecurity::default()
            };
        };
        ContainerSecurity {
            capabilities: Some(Capabilities {
                add: add.clone(),
                drop: vec!["ALL".to_owned()],
            }),
            namespaces: Some(namespaces),
            readonly_root: true,
            no_new_privs: true,
            seccomp: Some(Profile { kind: 0 }),
        }
    }

    fn namespaces(&self) -> Namespaces {
        Namespaces {
            network: 0,
            pid: self.pod.pid_mode(),
            target: String::new(),
        }
    }
}

fn texts<const N: usize>(texts: [(&str, &str); N]) -> Texts {
    texts
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

fn mounts(spec: &ContainerSpec) -> Vec<Mount> {
    let mounts = spec.mounts.iter();
    mounts
        .map(|(inside, outside)| Mount {
            container_path: inside.clone(),
            host_path: outside.clone(),
        })
        .collect()
}
