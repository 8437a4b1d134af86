//! The chores of the project as `cargo xtask <chore>`, so that a machine, a developer and CI run the same thing.
//!
//! One file per chore. A chore prints the commands that it runs as root before it runs them, and ends with one line
//! `error: …` and exit code 1 when it fails.

mod apt;
mod bench;
mod btf_sample;
mod check;
mod demo;
mod deploy;
mod docker_image;
mod dockerd;
mod docs;
mod failures;
mod interrupt;
mod packages;
mod run;
mod setup;
mod test;
mod tidy;
mod totals;
mod vm;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The chores of rinit-trace"
)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what the build needs, on Debian; elsewhere say what to install
    Setup(setup::Args),
    /// Build the program and run its demo
    Demo(demo::Args),
    /// Check format, lints, documentation and the rules of the house
    Check,
    /// Write the documentation that is made of sources: docs/verdicts.md
    Docs,
    /// Run all tests, those on the real kernel included
    Test(test::Args),
    /// Run the demo's scenarios and random stops on Debian's kernels from 5.10 on, in QEMU
    Vm(vm::Args),
    /// Measure what the probes cost in the kernel
    Bench,
    /// Cut the BTF of a kernel down to a sample for the tests
    BtfSample(btf_sample::Args),
    /// Make the image that container tests and the demo start
    TestImage(docker_image::Args),
    /// Check what is in deploy/: manifests, rules, dashboard, unit
    Manifests(deploy::manifests::Args),
    /// Make the container image of the program, with the local Docker
    Image(deploy::image::Args),
    /// Make the Debian package
    Deb(deploy::deb::Args),
}

fn main() -> ExitCode {
    let chore = Cli::parse().chore;
    let done = interrupt::listen().and_then(|()| match chore {
        Chore::Setup(args) => setup::run(&args),
        Chore::Demo(args) => demo::run(&args),
        Chore::Check => check::run(),
        Chore::Docs => docs::run(),
        Chore::Test(args) => test::run(&args),
        Chore::Vm(args) => vm::run(&args),
        Chore::Bench => bench::run(),
        Chore::BtfSample(args) => btf_sample::run(&args),
        Chore::TestImage(args) => docker_image::run(&args),
        Chore::Manifests(args) => deploy::manifests::run(&args),
        Chore::Image(args) => deploy::image::run(&args),
        Chore::Deb(args) => deploy::deb::run(&args),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is::<run::Told>() {
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
