//! Builds the workloads of the tests as static programs: they run in containers that hold no libraries.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a build script fails by panics"
)]

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

const SOURCES: &str = "workloads";

/// Each with the variable that tells the tests where it is.
const PROGRAMS: [(&str, &str, &str); 2] = [
    ("workload", "workload.rs", "WORKLOAD_PROGRAM"),
    ("tree", "tree/main.rs", "TREE_PROGRAM"),
];

fn main() {
    println!("cargo::rerun-if-changed={SOURCES}");
    for (name, source, told_as) in PROGRAMS {
        let program = PathBuf::from(variable("OUT_DIR")).join(name);
        build(source, &program);
        println!("cargo::rustc-env={told_as}={}", program.display());
    }
}

fn build(source: &str, program: &Path) {
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
        .arg(program)
        .arg(PathBuf::from(SOURCES).join(source));
    let status = rustc.status().expect("cargo names a rustc that runs");
    assert!(
        status.success(),
        "cannot build {source} of the tests: rustc ended with {status}; is a static libc installed?"
    );
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("cargo sets {name}: {error}"))
}
