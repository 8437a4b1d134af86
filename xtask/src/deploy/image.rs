//! `cargo xtask image`: the container image, made by the local Docker from `deploy/docker/Dockerfile`. Nothing is pulled,
//! and nothing is pushed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::dist;
use crate::{docker_image, dockerd, run, setup, workspace};

const DOCKERFILE: &str = "deploy/docker/Dockerfile";
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Name of the image; the manifests use the default
    #[arg(long, value_name = "NAME", default_value_t = format!("rinit-trace:{VERSION}"))]
    tag: String,
    /// Also write the image to a file, for `docker load` or `ctr images import` on other machines
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    setup::for_docker()?;
    let program = dist::build()?;
    // Held until the image is made.
    let _engine = dockerd::ensure()?;
    build(&program, &args.tag)?;
    check(&args.tag)?;
    if let Some(output) = &args.output {
        save(&args.tag, output)?;
    }
    println!("{}", args.tag);
    Ok(())
}

fn build(program: &Path, tag: &str) -> Result<()> {
    // All that the engine is given.
    let context = workspace::scratch_dir().join("image");
    if context.exists() {
        fs::remove_dir_all(&context)
            .with_context(|| format!("cannot remove {}", context.display()))?;
    }
    fs::create_dir_all(&context).with_context(|| format!("cannot make {}", context.display()))?;
    docker_image::copy_program(program, &context)?;
    let mut docker = docker_image::docker()?;
    docker
        .args(["build", "--quiet", "--network", "none", "--tag", tag])
        .args(["--build-arg", &format!("VERSION={VERSION}")])
        .args(["--build-arg", &format!("REVISION={}", revision())])
        .arg("--file")
        .arg(workspace::root().join(DOCKERFILE))
        .arg(&context);
    run::shown_and_run(&mut docker)
}

/// The commit that is built, and whether something was changed since; empty without git.
fn revision() -> String {
    let mut git = Command::new("git");
    git.current_dir(workspace::root());
    git.args([
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ]);
    run::output(&mut git).map_or_else(String::new, |revision| revision.trim().to_owned())
}

/// A program that asks for a library, or for a file to write, would not start.
fn check(tag: &str) -> Result<()> {
    let mut docker = docker_image::docker()?;
    docker.args(["run", "--rm", "--network", "none", "--read-only"]);
    docker.args(["--cap-drop", "ALL", tag, "--version"]);
    let said = run::output(&mut docker).unwrap_or_default();
    let wanted = format!("rinit-trace {VERSION}");
    if said.trim() != wanted {
        bail!(
            "the image does not run: `{}` says `{}`, not `{wanted}`",
            run::shown(&docker),
            said.trim()
        );
    }
    Ok(())
}

/// Written by us, not by Docker, which may run as another user.
fn save(tag: &str, path: &Path) -> Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut docker = docker_image::docker()?;
    run::succeed(docker.args(["save", tag]).stdout(file))
}
