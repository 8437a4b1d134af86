//! Builds the eBPF objects from source and puts them where `kernel/objects.rs` includes them.

use std::{env, path::PathBuf};

use anyhow::Context as _;
use ebpf_build::Reads;

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
    for (reads, name) in [
        (Reads::Direct, "direct-loads.o"),
        (Reads::Probe, "probe-reads.o"),
    ] {
        // A folder of its own: the outer cargo holds the lock of the shared one.
        let object = ebpf_build::build(&toolchain, reads, workspace, &out.join("ebpf"))?;
        std::fs::copy(&object, out.join(name))
            .with_context(|| format!("copy {}", object.display()))?;
    }
    Ok(())
}
