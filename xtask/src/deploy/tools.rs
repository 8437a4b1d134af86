//! The tools that read `deploy/`: those on PATH, else Debian's, unpacked below `target/` and not installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{apt, run, setup, workspace};

/// Version of kubernetes-validate: its schemas are part of it.
const VALIDATE_VERSION: &str = "1.37.0";
/// The first Debian that has kustomize. Those before it take only this one package from it, and do not install that.
const KUSTOMIZE_SUITE: &str = "trixie";

/// All of them, found or fetched.
#[derive(Debug)]
pub(super) struct Tools {
    /// Checks and tests rules.
    pub(super) promtool: PathBuf,
    /// Validates objects of Kubernetes by its schemas.
    pub(super) validate: PathBuf,
    /// A Python that has `PyYAML` and kubernetes-validate.
    pub(super) python: PathBuf,
    kustomize: Kustomize,
}

#[derive(Debug)]
enum Kustomize {
    Alone(PathBuf),
    InKubectl,
}

impl Tools {
    /// Finds or fetches them.
    pub(super) fn ready() -> Result<Self> {
        setup::for_deploy()?;
        let venv = venv()?;
        Ok(Self {
            promtool: promtool()?,
            validate: venv.join("bin/kubernetes-validate"),
            python: venv.join("bin/python3"),
            kustomize: kustomize()?,
        })
    }

    /// The command that prints the objects of a folder with a kustomization.
    pub(super) fn kustomize(&self, folder: &Path) -> Command {
        let mut command = match &self.kustomize {
            Kustomize::Alone(program) => {
                let mut command = Command::new(program);
                command.arg("build");
                command
            }
            Kustomize::InKubectl => {
                let mut command = Command::new("kubectl");
                command.arg("kustomize");
                command
            }
        };
        command.arg(folder);
        command
    }
}

fn promtool() -> Result<PathBuf> {
    match workspace::find_program("promtool") {
        Some(program) => Ok(program),
        None => unpacked("prometheus", "usr/bin/promtool", None),
    }
}

fn kustomize() -> Result<Kustomize> {
    if let Some(program) = workspace::find_program("kustomize") {
        return Ok(Kustomize::Alone(program));
    }
    let version = run::output(Command::new("kubectl").args(["version", "--client", "-o", "json"]));
    if version.is_some_and(|version| knows_components(&version)) {
        return Ok(Kustomize::InKubectl);
    }
    unpacked("kustomize", "usr/bin/kustomize", Some(KUSTOMIZE_SUITE)).map(Kustomize::Alone)
}

/// Whether the kustomize in a kubectl is young enough for components: older ones do not tell their version.
fn knows_components(version: &str) -> bool {
    let version: serde_json::Value = serde_json::from_str(version).unwrap_or_default();
    let kustomize = version["kustomizeVersion"].as_str().unwrap_or_default();
    let major = kustomize.trim_start_matches('v').split('.').next();
    major
        .and_then(|major| major.parse::<u32>().ok())
        .is_some_and(|major| major >= 4)
}

/// A Python environment with kubernetes-validate.
fn venv() -> Result<PathBuf> {
    let venv = tools_dir().join(format!("kubernetes-validate-{VALIDATE_VERSION}"));
    if venv.join("bin/kubernetes-validate").is_file() {
        return Ok(venv);
    }
    let Some(python) = workspace::find_program("python3") else {
        bail!("cannot validate the manifests: no python3; install it by this system's own means");
    };
    // What an earlier run left unfinished goes.
    run::succeed(
        Command::new(python)
            .args(["-m", "venv", "--clear"])
            .arg(&venv),
    )?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    pip.arg(format!("kubernetes-validate=={VALIDATE_VERSION}"));
    run::shown_and_run(&mut pip)?;
    Ok(venv)
}

/// A program of a Debian package that is unpacked, not installed: prometheus would start a server.
fn unpacked(package: &str, program: &str, suite: Option<&str>) -> Result<PathBuf> {
    let dir = tools_dir().join(package);
    let found = dir.join(program);
    if found.is_file() {
        return Ok(found);
    }
    if !apt::is_here() {
        bail!(
            "cannot check deploy/: no {package} on this system; install it by its own means, so that {} is on PATH",
            program.rsplit('/').next().unwrap_or(program)
        );
    }
    let part = tools_dir().join(format!("{package}.part"));
    if part.exists() {
        fs::remove_dir_all(&part).with_context(|| format!("cannot remove {}", part.display()))?;
    }
    fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
    let archive = apt::download(package, suite, &part)?;
    let root = part.join("root");
    run::succeed(
        Command::new("dpkg-deb")
            .arg("--extract")
            .arg(&archive)
            .arg(&root),
    )?;
    fs::rename(&root, &dir).with_context(|| format!("cannot make {}", dir.display()))?;
    fs::remove_dir_all(&part).with_context(|| format!("cannot remove {}", part.display()))?;
    if !found.is_file() {
        bail!("cannot check deploy/: Debian's {package} has no {program}");
    }
    Ok(found)
}

fn tools_dir() -> PathBuf {
    workspace::scratch_dir().join("tools")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_kubectl_does_not_do() {
        assert!(knows_components(
            r#"{"clientVersion": {"gitVersion": "v1.32.4"}, "kustomizeVersion": "v5.5.0"}"#
        ));
        // 1.20 says nothing; 1.24 has kustomize 4.5.4.
        assert!(!knows_components(
            r#"{"clientVersion": {"gitVersion": "v1.20.2"}}"#
        ));
        assert!(knows_components(r#"{"kustomizeVersion": "v4.5.4"}"#));
        assert!(!knows_components("not JSON"));
    }
}
