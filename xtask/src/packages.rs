//! What is installed, as data: Debian's packages with the reason for each, and `bpf-linker`.

/// Version of `bpf-linker`: one that is known to read what the compiler in [`BUILD`] writes.
pub(crate) const BPF_LINKER_VERSION: &str = "0.13.0";
/// Where `llvm-22-dev` puts LLVM.
pub(crate) const LLVM_PREFIX: &str = "/usr/lib/llvm-22";
/// How the build of `bpf-linker` is told so.
pub(crate) const LLVM_PREFIX_VAR: &str = "LLVM_SYS_221_PREFIX";
/// The feature of `bpf-linker` for it.
pub(crate) const LLVM_FEATURE: &str = "llvm-22";

/// A package of Debian.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: &'static str,
    /// A program that makes the package needless wherever it comes from (Docker's own packages, say); empty when
    /// only the package will do.
    pub(crate) program: &'static str,
    /// Why it is needed.
    pub(crate) why: &'static str,
}

const fn package(name: &'static str, program: &'static str, why: &'static str) -> Package {
    Package { name, program, why }
}

/// The compiler of the kernel side. A C compiler for linking is not listed: without it no cargo would run this.
pub(crate) const BUILD: &[Package] = &[
    package(
        "rustc-web",
        "",
        "compiles the kernel side; newer than Debian's rustc",
    ),
    package("cargo-web", "", "runs that compiler with -Zbuild-std"),
    package(
        "rust-web-src",
        "",
        "sources of core, which has no binary for BPF",
    ),
];

/// What `cargo install bpf-linker` needs.
pub(crate) const LINKER: &[Package] = &[
    package(
        "llvm-22-dev",
        "",
        "the LLVM of that compiler, which bpf-linker is built on",
    ),
    package(
        "libpolly-22-dev",
        "",
        "a library that llvm-config names but llvm-22-dev does not bring",
    ),
];

/// What `cargo xtask check` uses more than the build.
pub(crate) const CHECK: &[Package] = &[package("rust-web-clippy", "", "lints of the kernel side")];

/// A Docker engine.
pub(crate) const DOCKER: &[Package] = &[
    package(
        "docker.io",
        "dockerd",
        "the engine whose containers are traced",
    ),
    package(
        "containerd",
        "containerd",
        "the engine's, and itself a runtime that is traced",
    ),
    package("runc", "runc", "starts and stops the containers"),
    package(
        "iptables",
        "iptables",
        "the engine does not start without it",
    ),
    package(
        "busybox-static",
        "",
        "the test image is made of it: nothing is pulled",
    ),
];

/// What the end-to-end tests start.
pub(crate) const TESTS: &[Package] = &[
    package(
        "tini",
        "tini",
        "an init that forwards signals to its child, or with -g to its group",
    ),
    package(
        "dumb-init",
        "dumb-init",
        "an init that signals the whole session",
    ),
    package("catatonit", "catatonit", "the init of podman"),
    package(
        "s6",
        "s6-svscan",
        "a supervisor that SIGKILLs services which do not end",
    ),
    package(
        "runit",
        "runsvdir",
        "a supervisor that leaves its services behind",
    ),
    package("iproute2", "ip", "network namespaces without Docker"),
    package(
        "containernetworking-plugins",
        "",
        "the network of pods, which run in a containerd of the tests",
    ),
    package(
        "podman",
        "podman",
        "containers whose inits are children of conmon; it stores them in a folder of the tests",
    ),
    package("bash", "bash", "the shell that is PID 1 in most images"),
    package(
        "python3",
        "python3",
        "workloads with signal handlers of their own",
    ),
    package("util-linux", "unshare", "pid namespaces without Docker"),
];

/// What boots other kernels, and what their guests have more than the tests here.
pub(crate) const GUESTS: &[Package] = &[
    package(
        "qemu-system-x86",
        "qemu-system-x86_64",
        "emulates the machines of other kernels",
    ),
    package("strace", "strace", "traces a PID 1 in a scenario"),
    package("binutils", "strip", "makes test programs small"),
    package(
        "crun",
        "crun",
        "another runtime of pods, which runs where there is cgroup v2 alone",
    ),
    package("xz-utils", "xz", "unpacks modules of kernels"),
];

/// What the checks of `deploy/` and its packages use. Two more tools are unpacked below `target/`, see `deploy/tools.rs`.
pub(crate) const DEPLOY: &[Package] = &[
    package(
        "python3-venv",
        "",
        "a Python of its own for kubernetes-validate, which has the schemas of Kubernetes",
    ),
    package(
        "systemd",
        "systemd-analyze",
        "checks the unit; nothing of it is started",
    ),
    package("procps", "kill", "the unit names it"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_listed_once_and_with_its_reason() {
        let all: Vec<Package> = [BUILD, LINKER, CHECK, DOCKER, TESTS, GUESTS, DEPLOY].concat();
        for (at, package) in all.iter().enumerate() {
            assert!(!package.why.is_empty(), "{}", package.name);
            assert!(
                all[..at].iter().all(|other| other.name != package.name),
                "{}",
                package.name
            );
        }
    }

    #[test]
    fn llvm_has_one_version() {
        let version = LLVM_PREFIX.trim_start_matches("/usr/lib/");
        assert_eq!(version, LLVM_FEATURE);
        assert!(
            LINKER
                .iter()
                .any(|package| package.name == format!("{version}-dev"))
        );
    }
}
