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
    config::Config,
    containerd::{ANSWER, Containerd},
    messages::{
        ContainerStatusResponse, CreateContainer, Empty, ExecSync, ExecSyncResponse, Id,
        RunPodSandbox, SandboxStatusResponse, StatusRequest, StopContainer,
    },
    spec::{ContainerSpec, PodSpec},
};
use crate::{lines, wait};

/// Where the shim has runtimes keep the state of pods' containers.
const RUNTIME_ROOT: &str = "/run/containerd/runc/k8s.io";

/// States of a container in CRI.
const EXITED: i32 = 2;

const STOP: &str = "RuntimeService/StopContainer";

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
    /// In the order in which they were made.
    containers: Vec<Made>,
    deleted: bool,
}

/// A container that was made, whatever has become of it.
#[derive(Debug)]
struct Made {
    spec: ContainerSpec,
    /// How often one of its name was made before.
    attempt: u32,
    id: String,
}

impl<'a> Pod<'a> {
    /// Starts a pod and waits until all of its containers have said that they are ready.
    pub fn run(containerd: &'a Containerd, spec: &PodSpec) -> Self {
        let pod = Self::start(containerd, spec);
        for container in &spec.containers {
            pod.wait_for(&container.name, "ready", container.ready);
        }
        pod
    }

    /// Starts a pod and does not wait for anything that its containers do.
    pub fn start(containerd: &'a Containerd, spec: &PodSpec) -> Self {
        let mut pod = Self {
            containerd,
            spec: spec.clone(),
            uid: containerd.new_uid(),
            sandbox: String::new(),
            containers: Vec::new(),
            deleted: false,
        };
        let request = RunPodSandbox {
            config: Some(pod.config().sandbox()),
        };
        let made: Id = containerd.call("RuntimeService/RunPodSandbox", request);
        pod.sandbox = made.id;
        for container in &spec.containers {
            pod.try_add(container)
                .unwrap_or_else(|error| panic!("{error}"));
        }
        pod
    }

    /// Starts one container more, or one of the same name anew, and waits until it has said that it is ready.
    pub fn add(&mut self, container: &ContainerSpec) {
        self.try_add(container)
            .unwrap_or_else(|error| panic!("{error}"));
        self.wait_for(&container.name, "ready", container.ready);
    }

    /// The same of one that may be refused, or not start. It is part of the pod from when it was made, and it is not
    /// waited for.
    pub fn try_add(&mut self, container: &ContainerSpec) -> Result<(), String> {
        let before = self.made().filter(|made| made.spec.name == container.name);
        let attempt = u32::try_from(before.count()).unwrap();
        let target = container.target.as_deref().map(|target| self.id(target));
        // The folder is made by the kubelet.
        self.log(&container.name, attempt);
        let request = CreateContainer {
            sandbox: self.sandbox.clone(),
            config: Some(self.config().container(container, attempt, target)),
            sandbox_config: Some(self.config().sandbox()),
        };
        let method = "RuntimeService/CreateContainer";
        let Id { id } = self.containerd.try_call(method, request, ANSWER)?;
        self.containers.push(Made {
            spec: container.clone(),
            attempt,
            id: id.clone(),
        });
        self.ask("StartContainer", &id)
    }

    /// Starts a container that has ended anew, as a kubelet does, and waits until it has said that it is ready.
    pub fn restart(&mut self, container: &str) {
        let spec = self.last(container).spec.clone();
        self.add(&spec);
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

    /// Id of a container: of several of that name the last.
    pub fn id(&self, container: &str) -> &str {
        &self.last(container).id
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
        let attempt = self.last(container).attempt;
        let log = fs::read_to_string(self.log(container, attempt)).unwrap_or_default();
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

    /// Asks for the same as a kubelet that is gone when that is true; once, and for no longer than any other answer.
    pub fn begin_stop(
        &self,
        container: &str,
        grace: u32,
        has_gone: impl Fn() -> bool,
    ) -> Result<(), String> {
        let request = stop_request(self.id(container), grace);
        self.containerd
            .try_call_until::<_, Empty>(STOP, request, has_gone)
            .map(drop)
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
                .map(|made| scope.spawn(move || stop(containerd, &made.id, grace)))
                .collect();
            let mut stops = stops.into_iter();
            stops.try_for_each(|stop| stop.join().map_err(|_| "a stop panics".to_owned())?)
        })?;
        self.ask("StopPodSandbox", &self.sandbox)?;
        for made in &self.containers {
            self.ask("RemoveContainer", &made.id)?;
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

    fn log(&self, container: &str, attempt: u32) -> PathBuf {
        let folder = format!("logs/{}/{container}", self.uid);
        let folder = self.containerd.folder(&folder);
        folder.join(format!("{attempt}.log"))
    }

    fn config(&self) -> Config<'_> {
        Config {
            pod: &self.spec,
            uid: &self.uid,
            logs: self.containerd.folder(&format!("logs/{}", self.uid)),
        }
    }

    fn made(&self) -> impl DoubleEndedIterator<Item = &Made> {
        self.containers.iter()
    }

    fn last(&self, container: &str) -> &Made {
        let mut of_it = self.made().filter(|made| made.spec.name == container);
        of_it
            .next_back()
            .unwrap_or_else(|| panic!("no container {container} in pod {}", self.spec.name))
    }
}

impl Drop for Pod<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            for made in &self.containers {
                let (pod, name) = (&self.spec.name, &made.spec.name);
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
    let time = ANSWER + Duration::from_secs(u64::from(grace));
    containerd
        .try_call::<_, Empty>(STOP, stop_request(id, grace), time)
        .map(drop)
}

fn stop_request(id: &str, grace: u32) -> StopContainer {
    StopContainer {
        id: id.to_owned(),
        timeout: i64::from(grace),
    }
}
