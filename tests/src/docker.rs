//! Real containers, by Docker's own client.

use std::{
    process::{self, Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use crate::{
    lines,
    namespace::inner_pid,
    needs::{Kernel, skip},
    program::WORKLOAD,
    wait,
};

/// Made of a static busybox by `cargo xtask test`.
const IMAGE: &str = "rinit-trace-test:latest";
/// Where containers have the workload.
const INSIDE: &str = "/workload";

/// A Docker engine with the test image, and what every test needs.
#[derive(Debug)]
pub struct Docker(());

impl Docker {
    /// `None`, with the reason printed, where there is none.
    pub fn ready() -> Option<Self> {
        Kernel::ready()?;
        if !answers(&["version"]) {
            skip("needs a Docker engine; `cargo xtask test` starts one");
            return None;
        }
        if !answers(&["image", "inspect", IMAGE]) {
            skip("needs the test image; `cargo xtask test-image` makes it");
            return None;
        }
        Some(Self(()))
    }

    /// Starts a container of a shell, and waits until the script has said `ready` that many times.
    pub fn shell(&self, script: &str, ready: usize) -> Container {
        self.start(&[], &["sh", "-c", script], ready)
    }

    /// Starts a container of a program of `tests/workloads` with children, and waits until all are ready.
    pub fn workload(&self, programs: &[&str]) -> Container {
        let command = [&[INSIDE], programs].concat();
        self.start(&[], &command, programs.len())
    }

    /// A container whose program is none, so that its start has failed.
    pub fn failed_start(&self, program: &str) -> Container {
        let container = self.create(&[program]);
        assert!(!container.try_start(), "{program} is a program");
        container
    }

    /// A container that is made and not started.
    pub fn create(&self, command: &[&str]) -> Container {
        let mut container = Container::to_be();
        let arguments = ["create", "--name", &container.name, IMAGE];
        let id = succeed(&[&arguments, command].concat());
        id.trim().clone_into(&mut container.id);
        container
    }

    /// Starts a container with options for `docker run`. The workload's program is in it.
    pub fn start(&self, options: &[&str], command: &[&str], ready: usize) -> Container {
        // Removed also when it was made but could not be started.
        let mut container = Container::to_be();
        let name = container.name.clone();
        let volume = format!("{WORKLOAD}:{INSIDE}:ro");
        let mut arguments = vec!["run", "-d", "--name", &name, "-v", &volume];
        arguments.extend(options);
        arguments.push(IMAGE);
        arguments.extend(command);
        succeed(&arguments).trim().clone_into(&mut container.id);
        container.wait_for("ready", ready);
        let pid = container.inspect("{{.State.Pid}}");
        container.pid = pid.parse().unwrap();
        container
    }
}

/// A container. Dropping it removes it.
#[derive(Debug)]
pub struct Container {
    id: String,
    name: String,
    pid: u32,
}

impl Container {
    /// One that has a name and is not made yet.
    fn to_be() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            id: String::new(),
            name: format!("rinit-trace-test-{}-{count}", process::id()),
            pid: 0,
        }
    }

    /// Its full id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Host pid of its init.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The same process in its innermost pid namespace.
    pub fn ns_pid(&self) -> u32 {
        inner_pid(self.pid)
    }

    /// `docker start`: whether it could be.
    pub fn try_start(&self) -> bool {
        answers(&["start", &self.id])
    }

    /// `docker stop -t SECONDS`
    pub fn stop(&self, seconds: u32) {
        succeed(&["stop", "-t", &seconds.to_string(), &self.id]);
    }

    /// `docker restart -t SECONDS`
    pub fn restart(&self, seconds: u32) {
        succeed(&["restart", "-t", &seconds.to_string(), &self.id]);
    }

    /// `docker kill -s SIGNAL`
    pub fn kill(&self, signal: &str) {
        succeed(&["kill", "-s", signal, &self.id]);
    }

    /// `docker rm -f`
    pub fn remove(&self) {
        succeed(&["rm", "-f", &self.id]);
    }

    /// `docker exec` of a shell, to its end, however that is.
    pub fn exec(&self, script: &str) {
        docker(&["exec", &self.id, "sh", "-c", script]);
    }

    /// `docker exec -d` of programs of `tests/workloads`. Their output goes nowhere, so it waits until each is there by
    /// the name that it takes first of all. Others in the container must have other names.
    pub fn exec_workload(&self, programs: &[&str]) {
        let mut arguments = vec!["exec", "-d", &self.id, INSIDE];
        arguments.extend(programs);
        succeed(&arguments);
        wait::until("the processes of docker exec are there", || {
            let table = succeed(&["top", &self.id, "-o", "pid,comm"]);
            let is_there = |program: &&str| {
                let name = program.split('=').next();
                table
                    .lines()
                    .any(|line| line.split_whitespace().last() == name)
            };
            programs.iter().all(is_there).then_some(())
        });
    }

    /// A field of `docker inspect`.
    pub fn inspect(&self, format: &str) -> String {
        succeed(&["inspect", "-f", format, &self.id])
            .trim()
            .to_owned()
    }

    /// How many lines of its output begin like that.
    pub fn said(&self, start: &str) -> usize {
        lines::count(&succeed(&["logs", &self.id]), start)
    }

    /// Waits until that many lines of its output begin like that.
    pub fn wait_for(&self, start: &str, count: usize) {
        let what = format!("{count} lines `{start}` of container {}", self.name);
        wait::until(&what, || (self.said(start) >= count).then_some(()));
    }

    /// Waits for its end.
    pub fn wait(&self) {
        succeed(&["wait", &self.id]);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if thread::panicking() {
            let output = docker(&["logs", &self.name]);
            let output = String::from_utf8_lossy(&output.stdout);
            eprintln!("output of container {}:\n{output}", self.name);
        }
        // By name: it is unique, and the id is not known when `docker run` failed.
        docker(&["rm", "-f", "-v", &self.name]);
    }
}

fn succeed(arguments: &[&str]) -> String {
    let output = docker(arguments);
    assert!(
        output.status.success(),
        "`docker {}`: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Also false without a client.
fn answers(arguments: &[&str]) -> bool {
    let output = client(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

fn docker(arguments: &[&str]) -> Output {
    client(arguments).output().expect("`docker` runs")
}

fn client(arguments: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(arguments).stdin(Stdio::null());
    command
}
