//! Builds the eBPF object from source and puts it where `kernel/object.rs` includes it.

use std::{env, path::PathBuf};

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("no manifest folder")?);
    let out = PathBuf::from(env::var_os("OUT_DIR").context("no output folder")?);
    let workspace = manifest
        .parent()
        .context("the package is not in a workspace")?;
    for path in ["rinit-trace-ebpf", "rinit-trace-common", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={}", workspace.join(path).display());
    }
    println!("cargo:rerun-if-env-changed=RINIT_TRACE_EBPF_TOOLCHAIN");

    let toolchain = ebpf_build::find()?;
    // Where the linker lay on the building machine is nobody's business.
    let used = toolchain.to_string();
    let used = used.split(" with ").next().unwrap_or_default();
    println!("cargo:rustc-env=RINIT_TRACE_EBPF_TOOLCHAIN_USED={used}");
    // A folder of its own: the outer cargo holds the lock of the shared one.
    let object = ebpf_build::build(&toolchain, workspace, &out.join("ebpf"))?;
    std::fs::copy(&object, out.join("rinit-trace-ebpf.o"))
        .with_context(|| format!("copy {}", object.display()))?;
    Ok(())
}
