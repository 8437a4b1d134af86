//! Containers in cgroups like those of systemd, without a systemd: where a kubelet puts them on most nodes.

use std::{fs, path::PathBuf};

use serde_json::json;

use super::{clean, containerd::Containerd};
use crate::{
    cgroup::{new_id, of_containers},
    lines, wait,
};

/// Where the container writes what it says.
const SAID: &str = "/said";

/// A container of a pod, as the bundle has it, in `cri-containerd-ID.scope` of the pod's slice. Dropping it removes it.
#[derive(Debug)]
pub struct Scope<'a> {
    containerd: &'a Containerd,
    id: String,
    uid: String,
    said: PathBuf,
}

impl<'a> Scope<'a> {
    /// Runs programs of `tests/workloads` as the container `web` of a pod, and waits until they are ready.
    pub fn run(containerd: &'a Containerd, namespace: &str, pod: &str, programs: &[&str]) -> Self {
        let scope = Self {
            id: new_id(),
            uid: containerd.new_uid(),
            said: containerd.folder(&format!("said/{pod}")),
            containerd,
        };
        let spec = scope.said.join("config.json");
        fs::write(&spec, scope.spec(namespace, pod, programs)).unwrap();
        let runtime = containerd.runtime().display().to_string();
        let run = ["run", "--detach", "--runc-binary", &runtime, "--config"];
        containerd.ctr(&[&run[..], &[&spec.display().to_string(), &scope.id]].concat());
        wait::until("the programs in a scope are ready", || {
            let said = fs::read_to_string(scope.said.join("out")).unwrap_or_default();
            (lines::count(&said, "ready") == programs.len()).then_some(())
        });
        scope
    }

    /// Its container id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The uid of its pod.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Its cgroup.
    pub fn cgroup(&self) -> String {
        let slice = clean::slice(&self.uid);
        format!("{slice}/cri-containerd-{}.scope", self.id)
    }

    /// Moves all of its processes into a cgroup below its own, as a service manager in a container does.
    pub fn move_below(&self, name: &str) {
        let folder = of_containers().join(self.cgroup().trim_start_matches('/'));
        let below = folder.join(name);
        fs::create_dir(&below).unwrap();
        let members = fs::read_to_string(folder.join("cgroup.procs")).unwrap();
        assert!(!members.is_empty(), "nobody is in {}", folder.display());
        for pid in members.lines() {
            fs::write(below.join("cgroup.procs"), pid).unwrap();
        }
    }

    /// Sends a signal to its init by the runtime.
    pub fn kill(&self, signal: &str) {
        let kill = ["tasks", "kill", "--signal", signal];
        self.containerd.ctr(&[&kill[..], &[&self.id]].concat());
    }

    fn spec(&self, namespace: &str, pod: &str, programs: &[&str]) -> String {
        let script = format!("exec /workload {} >{SAID}/out", programs.join(" "));
        let namespaces = ["pid", "mount", "ipc", "uts"].map(|kind| json!({"type": kind}));
        json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": 0, "gid": 0},
                "args": ["/bin/sh", "-c", script],
                "env": ["PATH=/bin"],
                "cwd": "/",
            },
            "root": {"path": self.containerd.programs()},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": SAID, "type": "bind", "source": self.said, "options": ["bind"]},
            ],
            "annotations": {
                "io.kubernetes.cri.container-type": "container",
                "io.kubernetes.cri.container-name": "web",
                "io.kubernetes.cri.sandbox-name": pod,
                "io.kubernetes.cri.sandbox-namespace": namespace,
                "io.kubernetes.cri.sandbox-uid": self.uid,
            },
            "linux": {"cgroupsPath": self.cgroup(), "namespaces": namespaces},
        })
        .to_string()
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        let delete: [&[&str]; 2] = [&["tasks", "delete", "--force"], &["containers", "delete"]];
        for command in delete {
            let deleted = self.containerd.try_ctr(&[command, &[&self.id]].concat());
            if let Err(error) = deleted {
                eprintln!("cannot delete the container of a scope: {error}");
            }
        }
    }
}
