//! What a guest with containerd has more than the others: the runtimes, the network of pods, the modules of its kernel for
//! both, and the test program that runs pods.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::archive::Archive;
use super::guest;
use super::kernels::Kernel;
use crate::run;

/// Comes before the init.
const SWITCH: &str = include_str!("switch.sh");
/// What runs pods, what runs containers without a daemon, and what the tests make images with.
const PROGRAMS: [&str; 9] = [
    "conmon",
    "containerd",
    "containerd-shim-runc-v2",
    "crun",
    "ctr",
    "ip",
    "podman",
    "runc",
    "tar",
];
/// podman asks it whether an image may be used.
const POLICY: &str = "/etc/containers/policy.json";
/// A script, which the tests ask for libraries, and what runs it.
const LDD: &str = "ldd";
const LDD_SHELL: &str = "/bin/bash";
/// Where Debian puts the plugins of CNI, and those that a pod's network needs.
const CNI: &str = "/usr/lib/cni";
const PLUGINS: [&str; 3] = ["bridge", "host-local", "loopback"];
/// Below the folder of a kernel's modules, in the order in which they can be loaded.
const MODULES: [&str; 5] = [
    "net/llc/llc.ko",
    "net/802/stp.ko",
    "net/bridge/bridge.ko",
    "drivers/net/veth.ko",
    "fs/overlayfs/overlay.ko",
];
/// How a module's name ends that is compressed.
const COMPRESSED: &str = ".xz";

/// What the guest does first.
pub(super) const BEFORE: &[&str] = &[
    // A module that is not there is part of the kernel, or else a test misses it.
    "for module in /modules/$(uname -r)/*; do insmod \"$module\"; done",
    "mkdir -p /dev/pts /dev/shm && mount -t devpts none /dev/pts && mount -t tmpfs none /dev/shm",
    // As a service is on a system: in a cgroup of its own.
    "mkdir -p /sys/fs/cgroup/system.slice/tests.service",
    "echo 1 >/sys/fs/cgroup/system.slice/tests.service/cgroup.procs",
    "echo +io >/sys/fs/cgroup/cgroup.subtree_control",
];

/// Adds all of it to an archive that has what any guest has. The modules are those of all these kernels.
pub(super) fn add<'a>(
    archive: &mut Archive,
    kernels: impl Iterator<Item = &'a Kernel>,
) -> Result<()> {
    archive.executable("/init", SWITCH.as_bytes().to_vec());
    archive.executable("/sbin/init", guest::INIT.as_bytes().to_vec());
    for name in PROGRAMS {
        archive.program(&guest::found(name)?)?;
    }
    archive
        .same(Path::new(POLICY))
        .context("podman is not set up; run `cargo xtask setup --tests`")?;
    archive.same(&guest::found(LDD)?)?;
    archive.link(LDD_SHELL, &guest::found("bash")?.display().to_string());
    for name in PLUGINS {
        let plugin = Path::new(CNI).join(name);
        archive
            .program(&plugin)
            .with_context(|| format!("no CNI plugin {name}; run `cargo xtask setup --tests`"))?;
    }
    archive.text("/etc/resolv.conf", "");
    for folder in ["opt", "var/lib", "var/tmp"] {
        archive.folder(folder);
    }
    for kernel in kernels {
        modules(archive, kernel)?;
    }
    Ok(())
}

/// By name they are in their order.
fn modules(archive: &mut Archive, kernel: &Kernel) -> Result<()> {
    let Some(folder) = &kernel.modules else {
        return Ok(());
    };
    for (number, module) in MODULES.iter().enumerate() {
        let Some(file) = module_file(folder, module) else {
            continue;
        };
        let file = unpacked(&file)?;
        archive.file(&format!("/modules/{}/{number}.ko", kernel.release), &file)?;
    }
    Ok(())
}

/// Where a module is; `None` when it is part of the kernel.
fn module_file(folder: &Path, module: &str) -> Option<PathBuf> {
    ["", COMPRESSED]
        .iter()
        .map(|end| folder.join(format!("{module}{end}")))
        .find(|file| file.is_file())
}

/// The file, or what is left beside it of one that is compressed.
fn unpacked(file: &Path) -> Result<PathBuf> {
    let name = file.display().to_string();
    let Some(plain) = name.strip_suffix(COMPRESSED) else {
        return Ok(file.to_owned());
    };
    run::succeed(Command::new("xz").args(["--decompress", "--keep", "--force", &name]))
        .context("cannot unpack a module; run `cargo xtask setup --tests`")?;
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_module_is_found_whether_it_is_compressed_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path();
        for file in ["net/llc/llc.ko", "net/802/stp.ko.xz"] {
            let file = folder.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        let found = MODULES.map(|module| module_file(folder, module));
        let names = ["net/llc/llc.ko", "net/802/stp.ko.xz"].map(|name| Some(folder.join(name)));
        assert_eq!(found[..2], names);
        assert_eq!(found[2..], [None, None, None]);
    }
}
