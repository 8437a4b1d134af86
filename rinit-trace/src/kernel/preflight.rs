//! What has to be there before a program is loaded, gathered and reported together.

use std::{fs, io, path::Path};

use super::btf::Btf;

/// Where the running kernel shows its own BTF.
pub const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

const CAP_SYS_ADMIN: u64 = 1 << 21;
const CAP_PERFMON: u64 = 1 << 38;
const CAP_BPF: u64 = 1 << 39;

/// Something that is missing. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Not enough rights.
    #[error(
        "not permitted to load eBPF programs: {missing} missing; run as root (sudo rinit-trace …), or with CAP_BPF and CAP_PERFMON"
    )]
    Privileges {
        /// Names of the capabilities.
        missing: String,
    },
    /// No BTF file.
    #[error(
        "no BTF at {path}: {source}; use a kernel built with CONFIG_DEBUG_INFO_BTF=y (all current distributions have it), 6.1 or newer"
    )]
    NoBtf {
        /// Where it was looked for.
        path: String,
        /// The error of the file system.
        source: io::Error,
    },
    /// A BTF file that cannot be read.
    #[error("cannot read the BTF at {path}: {source}")]
    BadBtf {
        /// Which file.
        path: String,
        /// Why.
        source: super::btf::BtfError,
    },
    /// Before 6.1.
    #[error("kernel {release} is too old, rinit-trace needs 6.1 or newer: it has no {what}")]
    OldKernel {
        /// `uname -r`
        release: String,
        /// What is missing.
        what: &'static str,
    },
}

/// Capabilities in force, as the mask of `/proc/self/status`; `None` when that cannot be read.
pub fn capabilities(status: &str) -> Option<u64> {
    let hex = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(hex.trim(), 16).ok()
}

/// Names of the capabilities that a mask lacks for loading and attaching; empty when it suffices.
pub fn missing_capabilities(mask: u64) -> Vec<&'static str> {
    if mask & CAP_SYS_ADMIN != 0 {
        return Vec::new();
    }
    [(CAP_BPF, "CAP_BPF"), (CAP_PERFMON, "CAP_PERFMON")]
        .into_iter()
        .filter(|(bit, _)| mask & bit == 0)
        .map(|(_, name)| name)
        .collect()
}

/// Checks rights and kernel, and hands out the parsed BTF.
pub fn run(btf_path: &Path, release: &str) -> Result<Btf, Vec<Problem>> {
    let mut problems = Vec::new();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    // Unreadable: the kernel will say no itself.
    let missing = capabilities(&status).map_or_else(Vec::new, missing_capabilities);
    if !missing.is_empty() {
        problems.push(Problem::Privileges {
            missing: missing.join(" and "),
        });
    }
    match load_btf(btf_path) {
        Ok(btf) => {
            if let Some(what) = missing_in(&btf) {
                problems.push(Problem::OldKernel {
                    release: release.to_owned(),
                    what,
                });
            }
            if problems.is_empty() {
                return Ok(btf);
            }
        }
        Err(problem) => problems.push(problem),
    }
    Err(problems)
}

/// What a kernel before 6.1 lacks, told by its BTF and not by its version: distributions backport.
fn missing_in(btf: &Btf) -> Option<&'static str> {
    if btf.tracepoint("signal_generate").is_none() {
        return Some("BTF of the tracepoint signal_generate");
    }
    // With one element (to 5.15) the verifier refuses the number in a container's namespace.
    (btf.array_len("pid.numbers") != Some(0)).then_some("flexible array of numbers in struct pid")
}

fn load_btf(path: &Path) -> Result<Btf, Problem> {
    let data = fs::read(path).map_err(|source| Problem::NoBtf {
        path: path.display().to_string(),
        source,
    })?;
    Btf::parse(data).map_err(|source| Problem::BadBtf {
        path: path.display().to_string(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_or_the_two_capabilities_suffice() {
        assert!(missing_capabilities(u64::MAX).is_empty());
        assert!(missing_capabilities(CAP_SYS_ADMIN).is_empty());
        assert!(missing_capabilities(CAP_BPF | CAP_PERFMON).is_empty());
        assert_eq!(missing_capabilities(CAP_BPF), ["CAP_PERFMON"]);
        assert_eq!(missing_capabilities(0), ["CAP_BPF", "CAP_PERFMON"]);
    }

    #[test]
    fn the_mask_is_read_from_status() {
        let status = "Name:\tx\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n";
        assert_eq!(capabilities(status), Some(0x1ff_ffff_ffff));
        assert_eq!(capabilities("Name:\tx\n"), None);
    }

    #[test]
    fn missing_btf_is_named_with_what_to_do() {
        let problems = run(Path::new("/nonexistent/btf"), "6.1").err().unwrap();
        let text = problems.last().unwrap().to_string();
        assert!(text.starts_with("no BTF at /nonexistent/btf: "), "{text}");
        assert!(text.contains("CONFIG_DEBUG_INFO_BTF=y"), "{text}");
    }
}
