//! `cargo xtask deb`: the Debian package, by cargo-deb, of the same static program as the image. What is in it is in
//! `rinit-trace/Cargo.toml`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::dist;
use crate::{run, workspace};

const CARGO_DEB_VERSION: &str = "3.8.0";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to write it; `target/debian/` when left out
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let cargo_deb = cargo_deb()?;
    dist::build()?;
    let folder = workspace::target_dir().join("debian");
    let output = args.output.clone().unwrap_or(folder);
    if let Some(parent) = output.parent() {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot make {}", parent.display()))?;
    }
    let mut command = Command::new(cargo_deb);
    command
        .current_dir(workspace::root())
        .args(["--package", "rinit-trace", "--no-build", "--no-strip"])
        .args(["--profile", dist::PROFILE, "--target", &dist::target()])
        .arg("--output")
        .arg(output)
        .env("CARGO_TARGET_DIR", dist::target_dir());
    run::shown_and_run(&mut command)
}

/// The tool: below `target/`, as its version is the project's business.
fn cargo_deb() -> Result<PathBuf> {
    let root = workspace::scratch_dir().join(format!("tools/cargo-deb-{CARGO_DEB_VERSION}"));
    let program = root.join("bin/cargo-deb");
    if !program.is_file() {
        let mut cargo = workspace::cargo();
        cargo
            .args(["install", "cargo-deb", "--locked"])
            .args(["--version", CARGO_DEB_VERSION, "--root"])
            .arg(&root);
        run::shown_and_run(&mut cargo)?;
    }
    Ok(program)
}
