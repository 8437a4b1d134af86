//! A workload as Docker containers, stopped by `docker stop`, or as its scenario has it.

use std::{
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{
    lines::Lines,
    needs,
    scenarios::{DockerForm, Guest, Scenario, Session, Stop},
    workload::READY,
};

/// An image with a shell in it.
pub const IMAGE: &str = "rinit-trace-test:latest";

/// How long a container may take to say `ready`.
const READY_TIME: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// What of Docker is missing; `None` when a container can be started.
pub fn missing(image: &str) -> Option<String> {
    if needs::find("docker").is_none() || docker(&["version"]).is_err() {
        return Some("docker".to_owned());
    }
    let has_image = docker(&["image", "inspect", image]).is_ok();
    (!has_image).then(|| format!("the image {image}; `cargo xtask test-image` makes it"))
}

/// Running containers of a scenario. Dropping them removes them.
pub struct Containers {
    scenario: &'static Scenario,
    form: DockerForm,
    ids: Vec<String>,
    /// `docker exec`, where its scenario has one.
    session: Option<Child>,
}

impl Containers {
    /// Starts a scenario's script, as often as it runs at a time, and waits until all are ready.
    pub fn start(scenario: &'static Scenario, form: DockerForm, image: &str) -> Result<Self> {
        let mut containers = Self {
            scenario,
            form,
            ids: Vec::new(),
            session: None,
        };
        for nth in 0..scenario.stop.workloads() {
            containers.run(nth, image)?;
        }
        containers.wait_ready(1)?;
        if let Stop::Guest(guest) = scenario.stop {
            containers.add_guest(&guest, image)?;
        }
        if let Stop::Entered(session, _) = scenario.stop {
            containers.enter(&session)?;
        }
        Ok(containers)
    }

    fn run(&mut self, nth: usize, image: &str) -> Result<()> {
        let (scenario, pid) = (self.scenario.name, std::process::id());
        let name = format!("rinit-trace-demo-{scenario}-{pid}-{nth}");
        let mut arguments = vec!["run", "-d", "--name", &name];
        if self.form.init {
            arguments.push("--init");
        }
        let signal = self.scenario.stop.signal();
        let signal = signal.map(|signal| format!("--stop-signal={signal}"));
        arguments.extend(signal.as_deref());
        arguments.extend([image, "/bin/sh", "-c", self.form.script]);
        let output = docker(&arguments)?;
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        self.ids.push(id);
        Ok(())
    }

    /// `docker run --pid=container:X`
    fn add_guest(&mut self, guest: &Guest, image: &str) -> Result<()> {
        let owner = self.ids.first().context("no container")?;
        let with = format!("--pid=container:{owner}");
        let arguments = ["run", "-d", &with, image, "/bin/sh", "-c", guest.script];
        let output = docker(&arguments)?;
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        self.ids.push(id.clone());
        self.wait_for(&id, guest.ready)
    }

    /// In which round of its life: the logs are of all of them.
    fn wait_ready(&self, round: usize) -> Result<()> {
        let count = self.form.ready * round;
        self.ids.iter().try_for_each(|id| self.wait_for(id, count))
    }

    fn wait_for(&self, id: &str, count: usize) -> Result<()> {
        let deadline = Instant::now() + READY_TIME;
        while ready(id)? < count {
            if Instant::now() > deadline {
                bail!(
                    "a container of {} was not ready within {} s",
                    self.scenario.name,
                    READY_TIME.as_secs()
                );
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// `docker exec`, which stays there.
    fn enter(&mut self, session: &Session) -> Result<()> {
        let id = self.ids.first().context("no container")?;
        let child = Command::new("docker")
            .args(["exec", id, "/bin/sh", "-c", session.script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("run `docker exec`")?;
        let child = self.session.insert(child);
        if !Lines::of(child.stdout.take()).are_ready(session.ready, READY_TIME) {
            bail!("the session of {} was not ready", self.scenario.name);
        }
        Ok(())
    }

    /// Full container ids.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Stops them, as often as their scenario has it.
    pub fn stop(&self) -> Result<()> {
        let grace = self.form.grace.as_secs().to_string();
        for round in 1..self.scenario.stop.rounds() {
            self.all(&["restart", "-t", &grace])?;
            self.wait_ready(round + 1)?;
        }
        match self.scenario.stop {
            Stop::Kill => self.all(&["kill"]),
            Stop::Remove => self.all(&["rm", "-f"]),
            // The guest ends with its owner.
            Stop::Guest(_) => {
                let owner = self.ids.first().context("no container")?;
                docker(&["stop", "-t", &grace, owner]).map(drop)
            }
            _ => self.all(&["stop", "-t", &grace]),
        }
    }

    /// One command for all of them: Docker takes them at the same time.
    fn all(&self, command: &[&str]) -> Result<()> {
        let ids = self.ids.iter().map(String::as_str);
        let arguments: Vec<&str> = command.iter().copied().chain(ids).collect();
        docker(&arguments).map(drop)
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        // They were stopped in the usual case; what fails here has failed loudly before.
        let _ = Command::new("docker")
            .args(["rm", "-f"])
            .args(&self.ids)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if let Some(session) = &mut self.session {
            let _ = session.kill();
            let _ = session.wait();
        }
    }
}

/// How often a container has said `ready`.
fn ready(id: &str) -> Result<usize> {
    let logs = docker(&["logs", id])?;
    let said = String::from_utf8_lossy(&logs.stdout);
    Ok(said.lines().filter(|line| *line == READY).count())
}

fn docker(arguments: &[&str]) -> Result<Output> {
    let output = Command::new("docker")
        .args(arguments)
        .output()
        .context("run `docker`; is it installed?")?;
    if !output.status.success() {
        bail!(
            "`docker {}` failed: {}",
            arguments.first().unwrap_or(&""),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(output)
}
