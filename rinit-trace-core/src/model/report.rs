//! The stop report: contract `rinit-trace.stop/v1`. All output is a view of [`StopReport`].
//!
//! A value that is not known is `None` and prints as `null`: never left out, never guessed. Within
//! v1 fields are only added.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Finding, GraceSource, Origin, Pod, Process, Runtime, SendResult, Signal};

/// Name and version of the contract.
pub const SCHEMA: &str = "rinit-trace.stop/v1";

/// One stop of one workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopReport {
    /// [`SCHEMA`]
    pub schema: String,
    /// Host or node name.
    pub node: Option<String>,
    /// Wall time of the stop's begin.
    pub started_at: Timestamp,
    /// Wall time of its end.
    pub ended_at: Timestamp,
    /// From begin to end.
    pub duration_ms: f64,
    /// What stopped.
    pub workload: Workload,
    /// How the stop began and went.
    pub stop: StopDetails,
    /// What was observed.
    pub verdict: Verdict,
    /// Processes that would have cleaned up and were not let; `None` when records were lost.
    pub lost_cleanup: Option<u32>,
    /// Why; `None` when graceful.
    pub cause: Option<Finding>,
    /// The cause first, then every other rule that matched.
    pub findings: Vec<Finding>,
    /// The init first, then members in the order they ended.
    pub processes: Vec<Process>,
    /// Signals of the stop in time order.
    pub signals: Vec<SignalEntry>,
    /// How well it was seen.
    pub observation: Observation,
}

impl StopReport {
    /// Whether its stop signal is a terminal's (^C): nobody asked the workload to stop.
    pub fn is_by_terminal(&self) -> bool {
        let mut signals = self.signals.iter();
        let stop_signal = signals.find(|entry| {
            entry.at_ms >= 0.0
                && entry.to == self.workload.init.pid
                && Some(entry.signal) == self.stop.signal
        });
        stop_signal.is_some_and(|entry| entry.origin == Origin::Terminal)
    }
}

/// What stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// Container runtime.
    pub runtime: Option<Runtime>,
    /// Full container id.
    pub container_id: Option<String>,
    /// Container name.
    pub name: Option<String>,
    /// Image.
    pub image: Option<String>,
    /// Pod.
    pub pod: Option<Pod>,
    /// inum of the pid namespace.
    pub pid_namespace: u32,
    /// cgroup path, or the leaf name where only that is known.
    pub cgroup: Option<String>,
    /// Its init.
    pub init: Init,
}

/// The init of a workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Init {
    /// Host pid.
    pub pid: u32,
    /// Pid inside; 1.
    pub ns_pid: u32,
    /// Command name.
    pub comm: String,
    /// Arguments.
    pub cmdline: Option<Vec<String>>,
    /// What kind of program it is.
    pub kind: InitKind,
}

/// What an init is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitKind {
    /// An application.
    App,
    /// A shell.
    Shell,
    /// tini
    Tini,
    /// `docker run --init`
    DockerInit,
    /// dumb-init
    DumbInit,
    /// catatonit
    Catatonit,
    /// s6-svscan, s6-overlay
    S6,
    /// systemd
    Systemd,
    /// The pause program of a Kubernetes sandbox.
    Pause,
    /// Another supervisor (supervisord, runit, …).
    Supervisor,
    /// Nothing is known of it.
    Unknown,
}

/// How a stop began and went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopDetails {
    /// What began it.
    pub trigger: Trigger,
    /// The stop signal.
    pub signal: Option<Signal>,
    /// What the kernel said of it.
    pub result: Option<SendResult>,
    /// Whether the init dequeued it.
    pub taken: Option<bool>,
    /// Who sent it.
    pub sender: Option<Sender>,
    /// The SIGKILL to the init.
    pub kill: Option<Kill>,
    /// Configured grace period.
    pub grace_ms: Option<f64>,
    /// Who configured it.
    pub grace_source: Option<GraceSource>,
    /// Stop signal to the first SIGKILL to the init from outside, else to the last member's end.
    pub grace_used_ms: Option<f64>,
}

/// What began a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// The stop signal.
    StopSignal,
    /// SIGKILL without one.
    Sigkill,
    /// The init ended by itself.
    InitExit,
    /// The init left because its main child ended.
    MainChildExit,
    /// The OOM killer.
    Oom,
    /// `cgroup.kill`
    CgroupKill,
    /// The owner of a shared namespace ended.
    OwnerExit,
}

/// Who sent a signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// Host pid.
    pub pid: u32,
    /// Command name.
    pub comm: String,
    /// Command name of its parent.
    pub parent_comm: String,
    /// Whether it lives in the workload.
    pub inside: bool,
}

impl Sender {
    /// What people know it by: its command name, or its parent's when its own is but the number of the
    /// file descriptor that it was started by; `crun` and `runc` for their copies in memory.
    pub fn name(&self) -> &str {
        if let Some(copied) = copied_into_memory(&self.comm) {
            return copied;
        }
        let is_number = self.comm.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && !self.parent_comm.is_empty() {
            &self.parent_comm
        } else {
            &self.comm
        }
    }
}

/// `crun` of `memfd:crun_clon`: the kernel cuts names at 15 bytes.
fn copied_into_memory(comm: &str) -> Option<&str> {
    comm.strip_prefix("memfd:")?.strip_suffix("_clon")
}

/// A SIGKILL to the init.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kill {
    /// Since the stop's begin.
    pub at_ms: f64,
    /// Who sent it.
    pub sender: Sender,
}

/// What was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nobody ended by SIGKILL.
    Graceful,
    /// Somebody did.
    Forced,
    /// Cannot be said.
    Unknown,
}

/// One signal of the stop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalEntry {
    /// Since the stop's begin.
    pub at_ms: f64,
    /// Which.
    pub signal: Signal,
    /// Host pid of the sender, or of whichever task ran when the kernel made it; 0 of a terminal's.
    pub from: u32,
    /// Host pid of the target.
    pub to: u32,
    /// What the kernel said.
    pub result: SendResult,
    /// Who made it.
    pub origin: Origin,
    /// Whether the target was dead or dying when it came; `None` in reports from before this field.
    pub to_dead: Option<bool>,
}

/// How well a stop was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// How the teardown of the namespace was recognised.
    pub pidns_teardown: PidnsTeardown,
    /// Records that the ring buffer could not take, of any workload, during the stop.
    pub lost_records: u64,
    /// Facts (signals, exits) that were left out of the report, since there were more than are kept.
    #[serde(default)]
    pub left_out: u64,
    /// How much of the arguments of its processes is shown; `None` in reports from before this field.
    #[serde(default)]
    pub arguments: Option<Arguments>,
    /// What the lists of the report leave out, since it would be too long.
    #[serde(default)]
    pub unlisted: Unlisted,
}

/// What a report that would be too long does not list. What it says in words and numbers is of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unlisted {
    /// Processes that are not in `processes`.
    pub processes: u64,
    /// Signals that are not in `signals`.
    pub signals: u64,
    /// Processes whose arguments were known and are not shown.
    pub arguments: u64,
}

/// How much of arguments is shown, the most first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arguments {
    /// All.
    #[default]
    Full,
    /// What looks like a secret has been replaced by `***`.
    Masked,
    /// None: every `cmdline` is `None`.
    None,
}

/// How a teardown is recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PidnsTeardown {
    /// A probe on `zap_pid_ns_processes` by fentry.
    Fentry,
    /// The same by kprobe.
    Kprobe,
    /// By the fingerprint of its SIGKILLs alone.
    #[default]
    Inferred,
}

/// Milliseconds with microseconds as decimals: how times print.
pub fn millis(duration: std::time::Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
