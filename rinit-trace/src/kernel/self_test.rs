//! The self-test at start: does the kernel side see this very process as `/proc` does?
//!
//! The program sends itself SIGURG, which nobody minds, and compares the record with `/proc`
//! before any offset is trusted: wrong or foreign BTF, a randomised structure layout or a stale
//! external file show here and not in a wrong verdict.

use std::{fs, path::Path};

use rinit_trace_common::{DISPOSITION_SIGNALS, SignalRecord, kind, signal_bit};
use rinit_trace_core::model::TICK_NS;
use serde::Serialize;
use zerocopy::FromBytes as _;

/// More threads than this do not start while the self-test runs.
const MAX_NEW_THREADS: u64 = 64;

/// `SIGNAL_GROUP_EXIT` (include/linux/sched/signal.h)
const SIGNAL_GROUP_EXIT: u32 = 4;

/// What the self-test found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SelfTest {
    /// Everything agreed.
    pub passed: bool,
    /// Names of what agreed.
    pub agreed: Vec<&'static str>,
    /// What did not, as `name: probe …, /proc …`.
    pub differed: Vec<String>,
    /// Not compared, and why.
    pub skipped: Vec<&'static str>,
}

/// What `/proc` says of this process.
#[derive(Debug, Default)]
struct Expected {
    pid: u32,
    inum: u32,
    start_ticks: u64,
    comm: Vec<u8>,
    ppid: u32,
    pgid: u32,
    sid: u32,
    blocked: u64,
    ignored: u64,
    handled: u64,
    pending: u64,
    pending_shared: u64,
    threads: u64,
    /// Names of the cgroups that it is in, and of those above, of all hierarchies.
    cgroups: Vec<String>,
}

impl Expected {
    fn read(proc_self: &Path) -> Option<Self> {
        let status = fs::read_to_string(proc_self.join("status")).ok()?;
        let stat = fs::read_to_string(proc_self.join("stat")).ok()?;
        // Fields after the command name, which may itself hold spaces and parentheses.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let line = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(str::trim)
        };
        let mask = |name: &str| u64::from_str_radix(line(name)?, 16).ok();
        let link = fs::read_link(proc_self.join("ns/pid")).ok()?;
        let inum = link.to_str()?.strip_prefix("pid:[")?.strip_suffix(']')?;
        let mut comm = fs::read(proc_self.join("comm")).ok()?;
        comm.pop();
        Some(Self {
            pid: line("Pid")?.parse().ok()?,
            inum: inum.parse().ok()?,
            start_ticks: field(22)?,
            comm,
            ppid: u32::try_from(field(4)?).ok()?,
            pgid: u32::try_from(field(5)?).ok()?,
            sid: u32::try_from(field(6)?).ok()?,
            blocked: mask("SigBlk")?,
            ignored: mask("SigIgn")?,
            handled: mask("SigCgt")?,
            pending: mask("SigPnd")?,
            pending_shared: mask("ShdPnd")?,
            threads: line("Threads")?.parse().ok()?,
            cgroups: names_of(&fs::read_to_string(proc_self.join("cgroup")).unwrap_or_default()),
        })
    }
}

/// The names in the paths of `/proc/PID/cgroup`.
fn names_of(cgroups: &str) -> Vec<String> {
    cgroups
        .lines()
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .flat_map(|path| path.split('/'))
        .filter(|name| !name.is_empty() && *name != "..")
        .map(str::to_owned)
        .collect()
}

/// Whether a record is the one that this process sent itself.
pub(super) fn is_own(bytes: &[u8]) -> Option<SignalRecord> {
    let (record, _) = SignalRecord::read_from_prefix(bytes).ok()?;
    // Another process may signal itself in this very moment: ours has our pid in our namespace.
    let own = record.header.kind == kind::SIGNAL
        && record.signal == 23
        && record.target.ns_tgid == std::process::id();
    own.then_some(record)
}

/// Compares the record with `/proc/self`.
pub(super) fn compare(record: &SignalRecord) -> SelfTest {
    let Some(expected) = Expected::read(Path::new("/proc/self")) else {
        return SelfTest {
            differed: vec!["/proc/self cannot be read: mount /proc".to_owned()],
            ..SelfTest::default()
        };
    };
    compare_with(record, &expected)
}

fn compare_with(record: &SignalRecord, expected: &Expected) -> SelfTest {
    let watched = DISPOSITION_SIGNALS
        .iter()
        .fold(0, |mask, signal| mask | signal_bit(*signal));
    let task = &record.target;
    let comm_len = task.comm.iter().position(|byte| *byte == 0).unwrap_or(16);
    let mut result = SelfTest::default();
    let mut check = |name: &'static str, probe: u64, proc: u64| {
        if probe == proc {
            result.agreed.push(name);
        } else {
            result
                .differed
                .push(format!("{name}: probe {probe}, /proc {proc}"));
        }
    };
    check("pid", task.ns_tgid.into(), expected.pid.into());
    check("pid namespace", task.ns_inum.into(), expected.inum.into());
    check("start time", task.start / TICK_NS, expected.start_ticks);
    check(
        "command name",
        u64::from(task.comm[..comm_len] == expected.comm[..]),
        1,
    );
    check("blocked signals", record.state.blocked, expected.blocked);
    check(
        "ignored signals",
        handlers(record, |handler| handler == 1),
        expected.ignored & watched,
    );
    check(
        "handled signals",
        handlers(record, |handler| handler > 1),
        expected.handled & watched,
    );
    check("process group", task.pgid.into(), expected.pgid.into());
    check("session", task.sid.into(), expected.sid.into());
    check("result", record.result.into(), 1);
    compare_life(record, expected, &mut check);
    compare_cgroup(record, expected, &mut check);
    if task.level == 0 {
        check("host pid", task.tgid.into(), expected.pid.into());
        check("parent", task.ppid.into(), expected.ppid.into());
    } else {
        result
            .skipped
            .push("host pid and parent: this process lives in a pid namespace of its own");
    }
    result.passed = result.differed.is_empty();
    result
}

/// Whether it lives, and how it is, as far as verdicts rest on that.
fn compare_life(
    record: &SignalRecord,
    expected: &Expected,
    check: &mut impl FnMut(&'static str, u64, u64),
) {
    check(
        "pending signals",
        record.state.pending_private,
        expected.pending,
    );
    check(
        "pending for all",
        record.state.pending_shared,
        expected.pending_shared,
    );
    // Others may start and end meanwhile.
    let threads = u64::from(record.state.threads);
    let has_threads = threads > 0 && threads <= expected.threads + MAX_NEW_THREADS;
    check("threads", u64::from(has_threads), 1);
    // It lives, and nothing has gone wrong with it.
    let ends = u64::from(record.state.oom)
        | u64::from(record.state.group_exit_code)
        | u64::from(record.state.exit_code)
        | u64::from(record.state.signal_flags & SIGNAL_GROUP_EXIT);
    check("signs of an end", ends, 0);
}

/// Which cgroup it is in, where names of cgroups can be read.
fn compare_cgroup(
    record: &SignalRecord,
    expected: &Expected,
    check: &mut impl FnMut(&'static str, u64, u64),
) {
    let end = record.leaf.iter().position(|byte| *byte == 0);
    let leaf = &record.leaf[..end.unwrap_or(record.leaf.len())];
    // No name is that of a root, or of a kernel that lets none be read.
    if !leaf.is_empty() && !expected.cgroups.is_empty() {
        let is_known = expected.cgroups.iter().any(|name| name.as_bytes() == leaf);
        check("cgroup", u64::from(is_known), 1);
    }
}

/// Mask of the watched signals whose handler is of a kind.
fn handlers(record: &SignalRecord, is_kind: impl Fn(u64) -> bool) -> u64 {
    DISPOSITION_SIGNALS
        .iter()
        .zip(&record.state.handlers)
        .filter(|(_, handler)| is_kind(**handler))
        .fold(0, |mask, (signal, _)| mask | signal_bit(*signal))
}

/// inum of the first pid namespace (`PROC_PID_INIT_INO`, `include/linux/proc_ns.h`).
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Whether this process is in a pid namespace below the host's: then nothing in `/proc` has the pids
/// that the kernel side sees.
pub fn has_pids_of_its_own() -> bool {
    std::fs::read_link("/proc/self/ns/pid")
        .is_ok_and(|link| link.as_os_str() != FIRST_PID_NAMESPACE)
}

/// What the self-test found, with what is known to make it fail and what to do about that.
pub(super) fn explained(found: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    explained_by(found, has_pids_of_its_own(), tracer_in(&status))
}

fn explained_by(found: &str, has_pids_of_its_own: bool, tracer: Option<u32>) -> String {
    let pids = has_pids_of_its_own.then(|| {
        "this process is in a pid namespace of its own: run it with the host's pids (`docker run --pid=host`, `hostPID: true`)".to_owned()
    });
    let traced = tracer.map(|pid| {
        format!("process {pid} traces this one, and the kernel treats signals to it differently: run it without strace or a debugger, or attach them once it traces")
    });
    let reasons = [Some(found.to_owned()), pids, traced];
    let reasons: Vec<String> = reasons.into_iter().flatten().collect();
    reasons.join("; ")
}

/// Who traces a process by ptrace, from the text of its `/proc/PID/status`; `None` when nobody does. Of another pid
/// namespace it is 0.
fn tracer_in(status: &str) -> Option<u32> {
    let mut lines = status.lines();
    let pid = lines.find_map(|line| line.strip_prefix("TracerPid:"))?;
    pid.trim().parse().ok().filter(|pid| *pid != 0)
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros as _;

    use super::*;

    fn agreeing() -> (SignalRecord, Expected) {
        let mut record = SignalRecord::new_zeroed();
        record.result = 1;
        record.target.ns_tgid = 42;
        record.target.tgid = 42;
        record.target.start = 1_234_567_890;
        record.target.comm[..3].copy_from_slice(b"abc");
        record.state.threads = 2;
        let expected = Expected {
            threads: 1,
            pid: 42,
            start_ticks: 123,
            comm: b"abc".to_vec(),
            ..Expected::default()
        };
        (record, expected)
    }

    #[test]
    fn agreement_passes() {
        let (record, expected) = agreeing();
        let result = compare_with(&record, &expected);
        assert!(result.passed, "{result:?}");
        assert!(result.agreed.contains(&"host pid"));
    }

    #[test]
    fn every_wrong_field_is_named() {
        let (mut record, expected) = agreeing();
        record.target.start += 20_000_000;
        record.state.blocked = 1;
        let result = compare_with(&record, &expected);
        assert!(!result.passed);
        assert_eq!(
            result.differed,
            [
                "start time: probe 125, /proc 123",
                "blocked signals: probe 1, /proc 0"
            ]
        );
    }

    #[test]
    fn the_cgroup_is_one_that_it_is_in() {
        let (mut record, mut expected) = agreeing();
        expected.cgroups = names_of("12:pids:/user.slice/a:b\n0::/\n");
        assert_eq!(expected.cgroups, ["user.slice", "a:b"]);
        assert!(!compare_with(&record, &expected).agreed.contains(&"cgroup"));
        record.leaf[..3].copy_from_slice(b"a:b");
        assert!(compare_with(&record, &expected).agreed.contains(&"cgroup"));
        record.leaf[0] = b'x';
        assert_eq!(
            compare_with(&record, &expected).differed,
            ["cgroup: probe 0, /proc 1"]
        );
    }

    #[test]
    fn in_a_namespace_of_its_own_the_host_pid_is_not_compared() {
        let (mut record, expected) = agreeing();
        record.target.level = 1;
        record.target.tgid = 9000;
        let result = compare_with(&record, &expected);
        assert!(result.passed);
        assert_eq!(result.skipped.len(), 1);
    }

    #[test]
    fn a_tracer_is_named_as_what_makes_it_fail() {
        assert_eq!(tracer_in("Name:\tx\nTracerPid:\t0\nUid:\t0\n"), None);
        assert_eq!(tracer_in("Name:\tx\n"), None);
        let tracer = tracer_in("Name:\tx\nTracerPid:\t4711\nUid:\t0\n");
        assert_eq!(tracer, Some(4711));
        let text = explained_by("result: probe 0, /proc 1", false, tracer);
        let expected = "result: probe 0, /proc 1; process 4711 traces this one, ";
        assert!(text.starts_with(expected), "{text}");
        assert_eq!(explained_by("x", false, None), "x");
    }
}
