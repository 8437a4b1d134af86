//! The inner cargo: its arguments, its environment, its errors.

use std::env;
use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::Toolchain;

const PACKAGE: &str = "rinit-trace-ebpf";
const TARGET: &str = "bpfel-unknown-none";
/// Profile in the root Cargo.toml: no unwinding, one codegen unit, debug info for BTF.
const PROFILE: &str = "bpf";

/// Settings of cargo that the inner cargo keeps: where it fetches from and how, and the outer one's job server.
const KEPT: [&str; 8] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_MAKEFLAGS",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
];

/// Why the object was not built or checked.
#[derive(Debug)]
pub enum BuildError {
    /// The compiler could not be started.
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The inner cargo failed; what it said is on stderr.
    Failed {
        /// What was asked of it.
        action: &'static str,
        /// How it ended.
        status: ExitStatus,
    },
    /// The inner cargo succeeded, but its object is not where it should be.
    NoObject(PathBuf),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { program, source } => {
                write!(
                    f,
                    "cannot start {}: {source}; run `cargo xtask setup`",
                    program.display()
                )
            }
            Self::Failed { action, status } => {
                write!(
                    f,
                    "cargo {action} of {PACKAGE} failed ({status}); its own errors are above"
                )
            }
            Self::NoObject(path) => {
                write!(
                    f,
                    "no eBPF object at {} after the build; has {PACKAGE} a program of its name?",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start { source, .. } => Some(source),
            Self::Failed { .. } | Self::NoObject(_) => None,
        }
    }
}

/// What [`clippy`] could run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lint {
    /// Clippy.
    Clippy,
    /// The compiler's own warnings only: the toolchain has no clippy.
    CompilerOnly,
}

/// How an object reads the kernel; there is one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// By typed direct loads.
    Direct,
    /// By `bpf_probe_read_kernel`.
    Probe,
}

impl Reads {
    /// All objects.
    pub const ALL: [Self; 2] = [Self::Direct, Self::Probe];

    /// The feature of the package that makes it so.
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Direct => &[],
            Self::Probe => &["--features", "probe-reads"],
        }
    }
}

/// Builds an object and says where it is, until the next one is built. `workspace` is the folder of the root Cargo.toml;
/// `target_dir` must not be the one of a cargo that is waiting for this call, which holds its lock.
pub fn build(
    toolchain: &Toolchain,
    reads: Reads,
    workspace: &Path,
    target_dir: &Path,
) -> Result<PathBuf, BuildError> {
    let mut cargo = command(toolchain, Tool::Cargo, "build", workspace, target_dir);
    cargo.args(reads.arguments());
    cargo.env("CARGO_ENCODED_RUSTFLAGS", encoded_rustflags(toolchain, &[]));
    run(cargo, "build")?;
    let object = target_dir.join(TARGET).join(PROFILE).join(PACKAGE);
    if object.is_file() {
        Ok(object)
    } else {
        Err(BuildError::NoObject(object))
    }
}

/// Checks the kernel side with clippy, warnings being errors. The clippy must be of the same toolchain, as it reads
/// the `core` which that one built; where there is none (Debian: `rust-web-clippy`), the compiler's warnings are
/// checked alone, and the answer says so.
pub fn clippy(
    toolchain: &Toolchain,
    reads: Reads,
    workspace: &Path,
    target_dir: &Path,
) -> Result<Lint, BuildError> {
    let driver = match toolchain {
        Toolchain::Rustup { sysroot, .. } => sysroot.join("bin/cargo-clippy"),
        Toolchain::Distro { .. } => PathBuf::from("/usr/bin/cargo-clippy"),
    };
    if driver.is_file() {
        let mut cargo = command(toolchain, Tool::Clippy, "clippy", workspace, target_dir);
        cargo.env("CARGO_ENCODED_RUSTFLAGS", encoded_rustflags(toolchain, &[]));
        cargo.args(reads.arguments());
        cargo.args(["--no-deps", "--", "-Dwarnings"]);
        run(cargo, "clippy").map(|()| Lint::Clippy)
    } else {
        let mut cargo = command(toolchain, Tool::Cargo, "check", workspace, target_dir);
        cargo.env(
            "CARGO_ENCODED_RUSTFLAGS",
            encoded_rustflags(toolchain, &["-Dwarnings"]),
        );
        cargo.args(reads.arguments());
        run(cargo, "check").map(|()| Lint::CompilerOnly)
    }
}

#[derive(Clone, Copy)]
enum Tool {
    Cargo,
    Clippy,
}

/// The command up to the arguments that all actions share.
fn command(
    toolchain: &Toolchain,
    tool: Tool,
    action: &str,
    workspace: &Path,
    target_dir: &Path,
) -> Command {
    let mut command = match toolchain {
        Toolchain::Rustup { .. } => {
            let mut rustup = Command::new("rustup");
            rustup.args(["run", "nightly", "cargo"]);
            rustup
        }
        // Not `cargo clippy`: cargo would look in its own bin directory first and find rustup's.
        Toolchain::Distro { .. } => Command::new(match tool {
            Tool::Cargo => "/usr/bin/cargo",
            Tool::Clippy => "/usr/bin/cargo-clippy",
        }),
    };
    clean_environment(&mut command);
    if let Toolchain::Distro { .. } = toolchain {
        command.envs([
            ("CARGO", "/usr/bin/cargo"),
            ("RUSTC", "/usr/bin/rustc"),
            ("RUSTDOC", "/usr/bin/rustdoc"),
            ("RUSTC_BOOTSTRAP", "1"),
        ]);
        // An outer cargo or rustup lists its own toolchain's libraries here.
        command.env_remove("LD_LIBRARY_PATH");
    }
    command
        .args([
            action,
            "--package",
            PACKAGE,
            "--profile",
            PROFILE,
            "--target",
            TARGET,
            "-Zbuild-std=core",
        ])
        .arg("--target-dir")
        .arg(target_dir)
        .current_dir(workspace);
    command
}

/// Removes what an outer cargo, rustup or build script sets and what would change the result.
pub(crate) fn clean_environment(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_outer) {
            command.env_remove(&name);
        }
    }
}

fn is_outer(name: &str) -> bool {
    let cargo = name == "CARGO" || name.starts_with("CARGO_");
    let rust = ["RUSTC", "RUSTDOC", "RUSTFLAGS"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    let rustup = ["RUSTUP_TOOLCHAIN", "RUST_RECURSION_COUNT"].contains(&name);
    (cargo && !KEPT.iter().any(|kept| name.starts_with(kept))) || rust || rustup
}

/// The flags in the encoding that allows spaces in the linker's path.
fn encoded_rustflags(toolchain: &Toolchain, more: &[&str]) -> String {
    let linker = format!("-Clinker={}", toolchain.bpf_linker().display());
    let mut flags = vec![linker.as_str(), "-Clink-arg=--btf", "-Cdebuginfo=2"];
    flags.extend(more);
    flags.join("\u{1f}")
}

/// Runs with stdout on stderr: in a build script, stdout is for the outer cargo.
fn run(mut command: Command, action: &'static str) -> Result<(), BuildError> {
    let program = PathBuf::from(command.get_program());
    let start = |source| BuildError::Start {
        program: program.clone(),
        source,
    };
    let stderr = io::stderr().as_fd().try_clone_to_owned().map_err(start)?;
    let status = command
        .stdin(Stdio::null())
        .stdout(stderr)
        .status()
        .map_err(start)?;
    if status.success() {
        Ok(())
    } else {
        Err(BuildError::Failed { action, status })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_outer_cargo_do_not_leak() {
        for name in [
            "CARGO",
            "RUSTC",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTDOC",
            "RUSTFLAGS",
        ] {
            assert!(is_outer(name), "{name}");
        }
        for name in [
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(is_outer(name), "{name}");
        }
    }

    #[test]
    fn settings_of_the_user_are_kept() {
        for name in [
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_HTTP_PROXY",
            "CARGO_MAKEFLAGS",
            "MAKEFLAGS",
            "RUST_LOG",
        ] {
            assert!(!is_outer(name), "{name}");
        }
        assert!(!is_outer("RUSTUP_HOME"));
    }

    #[test]
    fn flags_allow_spaces_in_the_path() {
        let toolchain = Toolchain::Distro {
            version: "1.96.0".to_owned(),
            bpf_linker: PathBuf::from("/a b/bpf-linker"),
        };
        let flags = encoded_rustflags(&toolchain, &["-Dwarnings"]);
        let flags: Vec<&str> = flags.split('\u{1f}').collect();
        assert_eq!(
            flags,
            [
                "-Clinker=/a b/bpf-linker",
                "-Clink-arg=--btf",
                "-Cdebuginfo=2",
                "-Dwarnings"
            ]
        );
    }

    #[test]
    fn the_distribution_is_run_by_its_own_paths() {
        let toolchain = Toolchain::Distro {
            version: "1.96.0".to_owned(),
            bpf_linker: PathBuf::from("/bpf-linker"),
        };
        let cargo = command(
            &toolchain,
            Tool::Cargo,
            "build",
            Path::new("/w"),
            Path::new("/t"),
        );
        assert_eq!(cargo.get_program(), "/usr/bin/cargo");
        assert!(
            cargo
                .get_envs()
                .any(|(name, value)| name == "RUSTC_BOOTSTRAP" && value == Some("1".as_ref()))
        );
    }
}
