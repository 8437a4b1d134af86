//! `cargo xtask check`: what a change must pass before its tests are worth running. All of it runs even when a part
//! fails; then the parts that failed are listed.

use std::process::Command;

use anyhow::{Result, bail};
use ebpf_build::{Lint, Reads, Toolchain};

use crate::deploy::manifests;
use crate::{interrupt, run, setup, tidy, workspace};

/// The kernel side compiles only for its own target, by `ebpf_build`.
const KERNEL_SIDE: &str = "rinit-trace-ebpf";

pub(crate) fn run() -> Result<()> {
    // Also for the program: its build script embeds the kernel side.
    let toolchain = setup::for_build()?;
    setup::for_check(&toolchain)?;
    let checks: [(&str, &dyn Fn() -> Result<()>); 6] = [
        ("tidy", &tidy),
        ("format", &format),
        ("clippy", &clippy),
        ("clippy of the kernel side", &|| {
            clippy_of_kernel_side(&toolchain)
        }),
        ("documentation", &documentation),
        ("manifests", &manifests::check),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        eprintln!("checking: {name}");
        if let Err(error) = check() {
            interrupt::check()?;
            failed.push(format!("{name}: {error:#}"));
        }
    }
    if !failed.is_empty() {
        for line in &failed {
            eprintln!("failed: {line}");
        }
        bail!("{} of {} checks failed", failed.len(), checks.len());
    }
    println!("{} checks passed", checks.len());
    Ok(())
}

fn tidy() -> Result<()> {
    let findings = tidy::check(&workspace::root())?;
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    Ok(())
}

fn format() -> Result<()> {
    run::succeed(workspace::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    run::succeed(all_but_kernel_side("clippy").args(["--all-targets", "--", "-Dwarnings"]))
}

fn clippy_of_kernel_side(toolchain: &Toolchain) -> Result<()> {
    let target_dir = workspace::scratch_dir().join("ebpf");
    for reads in Reads::ALL {
        match ebpf_build::clippy(toolchain, reads, &workspace::root(), &target_dir)? {
            Lint::Clippy => {}
            Lint::CompilerOnly => {
                eprintln!(
                    "no clippy for {toolchain}: only the compiler's own warnings were checked"
                );
            }
        }
    }
    Ok(())
}

fn documentation() -> Result<()> {
    run::succeed(
        all_but_kernel_side("doc")
            .arg("--no-deps")
            .env("RUSTDOCFLAGS", "-Dwarnings"),
    )
}

fn all_but_kernel_side(action: &str) -> Command {
    let mut cargo = workspace::cargo();
    cargo.args([action, "--workspace", "--exclude", KERNEL_SIDE]);
    cargo
}
