//! Which toolchain can compile the kernel side.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Forces one toolchain when set to `rustup` or `distro`.
pub const TOOLCHAIN_VAR: &str = "RINIT_TRACE_EBPF_TOOLCHAIN";

/// Where a distribution puts its compiler. Not looked up on PATH: there `rustc` is usually rustup's.
const DISTRO_BIN: &str = "/usr/bin";
/// Oldest compiler that takes the workspace (`rust-version` in the root Cargo.toml). Debian 12 first had 1.85.
const OLDEST_MINOR: u32 = 95;

/// A compiler with the sources of `core`, and the linker for its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toolchain {
    /// A nightly of rustup with the component `rust-src`.
    Rustup {
        /// What `rustc --print sysroot` says.
        sysroot: PathBuf,
        /// The linker for BPF.
        bpf_linker: PathBuf,
    },
    /// The distribution's compiler in `/usr/bin`, told by `RUSTC_BOOTSTRAP=1` to take unstable flags.
    Distro {
        /// Version as `rustc --version` prints it, for example `1.96.0`.
        version: String,
        /// The linker for BPF.
        bpf_linker: PathBuf,
    },
}

impl Toolchain {
    /// The linker for BPF.
    pub fn bpf_linker(&self) -> &Path {
        match self {
            Self::Rustup { bpf_linker, .. } | Self::Distro { bpf_linker, .. } => bpf_linker,
        }
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rustup { sysroot, .. } => write!(f, "rustup nightly at {}", sysroot.display())?,
            Self::Distro { version, .. } => {
                write!(f, "distribution's rustc {version} in {DISTRO_BIN}")?;
            }
        }
        write!(f, " with {}", self.bpf_linker().display())
    }
}

/// What [`find`] did not find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Why each compiler that was tried does not do. Empty when one does.
    pub compiler: Vec<String>,
    /// Whether `bpf-linker` is missing.
    pub bpf_linker: bool,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no toolchain can compile the eBPF object: ")?;
        f.write_str(&self.compiler.join(", "))?;
        if self.bpf_linker {
            let joint = if self.compiler.is_empty() {
                ""
            } else {
                ", and "
            };
            write!(
                f,
                "{joint}bpf-linker is neither on PATH nor in cargo's bin directory"
            )?;
        }
        f.write_str("; run `cargo xtask setup`, which installs or names what is missing")
    }
}

impl std::error::Error for Missing {}

/// Finds the toolchain: a rustup nightly with `rust-src`, else the distribution's compiler. Both need `bpf-linker`.
pub fn find() -> Result<Toolchain, Missing> {
    choose(
        env::var(TOOLCHAIN_VAR).ok().as_deref(),
        rustup_sysroot,
        distro_version,
        find_bpf_linker(),
    )
}

/// Finds `bpf-linker` on PATH or where `cargo install` puts it.
pub fn find_bpf_linker() -> Option<PathBuf> {
    let mut dirs: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default();
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    dirs.extend(cargo_home.map(|home| home.join("bin")));
    dirs.into_iter()
        .map(|dir| dir.join("bpf-linker"))
        .find(|path| path.is_file())
}

/// The choice alone, without the machine. A lookup answers with what it found or why it does not do.
fn choose(
    forced: Option<&str>,
    rustup: impl FnOnce() -> Result<PathBuf, String>,
    distro: impl FnOnce() -> Result<String, String>,
    linker: Option<PathBuf>,
) -> Result<Toolchain, Missing> {
    /// A compiler without its linker.
    enum Compiler {
        Rustup(PathBuf),
        Distro(String),
    }
    let found = match forced {
        None => rustup().map(Compiler::Rustup).or_else(|first| {
            distro()
                .map(Compiler::Distro)
                .map_err(|second| vec![first, second])
        }),
        Some("rustup") => rustup().map(Compiler::Rustup).map_err(|why| vec![why]),
        Some("distro") => distro().map(Compiler::Distro).map_err(|why| vec![why]),
        Some(other) => Err(vec![format!(
            "{TOOLCHAIN_VAR}={other} is neither rustup nor distro"
        )]),
    };
    match (found, linker) {
        (Ok(Compiler::Rustup(sysroot)), Some(bpf_linker)) => Ok(Toolchain::Rustup {
            sysroot,
            bpf_linker,
        }),
        (Ok(Compiler::Distro(version)), Some(bpf_linker)) => Ok(Toolchain::Distro {
            version,
            bpf_linker,
        }),
        (found, linker) => Err(Missing {
            compiler: found.err().unwrap_or_default(),
            bpf_linker: linker.is_none(),
        }),
    }
}

/// The sysroot of rustup's nightly when it has the sources of `core`.
fn rustup_sysroot() -> Result<PathBuf, String> {
    let mut rustc = Command::new("rustup");
    rustc.args(["run", "nightly", "rustc", "--print", "sysroot"]);
    let sysroot = output(&mut rustc).ok_or("rustup has no nightly")?;
    let sysroot = PathBuf::from(sysroot);
    if sysroot.join("lib/rustlib/src/rust/library/core").is_dir() {
        Ok(sysroot)
    } else {
        Err("rustup's nightly has no rust-src".to_owned())
    }
}

/// The version of the distribution's compiler when it has the sources of `core` and its cargo.
fn distro_version() -> Result<String, String> {
    let bin = Path::new(DISTRO_BIN);
    for program in ["rustc", "cargo"] {
        if !bin.join(program).is_file() {
            return Err(format!("no {DISTRO_BIN}/{program} (Debian: {program}-web)"));
        }
    }
    // Some distributions put rustup's proxies in /usr/bin: their sysroot is elsewhere.
    let mut rustc = Command::new(bin.join("rustc"));
    rustc.args(["--print", "sysroot"]);
    if output(&mut rustc).as_deref() != Some("/usr") {
        return Err(format!(
            "{DISTRO_BIN}/rustc is not the distribution's own compiler"
        ));
    }
    if !Path::new("/usr/lib/rustlib/src/rust/library/core/src/lib.rs").is_file() {
        return Err(format!(
            "{DISTRO_BIN}/rustc has no sources of core (Debian: rust-web-src)"
        ));
    }
    let answer = output(Command::new(bin.join("rustc")).arg("--version"))
        .ok_or_else(|| format!("{DISTRO_BIN}/rustc does not say its version"))?;
    let version = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    match parse_minor(&version) {
        Some(minor) if minor >= OLDEST_MINOR => Ok(version),
        _ => Err(format!(
            "{DISTRO_BIN}/rustc is {version}, older than 1.{OLDEST_MINOR}"
        )),
    }
}

/// The second number of a version `1.N.P`.
fn parse_minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

/// What a command prints on stdout, when it succeeds. Asked without the settings of an outer cargo or rustup, which
/// would answer for another toolchain.
fn output(command: &mut Command) -> Option<String> {
    crate::cargo::clean_environment(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(why: &str) -> Result<PathBuf, String> {
        Err(why.to_owned())
    }

    fn linker() -> PathBuf {
        PathBuf::from("/x/bpf-linker")
    }

    #[test]
    fn rustup_nightly_is_taken_first() {
        let chosen = choose(
            None,
            || Ok(PathBuf::from("/s")),
            || Ok("1.96.0".to_owned()),
            Some(linker()),
        );
        assert!(matches!(chosen, Ok(Toolchain::Rustup { .. })));
    }

    #[test]
    fn distro_is_taken_without_a_nightly() {
        let chosen = choose(
            None,
            || no("rustup has no nightly"),
            || Ok("1.96.0".to_owned()),
            Some(linker()),
        )
        .unwrap();
        assert_eq!(
            chosen.to_string(),
            "distribution's rustc 1.96.0 in /usr/bin with /x/bpf-linker"
        );
    }

    #[test]
    fn forced_toolchain_does_not_fall_back() {
        let chosen = choose(
            Some("rustup"),
            || no("no nightly"),
            || Ok("1.96.0".to_owned()),
            Some(linker()),
        );
        assert_eq!(
            chosen,
            Err(Missing {
                compiler: vec!["no nightly".to_owned()],
                bpf_linker: false
            })
        );
        let chosen = choose(
            Some("distro"),
            || Ok(PathBuf::from("/s")),
            || Ok("1.96.0".to_owned()),
            Some(linker()),
        );
        assert!(matches!(chosen, Ok(Toolchain::Distro { .. })));
    }

    #[test]
    fn unknown_toolchain_is_refused() {
        let missing = choose(
            Some("gcc"),
            || no("a"),
            || Err("b".to_owned()),
            Some(linker()),
        )
        .unwrap_err();
        assert_eq!(
            missing.compiler,
            ["RINIT_TRACE_EBPF_TOOLCHAIN=gcc is neither rustup nor distro"]
        );
    }

    #[test]
    fn missing_says_everything_in_one_line() {
        let missing = choose(
            None,
            || no("no nightly"),
            || Err("no rustc".to_owned()),
            None,
        )
        .unwrap_err();
        assert_eq!(
            missing.to_string(),
            "no toolchain can compile the eBPF object: no nightly, no rustc, and bpf-linker is neither on PATH nor in \
             cargo's bin directory; run `cargo xtask setup`, which installs or names what is missing"
        );
        let missing = choose(
            None,
            || Ok(PathBuf::from("/s")),
            || Err("no rustc".to_owned()),
            None,
        )
        .unwrap_err();
        assert!(
            missing
                .to_string()
                .starts_with("no toolchain can compile the eBPF object: bpf-linker is neither")
        );
    }

    #[test]
    fn versions_are_compared_by_their_minor_number() {
        assert_eq!(parse_minor("1.96.0"), Some(96));
        assert_eq!(parse_minor("1.85.0-nightly"), Some(85));
        assert_eq!(parse_minor("nonsense"), None);
    }
}
