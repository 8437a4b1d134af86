//! The program as it is packaged: one static file, which runs in an empty image and on every distribution.

use std::env;
use std::path::PathBuf;

use anyhow::Result;

use crate::{run, setup, workspace};

/// The profile in the workspace's Cargo.toml.
pub(super) const PROFILE: &str = "dist";

/// The target that is built for: this machine's. Named, or flags would reach build scripts and macros too.
pub(super) fn target() -> String {
    format!("{}-unknown-linux-gnu", env::consts::ARCH)
}

/// A folder of its own: other flags would build everything else anew.
pub(super) fn target_dir() -> PathBuf {
    workspace::scratch_dir().join("dist")
}

/// Builds the program, and says where it is.
pub(crate) fn build() -> Result<PathBuf> {
    setup::for_build()?;
    let target = target();
    let mut cargo = workspace::cargo();
    cargo
        .args(["build", "--locked", "--package", "rinit-trace"])
        .args(["--profile", PROFILE, "--target", &target])
        .arg("--target-dir")
        .arg(target_dir())
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    run::succeed(&mut cargo)?;
    Ok(target_dir().join(target).join(PROFILE).join("rinit-trace"))
}
