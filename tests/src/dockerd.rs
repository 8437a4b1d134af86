//! A Docker engine that is private to a test, which may restart it.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
};

use tempfile::TempDir;

use crate::{
    mounts::unmount_below,
    namespace::send,
    needs::{Kernel, skip},
    program::import_workload,
    wait,
};

const IMAGE: &str = "workload:latest";

/// A running engine. Dropping it removes its containers, and ends it.
#[derive(Debug)]
pub struct Dockerd {
    dir: TempDir,
    child: Mutex<Child>,
}

impl Dockerd {
    /// Starts one whose containers survive its end, with an image of the workload. `None`, with the reason printed,
    /// where that cannot be.
    pub fn start() -> Option<Self> {
        Kernel::ready()?;
        let found = Command::new("dockerd").arg("--version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            skip("needs dockerd; `cargo xtask setup --tests` installs it");
            return None;
        }
        let dir = TempDir::new().unwrap();
        let child = Mutex::new(spawn(dir.path()));
        let engine = Self { dir, child };
        engine.wait_until_ready();
        engine.import();
        Some(engine)
    }

    /// For `--docker-socket`.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("docker.sock")
    }

    /// Starts a container of the workload with children, and waits until all are ready. Returns its id.
    pub fn run(&self, name: &str, programs: &[&str]) -> String {
        let run = ["run", "-d", "--network", "none", "--name", name, IMAGE];
        let id = self.docker(&[&run[..], &["/workload"], programs].concat());
        wait::until("the workload is ready", || {
            let said = self.docker(&["logs", name]);
            (said.matches("ready").count() >= programs.len()).then_some(())
        });
        id
    }

    /// Runs Docker's client, which must succeed.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let output = self.client().args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        let answer = String::from_utf8(output.stdout).unwrap();
        answer.trim().to_owned()
    }

    /// Ends the engine as its service manager does. Containers run on.
    pub fn end(&self) {
        let mut child = self.child.lock().unwrap();
        send(child.id(), libc::SIGTERM);
        wait::until("dockerd ends", || child.try_wait().unwrap());
    }

    /// Starts it again.
    pub fn start_again(&self) {
        *self.child.lock().unwrap() = spawn(self.dir.path());
        self.wait_until_ready();
    }

    fn client(&self) -> Command {
        let mut command = Command::new("docker");
        command.arg("--host");
        command.arg(format!("unix://{}", self.socket().display()));
        command
    }

    fn wait_until_ready(&self) {
        wait::until("dockerd answers", || {
            let answer = self.client().args(["version"]).output();
            answer
                .is_ok_and(|answer| answer.status.success())
                .then_some(())
        });
    }

    fn import(&self) {
        let mut import = self.client();
        import_workload(import.args(["import", "-", IMAGE]));
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // A test that fails may have left it ended.
        let mut child = self
            .child
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if child.try_wait().is_ok_and(|ended| ended.is_some()) {
            *child = spawn(self.dir.path());
        }
        let listed = wait::within(wait::DEADLINE, || {
            let listed = self.client().args(["ps", "-aq"]).output().ok()?;
            listed.status.success().then_some(listed.stdout)
        });
        let listed = String::from_utf8_lossy(&listed.unwrap_or_default()).into_owned();
        let ids: Vec<&str> = listed.split_whitespace().collect();
        if !ids.is_empty() {
            let _ = self.client().args(["rm", "-f"]).args(ids).output();
        }
        send(child.id(), libc::SIGTERM);
        let ended = wait::within(wait::DEADLINE, || child.try_wait().ok().flatten());
        if ended.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        // With --live-restore an engine leaves its own mount.
        unmount_below(self.dir.path());
    }
}

/// In a network of its own: without a bridge an engine removes the one of another that is there.
fn spawn(dir: &Path) -> Child {
    let path = |name: &str| dir.join(name).display().to_string();
    let log = File::options()
        .create(true)
        .append(true)
        .open(dir.join("log"));
    let mut command = Command::new("unshare");
    command
        .args(["--net", "--", "dockerd"])
        .args(["--data-root", &path("data"), "--exec-root", &path("run")])
        .args(["--pidfile", &path("pid"), "--bridge", "none"])
        .args(["--host", &format!("unix://{}", path("docker.sock"))])
        .args(["--iptables=false", "--ip6tables=false", "--live-restore"])
        .stdout(Stdio::null())
        .stderr(log.unwrap());
    command.spawn().unwrap()
}
