//! Builds the workload of the tests as a static program: it runs in containers that hold no libraries.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a build script fails by panics"
)]

use std::{env, path::PathBuf, process::Command};

const SOURCES: &str = "workloads";

fn main() {
    println!("cargo::rerun-if-changed={SOURCES}");
    let program = PathBuf::from(variable("OUT_DIR")).join("workload");
    let mut rustc = Command::new(variable("RUSTC"));
    rustc
        .args([
            "--edition",
            "2024",
            "-O",
            "-C",
            "target-feature=+crt-static",
            "-C",
            "strip=symbols",
        ])
        .args(["--target", &variable("TARGET")])
        .arg("-o")
        .arg(&program)
        .arg(PathBuf::from(SOURCES).join("workload.rs"));
    let status = rustc.status().expect("cargo names a rustc that runs");
    assert!(
        status.success(),
        "cannot build the tests' workload: rustc ended with {status}; is a static libc installed?"
    );
    println!("cargo::rustc-env=WORKLOAD_PROGRAM={}", program.display());
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("cargo sets {name}: {error}"))
}
