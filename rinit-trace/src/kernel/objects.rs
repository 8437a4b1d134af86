//! The eBPF objects, the ways to load them, and what kernels before 5.11 ask for it.

use std::io;

use aya::include_bytes_aligned;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::attach::Mechanism;

/// An object with what it may use.
pub(super) struct Way {
    /// For people.
    pub(super) name: &'static str,
    /// Aligned for the ELF reader.
    pub(super) object: &'static [u8],
    /// How its programs are attached to tracepoints.
    pub(super) tracepoints: Mechanism,
    /// Whether it may call `bpf_probe_read_kernel`.
    pub(super) probe_read: bool,
}

static DIRECT_LOADS: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/direct-loads.o"));
static PROBE_READS: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/probe-reads.o"));

/// In the order in which they are tried. Probe reads are refused under lockdown=confidentiality, in
/// ways that differ by kernel: a trial load decides.
pub(super) static WAYS: [Way; 3] = [
    Way {
        name: "btf-tracepoint",
        object: DIRECT_LOADS,
        tracepoints: Mechanism::BtfTracepoint,
        probe_read: true,
    },
    Way {
        name: "btf-tracepoint without probe reads",
        object: DIRECT_LOADS,
        tracepoints: Mechanism::BtfTracepoint,
        probe_read: false,
    },
    Way {
        name: "raw-tracepoint",
        object: PROBE_READS,
        tracepoints: Mechanism::RawTracepoint,
        probe_read: true,
    },
];

/// Kernels before 5.11 count maps against `RLIMIT_MEMLOCK`, which is some KiB by default; later ones
/// against the memory cgroup.
pub(super) fn lift_memlock() -> io::Result<()> {
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    setrlimit(Resource::Memlock, unlimited).map_err(Into::into)
}

/// A reason why maps were refused, with that limit where it may be the cause.
pub(super) fn with_memlock(reason: String, lifted: &io::Result<()>) -> String {
    match lifted {
        Err(error) if reason.contains("not permitted") => format!(
            "{reason}; before 5.11 they count against RLIMIT_MEMLOCK, which could not be raised ({error}): raise it (`ulimit -l unlimited`), or add CAP_SYS_RESOURCE"
        ),
        _ => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_named_where_it_may_be_the_cause() {
        let refused = "map_create: Operation not permitted (os error 1)";
        let error = || Err(io::Error::from_raw_os_error(1));
        assert_eq!(with_memlock(refused.to_owned(), &Ok(())), refused);
        let text = with_memlock(refused.to_owned(), &error());
        assert!(text.contains("RLIMIT_MEMLOCK"), "{text}");
        let other = "map_create: Invalid argument (os error 22)";
        assert_eq!(with_memlock(other.to_owned(), &error()), other);
    }

    #[test]
    fn direct_loads_come_first_and_the_objects_differ() {
        assert_eq!(WAYS[0].tracepoints, Mechanism::BtfTracepoint);
        assert_eq!(WAYS[2].tracepoints, Mechanism::RawTracepoint);
        assert_ne!(DIRECT_LOADS, PROBE_READS);
    }
}
