//! `cargo xtask demo`: from a checkout to the demo in one command.

use anyhow::Result;

use crate::{docker_image, dockerd, run, setup, workspace};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Show real containers; a Docker engine is installed and started when there is none
    #[arg(long)]
    docker: bool,
    /// Arguments for `rinit-trace demo`; all scenarios when left out
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    setup::for_build()?;
    // Held until the demo is over.
    let _engine = if args.docker {
        Some(start_docker()?)
    } else {
        None
    };
    build_program()?;
    let mut demo = run::as_root(workspace::program())?;
    demo.arg("demo");
    if args.docker {
        demo.arg("--docker");
    }
    if args.args.is_empty() {
        demo.arg("all");
    }
    run::shown_and_run(demo.args(&args.args))
}

/// Builds what is shown and tested: the release program.
pub(crate) fn build_program() -> Result<()> {
    run::succeed(workspace::cargo().args(["build", "--release", "--package", "rinit-trace"]))
}

fn start_docker() -> Result<dockerd::Engine> {
    setup::for_docker()?;
    let engine = dockerd::ensure()?;
    docker_image::ensure()?;
    Ok(engine)
}
