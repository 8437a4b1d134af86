//! Real containers, by podman with a storage of its own. conmon is the parent of their inits, and no daemon runs.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use tempfile::TempDir;

use crate::{
    cri::runtime,
    lines,
    needs::{Kernel, skip},
    program::import_workload,
    wait,
};

const IMAGE: &str = "localhost/rinit-trace-test:1";
/// Where containers have the workload.
const INSIDE: &str = "/workload";
/// podman asks for more than the machine may give.
const LIMITS: [&str; 4] = [
    "--ulimit",
    "nofile=1024:1024",
    "--ulimit",
    "nproc=1024:1024",
];

/// A podman with an image that holds the workload, and nothing but that. Dropping it removes all of its containers.
#[derive(Debug)]
pub struct Podman {
    dir: TempDir,
    /// What makes the containers.
    runtime: PathBuf,
}

impl Podman {
    /// `None`, with the reason printed, where there is none.
    pub fn ready() -> Option<Self> {
        Kernel::ready()?;
        let answer = Command::new("podman").arg("--version").output();
        if !answer.is_ok_and(|output| output.status.success()) {
            skip("needs podman; `cargo xtask setup --tests` installs it");
            return None;
        }
        let podman = Self {
            dir: TempDir::new().unwrap(),
            runtime: runtime::ready()?,
        };
        import_workload(&mut podman.command(&["import", "--quiet", "-", IMAGE]));
        Some(podman)
    }

    /// Starts a container of a program of `tests/workloads` with children, and waits until all are ready.
    pub fn workload(&self, options: &[&str], programs: &[&str]) -> PodmanContainer<'_> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("workload-{count}");
        let command = [&[IMAGE, INSIDE], programs].concat();
        let id = self.succeed(&[&run(&name)[..], options, &command].concat());
        let container = PodmanContainer {
            podman: self,
            id: id.trim().to_owned(),
            name,
        };
        let what = format!("the workload of {} is ready", container.name);
        wait::until(&what, || {
            let said = self.succeed(&["logs", &container.id]);
            (lines::count(&said, "ready") == programs.len()).then_some(())
        });
        container
    }

    /// Tries to start a container whose set-up a hook breaks off, when its first process is there. Returns its id.
    pub fn break_off(&self) -> String {
        let hooks = self.dir.path().join("hooks");
        fs::create_dir(&hooks).unwrap();
        let hook = r#"{"version":"1.0.0","hook":{"path":"/bin/false"},"when":{"always":true},"stages":["createRuntime"]}"#;
        fs::write(hooks.join("false.json"), hook).unwrap();
        let hooks = ["--hooks-dir", hooks.to_str().unwrap()];
        let name = "broken-off";
        let command = [IMAGE, INSIDE, "server"];
        let output = self.podman(&[&hooks[..], &run(name), &command].concat());
        assert!(!output.status.success(), "{output:?}");
        let id = self.succeed(&["inspect", "-f", "{{.Id}}", name]);
        id.trim().to_owned()
    }

    /// Its API at a socket, as long as the guard lives.
    pub fn service(&self) -> Service {
        let socket = self.dir.path().join("podman.sock");
        let address = format!("unix://{}", socket.display());
        let mut command = self.command(&["system", "service", "--time", "0", &address]);
        // Nobody would read it.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        wait::until("podman's socket is there", || socket.exists().then_some(()));
        Service { child, socket }
    }

    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.podman(arguments);
        assert!(
            output.status.success(),
            "`podman {}`: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn podman(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("podman");
        for (option, folder) in [
            ("--root", "root"),
            ("--runroot", "run"),
            ("--tmpdir", "tmp"),
        ] {
            command.arg(option).arg(self.dir.path().join(folder));
        }
        // No mount is left behind, no service is asked, and what this machine is set up for does not count.
        command
            .args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"])
            .args(["--events-backend", "none", "--runtime"])
            .arg(&self.runtime)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// `podman run` of a name.
fn run(name: &str) -> Vec<&str> {
    let mut arguments = vec!["run", "-d", "--name", name, "--network", "none"];
    arguments.extend(["--log-driver", "k8s-file"]);
    arguments.extend(LIMITS);
    arguments
}

impl Drop for Podman {
    fn drop(&mut self) {
        self.podman(&["rm", "--all", "--force", "--time", "0"]);
    }
}

/// A container. It is removed with its [`Podman`].
#[derive(Debug)]
pub struct PodmanContainer<'a> {
    podman: &'a Podman,
    id: String,
    name: String,
}

impl PodmanContainer<'_> {
    /// Its full id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `podman stop -t SECONDS`
    pub fn stop(&self, seconds: u32) {
        let seconds = seconds.to_string();
        self.podman.succeed(&["stop", "-t", &seconds, &self.id]);
    }

    /// `podman kill`
    pub fn kill(&self) {
        self.podman.succeed(&["kill", &self.id]);
    }
}

/// podman's API. Dropping it ends it.
#[derive(Debug)]
pub struct Service {
    child: Child,
    socket: PathBuf,
}

impl Service {
    /// Where it can be asked.
    pub fn socket(&self) -> &str {
        self.socket.to_str().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
