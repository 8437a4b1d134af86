//! A workload as a Docker container, stopped by `docker stop`.

use std::{
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{
    needs,
    scenarios::{DockerForm, Scenario},
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

/// A running container. Dropping it removes it.
pub struct Container {
    id: String,
    grace: Duration,
}

impl Container {
    /// Starts a scenario's script in a container and waits until it is ready.
    pub fn start(scenario: &Scenario, form: &DockerForm, image: &str) -> Result<Self> {
        let name = format!("rinit-trace-demo-{}-{}", scenario.name, std::process::id());
        let mut arguments = vec!["run", "-d", "--name", &name];
        if form.init {
            arguments.push("--init");
        }
        arguments.extend([image, "/bin/sh", "-c", form.script]);
        let output = docker(&arguments)?;
        let container = Self {
            id: String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            grace: form.grace,
        };
        let deadline = Instant::now() + READY_TIME;
        loop {
            let logs = docker(&["logs", &container.id])?;
            let ready = String::from_utf8_lossy(&logs.stdout)
                .lines()
                .filter(|line| *line == READY)
                .count();
            if ready >= form.ready {
                return Ok(container);
            }
            if Instant::now() > deadline {
                bail!(
                    "the container of {} was not ready within {} s",
                    scenario.name,
                    READY_TIME.as_secs()
                );
            }
            thread::sleep(POLL);
        }
    }

    /// Full container id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `docker stop`
    pub fn stop(&self) -> Result<()> {
        docker(&["stop", "-t", &self.grace.as_secs().to_string(), &self.id]).map(drop)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // It was stopped in the usual case; what fails here has failed loudly before.
        let _ = Command::new("docker")
            .args(["rm", "-f", &self.id])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
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
