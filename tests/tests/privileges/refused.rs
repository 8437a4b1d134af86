//! What is missing is said in one line, with what to do.

use rinit_trace_tests::{Kernel, Rights};

const NOT_TRACED: i32 = 3;
const COMMANDS: [&[&str]; 4] = [
    &[],
    &["daemon", "--listen", "127.0.0.1:0"],
    &["demo", "all"],
    &["system-info"],
];

/// `BPF_MAP_CREATE`
const MAP_CREATE: u32 = 0;

fn missing(capabilities: &str) -> String {
    format!(
        "error: not permitted to load eBPF programs: {capabilities} missing; run as root (sudo rinit-trace …), or with CAP_BPF and CAP_PERFMON"
    )
}

/// The last line: the daemon logs before, and `system-info` says what it can.
fn refusal(rights: &Rights, arguments: &[&str]) -> String {
    let ended = rights.run(arguments);
    assert_eq!(ended.code, Some(NOT_TRACED), "{ended:#?}");
    let errors = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "));
    assert_eq!(errors.count(), 1, "{ended:#?}");
    ended.stderr.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn missing_capabilities_are_named_whoever_asks() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let cases = [
        (Rights::of_root(&[]), "CAP_BPF and CAP_PERFMON"),
        (Rights::of_root(&["perfmon", "sys_ptrace"]), "CAP_BPF"),
        (Rights::of_root(&["bpf", "sys_ptrace"]), "CAP_PERFMON"),
        (Rights::of_nobody(&[]), "CAP_BPF and CAP_PERFMON"),
        (Rights::of_nobody(&["bpf"]), "CAP_PERFMON"),
    ];
    for (rights, names) in cases {
        for arguments in COMMANDS {
            assert_eq!(refusal(&rights, arguments), missing(names), "{arguments:?}");
        }
    }
}

#[test]
fn a_btf_file_that_is_not_there_or_is_none_is_named() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let rights = Rights::of_root(&["bpf", "perfmon"]);
    assert_eq!(
        refusal(&rights, &["--btf", "/nonexistent/btf"]),
        "error: cannot read the BTF file /nonexistent/btf: No such file or directory (os error 2); give the BTF file of exactly this kernel"
    );
    assert_eq!(
        refusal(&rights, &["--btf", "/proc/version"]),
        "error: cannot use the BTF at /proc/version: it is not BTF of this machine's byte order (wrong magic)"
    );
}

/// As a kernel before 5.8 answers: it does not know that kind of a map.
#[test]
fn a_kernel_without_a_ring_buffer_is_too_old() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let rights = Rights::of_root(&["bpf", "perfmon"]).without_bpf(Some(MAP_CREATE), libc::EINVAL);
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let release = release.trim();
    assert_eq!(
        refusal(&rights, &[]),
        format!(
            "error: kernel {release} is too old: it has no BPF ring buffer; rinit-trace needs 5.8 or newer"
        )
    );
}

/// Runtimes that do not know `CAP_BPF` allow bpf(2) with `CAP_SYS_ADMIN` alone.
#[test]
fn a_seccomp_profile_that_refuses_bpf_is_blamed() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    for (errno, why) in [
        (libc::EPERM, "Operation not permitted (os error 1)"),
        (libc::ENOSYS, "Function not implemented (os error 38)"),
    ] {
        let rights = Rights::of_root(&["bpf", "perfmon"]).without_bpf(None, errno);
        assert_eq!(
            refusal(&rights, &[]),
            format!(
                "error: bpf(2) is refused although the capabilities for it are there: {why}; allow it in the seccomp profile or the security module (runtimes that do not know CAP_BPF allow it with CAP_SYS_ADMIN)"
            )
        );
    }
}
