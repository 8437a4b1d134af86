//! `cargo xtask demo`: from a checkout to the demo in one command.

use anyhow::Result;

use crate::{docker_image, dockerd, run, setup, workspace};

/// Shown when nothing is named: two ways to lose a cleanup, and the cure.
const MAIN_SCENARIOS: [&str; 3] = ["shell-no-trap", "init-exits", "waits-for-all"];

/// What every scenario's report must say.
const EXPECTATIONS: &str = "tests/expectations.toml";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Show real containers; a Docker engine is installed and started when there is none
    #[arg(long)]
    docker: bool,
    /// Arguments for `rinit-trace demo`: names, or `all` to compare every scenario with what it must say; the three main
    /// ones when left out
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    setup::for_build()?;
    let all = args.args.iter().any(|arg| arg == "all");
    if all {
        // The inits and the engine that some of them run.
        setup::for_tests()?;
    }
    // Held until the demo is over.
    let _engine = if args.docker || all {
        Some(start_docker()?)
    } else {
        None
    };
    build_program()?;
    let mut demo = run::as_root(workspace::program())?;
    demo.arg("demo");
    if args.docker {
        demo.arg("--docker");
    } else if all && !args.args.iter().any(|arg| arg.starts_with("--expect")) {
        demo.arg("--expect")
            .arg(workspace::root().join(EXPECTATIONS));
    }
    if args.args.is_empty() {
        demo.args(MAIN_SCENARIOS);
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
