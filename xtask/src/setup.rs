//! `cargo xtask setup`: from a machine with a stable Rust to one that builds, and with `--tests` one that tests.
//!
//! What is there is left alone: a second run only looks at files and installs nothing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use ebpf_build::{Missing, Toolchain};

use crate::packages::{self, Package};
use crate::{apt, run, workspace};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Also install what the tests and the checks need: a Docker engine, inits, lints
    #[arg(long)]
    tests: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let toolchain = for_build()?;
    if args.tests {
        for_check(&toolchain)?;
        for_tests()?;
        for_guests()?;
        for_deploy()?;
        eprintln!("the tests have all they need");
    }
    Ok(())
}

/// Sees to a toolchain for the kernel side.
pub(crate) fn for_build() -> Result<Toolchain> {
    let missing = match ebpf_build::find() {
        Ok(toolchain) => {
            eprintln!("eBPF toolchain: {toolchain}");
            return Ok(toolchain);
        }
        Err(missing) => missing,
    };
    let Some(packages) = packages_for(&missing)? else {
        print_commands(&missing);
        bail!(
            "cannot install the eBPF toolchain: only Debian's (rustc-web) can be installed from here; \
             run the commands above"
        );
    };
    if !packages.is_empty() {
        apt::install(&packages)?;
    }
    if missing.bpf_linker {
        install_bpf_linker()?;
    }
    let toolchain = ebpf_build::find()?;
    eprintln!("eBPF toolchain: {toolchain}");
    Ok(toolchain)
}

/// Sees to the lints of the kernel side. Only Debian's compiler has its clippy in a package of its own.
pub(crate) fn for_check(toolchain: &Toolchain) -> Result<()> {
    match toolchain {
        Toolchain::Distro { .. } if apt::is_here() => install_missing(packages::CHECK),
        Toolchain::Distro { .. } | Toolchain::Rustup { .. } => Ok(()),
    }
}

/// Sees to a Docker engine.
pub(crate) fn for_docker() -> Result<()> {
    install_missing(packages::DOCKER)
}

/// Sees to a Docker engine and to what runs in and beside its containers.
pub(crate) fn for_tests() -> Result<()> {
    install_missing(&[packages::DOCKER, packages::TESTS].concat())
}

/// Sees to what boots other kernels, and to what runs in the guests.
pub(crate) fn for_guests() -> Result<()> {
    install_missing(&[packages::DOCKER, packages::TESTS, packages::GUESTS].concat())
}

/// Sees to what the checks of `deploy/` use.
pub(crate) fn for_deploy() -> Result<()> {
    install_missing(packages::DEPLOY)
}

fn install_missing(packages: &[Package]) -> Result<()> {
    let missing = apt::missing(packages);
    if missing.is_empty() {
        return Ok(());
    }
    if !apt::is_here() {
        let names: Vec<&str> = missing.iter().map(|p| p.name).collect();
        bail!(
            "cannot install {}: no apt-get on this system; install them by its own means",
            names.join(" ")
        );
    }
    apt::install(&missing)
}

/// The packages to install for what is missing, or none when this is not a Debian that has them.
fn packages_for(missing: &Missing) -> Result<Option<Vec<Package>>> {
    // Who forces rustup is not helped by Debian's compiler.
    let forced = env::var(ebpf_build::TOOLCHAIN_VAR);
    if !apt::is_here() || forced.is_ok_and(|forced| forced != "distro") {
        return Ok(None);
    }
    if !apt::knows("rustc-web") {
        apt::update()?;
        if !apt::knows("rustc-web") {
            return Ok(None);
        }
    }
    let mut packages = Vec::new();
    if !missing.compiler.is_empty() {
        // All of them, not only those that dpkg does not list: an installed one may be too old.
        packages.extend_from_slice(packages::BUILD);
    }
    if missing.bpf_linker {
        packages.extend(apt::missing(packages::LINKER));
    } else if !Path::new(packages::LLVM_PREFIX).exists() && !packages.is_empty() {
        eprintln!(
            "warning: bpf-linker is there, built with an unknown LLVM; it must be as new as rustc-web's"
        );
    }
    Ok(Some(packages))
}

/// The commands for a system where this chore can install nothing.
fn print_commands(missing: &Missing) {
    if !missing.compiler.is_empty() {
        println!("rustup toolchain install nightly --component rust-src");
    }
    if missing.bpf_linker {
        println!("cargo install bpf-linker");
    }
}

fn install_bpf_linker() -> Result<()> {
    let bin = Path::new(packages::LLVM_PREFIX).join("bin");
    let inherited = env::var_os("PATH").unwrap_or_default();
    let path: Vec<PathBuf> = [bin]
        .into_iter()
        .chain(env::split_paths(&inherited))
        .collect();
    let mut cargo: Command = workspace::cargo();
    cargo
        .args([
            "install",
            "bpf-linker",
            "--version",
            packages::BPF_LINKER_VERSION,
            "--locked",
        ])
        .args([
            "--no-default-features",
            "--features",
            packages::LLVM_FEATURE,
        ])
        .env(packages::LLVM_PREFIX_VAR, packages::LLVM_PREFIX)
        .env("PATH", env::join_paths(path)?);
    run::shown_and_run(&mut cargo)
}
