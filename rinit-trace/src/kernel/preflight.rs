//! What has to be there before a program is loaded, gathered and reported together.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use aya::{maps::MapType, sys::is_map_supported};
use rustix::io::Errno;

use super::btf::Btf;

/// Where the running kernel shows its own BTF.
pub const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// Largest BTF file read; a kernel's has some 6 MiB.
const MAX_BTF: u64 = 64 << 20;

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
    /// The rights are there, and yet the system call is refused.
    #[error(
        "bpf(2) is refused although the capabilities for it are there: {source}; allow it in the seccomp profile or the security module (runtimes that do not know CAP_BPF allow it with CAP_SYS_ADMIN)"
    )]
    Refused {
        /// The error of the system call.
        source: io::Error,
    },
    /// The kernel carries no BTF.
    #[error(
        "this kernel has no BTF ({KERNEL_BTF}: {source}); give the BTF file of exactly this kernel by --btf FILE, or use a kernel built with CONFIG_DEBUG_INFO_BTF=y (all current distributions have it)"
    )]
    NoBtf {
        /// The error of the file system.
        source: io::Error,
    },
    /// A file that was named cannot be read.
    #[error("cannot read the BTF file {path}: {source}; give the BTF file of exactly this kernel")]
    NoFile {
        /// Which file.
        path: String,
        /// The error of the file system.
        source: io::Error,
    },
    /// A BTF file that is none.
    #[error("cannot use the BTF at {path}: {source}")]
    BadBtf {
        /// Which file.
        path: String,
        /// Why.
        source: super::btf::BtfError,
    },
    /// BTF of something else.
    #[error(
        "the BTF at {path} does not have the tracepoint signal_generate: it is of a kernel before 5.5, of another program, or cut down; give that of exactly this kernel by --btf FILE"
    )]
    NoTracepoints {
        /// Which file.
        path: String,
    },
    /// Before 5.8.
    #[error(
        "kernel {release} is too old: it has no BPF ring buffer; rinit-trace needs 5.8 or newer"
    )]
    NoRingBuffer {
        /// `uname -r`
        release: String,
    },
}

/// Capabilities in force, as the mask of `/proc/thread-self/status`; `None` when that cannot be read.
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

/// Checks rights and kernel, and hands out the parsed BTF: of a file, or the kernel's own.
pub fn run(file: Option<&Path>, release: &str) -> Result<Btf, Vec<Problem>> {
    let mut problems = Vec::from_iter(rights().or_else(|| ring_buffer(release)));
    match load_btf(file) {
        Ok(btf) if problems.is_empty() => return Ok(btf),
        Ok(_) => {}
        // Without a ring buffer no file would help.
        Err(Problem::NoBtf { .. } | Problem::NoTracepoints { .. })
            if matches!(problems[..], [Problem::NoRingBuffer { .. }]) => {}
        Err(problem) => problems.push(problem),
    }
    Err(problems)
}

fn rights() -> Option<Problem> {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    // Unreadable: the kernel will say no itself.
    let missing = capabilities(&status).map_or_else(Vec::new, missing_capabilities);
    (!missing.is_empty()).then(|| Problem::Privileges {
        missing: missing.join(" and "),
    })
}

/// Tried, and not told by the version: distributions backport.
fn ring_buffer(release: &str) -> Option<Problem> {
    match is_map_supported(MapType::RingBuf) {
        Ok(false) => Some(Problem::NoRingBuffer {
            release: release.to_owned(),
        }),
        Err(error) if is_refusal(&error.io_error) => Some(Problem::Refused {
            source: error.io_error,
        }),
        // What else is wrong shows when it is loaded.
        Ok(true) | Err(_) => None,
    }
}

/// Somebody said no, or has left the system call out.
fn is_refusal(error: &io::Error) -> bool {
    let refusals = [Errno::PERM, Errno::ACCESS, Errno::NOSYS];
    refusals
        .iter()
        .any(|refusal| error.raw_os_error() == Some(refusal.raw_os_error()))
}

/// Why this kernel is not read by direct loads in BTF tracepoints; `None` when it may be.
pub fn no_direct_loads(btf: &Btf, has_own_btf: bool) -> Option<&'static str> {
    if !has_own_btf {
        return Some("this kernel carries no BTF itself");
    }
    // With one element (to 5.15) the verifier refuses the number in a container's namespace.
    (btf.array_len("pid.numbers") != Some(0))
        .then_some("the verifier of this kernel refuses the numbers of a struct pid: its type has one (before 6.1, as a rule)")
}

fn load_btf(file: Option<&Path>) -> Result<Btf, Problem> {
    let data = match file {
        Some(path) => read_file(path).map_err(|source| Problem::NoFile {
            path: path.display().to_string(),
            source,
        }),
        None => fs::read(KERNEL_BTF).map_err(|source| Problem::NoBtf { source }),
    }?;
    let path = || shown(file);
    let btf = Btf::parse(data).map_err(|source| Problem::BadBtf {
        path: path(),
        source,
    })?;
    if btf.tracepoint("signal_generate").is_none() {
        return Err(Problem::NoTracepoints { path: path() });
    }
    Ok(btf)
}

/// A file that a user names: neither a pipe that nobody writes to nor a device without end.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let about = fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::other("it is no ordinary file"));
    }
    if about.len() > MAX_BTF {
        return Err(io::Error::other("it is larger than any BTF"));
    }
    let mut data = Vec::new();
    File::open(path)?.take(MAX_BTF).read_to_end(&mut data)?;
    Ok(data)
}

/// Where BTF comes from.
pub fn shown(file: Option<&Path>) -> String {
    file.map_or_else(|| KERNEL_BTF.to_owned(), |path| path.display().to_string())
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
    fn btf_is_read_from_an_ordinary_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for path in [pipe.as_path(), Path::new("/dev/zero"), folder.path()] {
            let problem = load_btf(Some(path)).err().unwrap().to_string();
            assert!(problem.contains("no ordinary file"), "{problem}");
        }
    }

    #[test]
    fn the_mask_is_read_from_status() {
        let status = "Name:\tx\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n";
        assert_eq!(capabilities(status), Some(0x1ff_ffff_ffff));
        assert_eq!(capabilities("Name:\tx\n"), None);
    }

    #[test]
    fn a_missing_file_is_named_with_what_to_do() {
        let problems = run(Some(Path::new("/nonexistent/btf")), "6.1");
        let text = problems.err().unwrap().last().unwrap().to_string();
        assert!(
            text.starts_with("cannot read the BTF file /nonexistent/btf: "),
            "{text}"
        );
        assert!(text.ends_with("of exactly this kernel"), "{text}");
    }

    #[test]
    fn direct_loads_need_the_kernels_own_btf() {
        let btf = load_btf(None).unwrap();
        assert_eq!(no_direct_loads(&btf, true), None);
        assert!(no_direct_loads(&btf, false).is_some());
    }

    #[test]
    fn what_is_no_btf_is_refused_by_name() {
        let problems = run(Some(Path::new("/proc/self/status")), "6.1");
        let text = problems.err().unwrap().last().unwrap().to_string();
        assert!(
            text.starts_with("cannot use the BTF at /proc/self/status: it is not BTF"),
            "{text}"
        );
    }
}
