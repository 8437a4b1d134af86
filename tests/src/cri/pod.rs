//! A pod, run and deleted by the calls that a kubelet makes.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{
    clean,
    containerd::{ANSWER, Containerd},
    messages::{
        Capabilities, ContainerConfig, ContainerMetadata, ContainerSecurity,
        ContainerStatusResponse, CreateContainer, Empty, ExecSync, ExecSyncResponse, Id, Image,
        LinuxContainer, LinuxSandbox, Mount, Namespaces, Profile, Resources, RunPodSandbox,
        SandboxConfig, SandboxMetadata, SandboxSecurity, SandboxStatusResponse, StatusRequest,
        StopContainer, Texts,
    },
    spec::{ContainerSpec, PodSpec},
};
use crate::{lines, wait};

/// Where the shim has runtimes keep the state of pods' containers.
const RUNTIME_ROOT: &str = "/run/containerd/runc/k8s.io";

/// States of a container in CRI.
const EXITED: i32 = 2;

/// How often a container is stopped before that has failed.
const STOPS: usize = 3;

/// How a container is, in the runtime's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its exit code, when it has ended.
    pub exit_code: Option<i32>,
    /// `Completed`, `Error` or `OOMKilled`, when it has ended.
    pub reason: String,
}

/// A running pod. Dropping it deletes it without any grace.
#[derive(Debug)]
pub struct Pod<'a> {
    containerd: &'a Containerd,
    spec: PodSpec,
    uid: String,
    sandbox: String,
    /// Ids, in the order of the specification.
    containers: Vec<String>,
    deleted: bool,
}

impl<'a> Pod<'a> {
    /// Starts a pod and waits until all of its containers have said that they are ready.
    pub fn run(containerd: &'a Containerd, spec: &PodSpec) -> Self {
        let mut pod = Self {
            containerd,
            spec: spec.clone(),
            uid: containerd.new_uid(),
            sandbox: String::new(),
            containers: Vec::new(),
            deleted: false,
        };
        let config = pod.sandbox_config();
        let request = RunPodSandbox {
            config: Some(config.clone()),
        };
        let made: Id = containerd.call("RuntimeService/RunPodSandbox", request);
        pod.sandbox = made.id;
        for container in &spec.containers {
            let id = pod.create(container, &config);
            pod.containers.push(id.clone());
            containerd.call::<_, Empty>("RuntimeService/StartContainer", Id { id });
        }
        for container in &spec.containers {
            pod.wait_for(&container.name, "ready", container.ready);
        }
        pod
    }

    /// Its namespace of Kubernetes.
    pub fn namespace(&self) -> &str {
        &self.spec.namespace
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Its uid.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Id of its sandbox.
    pub fn sandbox(&self) -> &str {
        &self.sandbox
    }

    /// Address in the network of pods.
    pub fn ip(&self) -> String {
        let request = StatusRequest {
            id: self.sandbox.clone(),
            verbose: false,
        };
        let method = "RuntimeService/PodSandboxStatus";
        let told: SandboxStatusResponse = self.containerd.call(method, request);
        told.status.unwrap().network.unwrap().ip
    }

    /// Id of a container.
    pub fn id(&self, container: &str) -> &str {
        let mut specs = self.spec.containers.iter();
        let at = specs.position(|spec| spec.name == container).unwrap();
        &self.containers[at]
    }

    /// Host pid of a container's first process.
    pub fn pid(&self, container: &str) -> u32 {
        let told = self.told_of(container, true);
        let info: Value = serde_json::from_str(&told.info["info"]).unwrap();
        u32::try_from(info["pid"].as_u64().unwrap()).unwrap()
    }

    /// How a container is.
    pub fn status(&self, container: &str) -> Status {
        let status = self.told_of(container, false).status.unwrap();
        Status {
            exit_code: (status.state == EXITED).then_some(status.exit_code),
            reason: status.reason,
        }
    }

    /// Waits for a container's end.
    pub fn ended(&self, container: &str) -> Status {
        let what = format!("container {container} of pod {} ends", self.spec.name);
        wait::until(&what, || {
            Some(self.status(container)).filter(|status| status.exit_code.is_some())
        })
    }

    /// Waits until so many lines of a container's output begin like that.
    pub fn wait_for(&self, container: &str, start: &str, count: usize) {
        let name = &self.spec.name;
        let what = format!("{count} lines `{start}` of {container} in pod {name}");
        wait::until(&what, || {
            (lines::count(&self.said(container), start) >= count).then_some(())
        });
    }

    /// What a container has said so far, on stdout and stderr.
    pub fn said(&self, container: &str) -> String {
        let log = fs::read_to_string(self.log(container)).unwrap_or_default();
        // `TIME STREAM F TEXT`, and P instead of F for a part of a line.
        let mut said = String::new();
        for line in log.split_inclusive('\n') {
            let mut fields = line.splitn(4, ' ').skip(2);
            let (part, text) = (fields.next(), fields.next().unwrap_or_default());
            said += match part {
                Some("P") => text.trim_end_matches('\n'),
                _ => text,
            };
        }
        said
    }

    /// `exec` as a probe does it, to its end; returns the exit code.
    pub fn exec(&self, container: &str, command: &[&str]) -> i32 {
        self.try_exec(container, command)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same of one whose container may be stopped in the middle.
    pub fn try_exec(&self, container: &str, command: &[&str]) -> Result<i32, String> {
        let request = ExecSync {
            id: self.id(container).to_owned(),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            timeout: 30,
        };
        let method = "RuntimeService/ExecSync";
        let told: ExecSyncResponse = self.containerd.try_call(method, request, ANSWER)?;
        Ok(told.exit_code)
    }

    /// The same by containerd's own client, and not to its end.
    pub fn exec_by_ctr(&self, container: &str, session: &str, command: &[&str]) {
        let exec = ["tasks", "exec", "--detach", "--exec-id", session];
        let exec = [&exec[..], &[self.id(container)], command].concat();
        self.containerd.ctr(&exec);
    }

    /// The same by the runtime itself, as somebody does who is logged in to the node.
    pub fn exec_by_runtime(&self, container: &str, command: &[&str]) {
        let mut exec = self.runtime();
        exec.args(["exec", "--detach", self.id(container)])
            .args(command)
            // Else we wait for the session to close what it was given.
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = exec.status().unwrap();
        assert!(status.success(), "{exec:?}: {status}");
    }

    /// SIGKILL by the runtime to all that are in a container.
    pub fn kill_all(&self, container: &str) {
        let kill = ["tasks", "kill", "--all", "--signal", "SIGKILL"];
        self.containerd
            .ctr(&[&kill[..], &[self.id(container)]].concat());
    }

    /// With the folder in which the shim has it keep what it knows.
    fn runtime(&self) -> Command {
        let mut runtime = Command::new(self.containerd.runtime());
        runtime.args(["--root", RUNTIME_ROOT]);
        runtime
    }

    /// Stops one container with a grace period in seconds.
    pub fn stop(&self, container: &str, grace: u32) {
        stop(self.containerd, self.id(container), grace).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Deletes the pod as a kubelet does: all containers are stopped at once, then the sandbox, and all is removed.
    pub fn delete(mut self, grace: u32) {
        self.deleted = true;
        self.try_delete(grace)
            .unwrap_or_else(|error| panic!("pod {}: {error}", self.spec.name));
    }

    fn try_delete(&self, grace: u32) -> Result<(), String> {
        let containerd = self.containerd;
        thread::scope(|scope| {
            let stops: Vec<_> = self
                .containers
                .iter()
                .map(|id| scope.spawn(move || stop(containerd, id, grace)))
                .collect();
            let mut stops = stops.into_iter();
            stops.try_for_each(|stop| stop.join().map_err(|_| "a stop panics".to_owned())?)
        })?;
        self.ask("StopPodSandbox", &self.sandbox)?;
        for id in &self.containers {
            self.ask("RemoveContainer", id)?;
        }
        self.ask("RemovePodSandbox", &self.sandbox)
    }

    fn ask(&self, method: &str, id: &str) -> Result<(), String> {
        let request = Id { id: id.to_owned() };
        let method = format!("RuntimeService/{method}");
        self.containerd
            .try_call::<_, Empty>(&method, request, ANSWER)
            .map(drop)
    }

    fn told_of(&self, container: &str, verbose: bool) -> ContainerStatusResponse {
        let request = StatusRequest {
            id: self.id(container).to_owned(),
            verbose,
        };
        let method = "RuntimeService/ContainerStatus";
        self.containerd.call(method, request)
    }

    fn log(&self, container: &str) -> PathBuf {
        let folder = format!("logs/{}/{container}", self.uid);
        self.containerd.folder(&folder).join("0.log")
    }

    /// Labels by which a kubelet knows its pod again.
    fn kubelet_labels(&self) -> Texts {
        [
            ("io.kubernetes.pod.name", &self.spec.name),
            ("io.kubernetes.pod.namespace", &self.spec.namespace),
            ("io.kubernetes.pod.uid", &self.uid),
        ]
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .into()
    }

    fn sandbox_config(&self) -> SandboxConfig {
        let mut labels = self.kubelet_labels();
        labels.extend(self.spec.labels.iter().cloned());
        SandboxConfig {
            metadata: Some(SandboxMetadata {
                name: self.spec.name.clone(),
                uid: self.uid.clone(),
                namespace: self.spec.namespace.clone(),
            }),
            hostname: self.spec.name.clone(),
            log_directory: self
                .containerd
                .folder(&format!("logs/{}", self.uid))
                .display()
                .to_string(),
            labels,
            annotations: [("kubernetes.io/config.source", "api")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            linux: Some(LinuxSandbox {
                cgroup_parent: clean::cgroup(&self.uid),
                security: Some(SandboxSecurity {
                    namespaces: Some(self.namespaces()),
                }),
            }),
        }
    }

    fn namespaces(&self) -> Namespaces {
        Namespaces {
            network: 0,
            pid: self.spec.pid_mode(),
        }
    }

    fn create(&self, spec: &ContainerSpec, sandbox_config: &SandboxConfig) -> String {
        // The folder is made by the kubelet.
        self.log(&spec.name);
        let config = ContainerConfig {
            metadata: Some(ContainerMetadata {
                name: spec.name.clone(),
                attempt: 0,
            }),
            image: Some(Image {
                image: spec.image.reference(),
            }),
            command: Vec::new(),
            args: spec.args.clone(),
            mounts: mounts(spec),
            labels: self.labels_of(spec),
            annotations: self.annotations_of(spec),
            log_path: format!("{}/0.log", spec.name),
            linux: Some(LinuxContainer {
                resources: Some(Resources {
                    memory_limit: spec.memory,
                }),
                security: Some(self.security_of(spec)),
            }),
        };
        let request = CreateContainer {
            sandbox: self.sandbox.clone(),
            config: Some(config),
            sandbox_config: Some(sandbox_config.clone()),
        };
        let method = "RuntimeService/CreateContainer";
        let made: Id = self.containerd.call(method, request);
        made.id
    }

    fn labels_of(&self, spec: &ContainerSpec) -> Texts {
        let mut labels = self.kubelet_labels();
        labels.insert("io.kubernetes.container.name".to_owned(), spec.name.clone());
        labels
    }

    fn annotations_of(&self, spec: &ContainerSpec) -> Texts {
        let grace = self.spec.grace.to_string();
        let mut annotations: Texts = [
            ("io.kubernetes.pod.terminationGracePeriod", grace.as_str()),
            ("io.kubernetes.container.restartCount", "0"),
            ("io.kubernetes.container.hash", "5f1e7a0c"),
            ("io.kubernetes.container.terminationMessagePolicy", "File"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        if let Some(handler) = &spec.pre_stop {
            let key = "io.kubernetes.container.preStopHandler";
            annotations.insert(key.to_owned(), handler.clone());
        }
        annotations
    }

    fn security_of(&self, spec: &ContainerSpec) -> ContainerSecurity {
        let Some(add) = &spec.locked_down else {
            return ContainerSecurity {
                namespaces: Some(self.namespaces()),
                seccomp: Some(Profile { kind: 1 }),
                ..ContainerSecurity::default()
            };
        };
        ContainerSecurity {
            capabilities: Some(Capabilities {
                add: add.clone(),
                drop: vec!["ALL".to_owned()],
            }),
            namespaces: Some(self.namespaces()),
            readonly_root: true,
            no_new_privs: true,
            seccomp: Some(Profile { kind: 0 }),
        }
    }
}

impl Drop for Pod<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            for container in &self.spec.containers {
                let (pod, name) = (&self.spec.name, &container.name);
                eprintln!("output of {name} in pod {pod}:\n{}", self.said(name));
            }
        }
        if self.deleted || self.sandbox.is_empty() {
            return;
        }
        if let Err(error) = self.try_delete(0) {
            eprintln!("cannot delete pod {}: {error}", self.spec.name);
        }
    }
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

/// As a kubelet it tries again: containerd may lose its connection to the shim of several containers when one of them
/// ends.
fn stop(containerd: &Containerd, id: &str, grace: u32) -> Result<(), String> {
    for _ in 1..STOPS {
        match try_stop(containerd, id, grace) {
            Ok(()) => return Ok(()),
            Err(error) => eprintln!("{error}; trying again"),
        }
    }
    try_stop(containerd, id, grace)
}

fn try_stop(containerd: &Containerd, id: &str, grace: u32) -> Result<(), String> {
    let request = StopContainer {
        id: id.to_owned(),
        timeout: i64::from(grace),
    };
    let time = ANSWER + Duration::from_secs(u64::from(grace));
    let method = "RuntimeService/StopContainer";
    containerd
        .try_call::<_, Empty>(method, request, time)
        .map(drop)
}
