//! Causes and other findings of a report.

use serde::{Deserialize, Serialize};

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// The kernel said it.
    Certain,
    /// It follows from what usually happens.
    Likely,
}

/// A rule that matched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which.
    pub id: FindingId,
    /// How sure.
    pub confidence: Confidence,
    /// One sentence.
    pub summary: String,
    /// What to change, most direct first.
    pub fix: Vec<String>,
    /// Host pids it is about.
    pub pids: Vec<u32>,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

/// An index into the report's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// Into `signals`.
    Signal(usize),
    /// Into `processes`.
    Process(usize),
}

macro_rules! finding_ids {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// Causes, in order of precedence, then findings that explain no kill. Ids are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum FindingId { $($(#[$doc])* #[serde(rename = $text)] $name),+ }

        impl FindingId {
            /// All, in order of precedence.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stable id.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

finding_ids! {
    /// The OOM killer took PID 1, or a member whose death ended the workload.
    Oom = "oom",
    /// The runtime SIGKILLed PID 1 without a stop signal before.
    NoStopSignal = "no-stop-signal",
    /// A host process that is not the runtime SIGKILLed PID 1 or a member.
    KilledOutside = "killed-outside",
    /// A ptracer changed what the signal did.
    Traced = "traced",
    /// PID 1 had `SIG_IGN` for it.
    InitIgnoresSignal = "init-ignores-signal",
    /// Dropped before PID 1 had installed its handler.
    StartupWindow = "startup-window",
    /// PID 1 handles another usual stop signal.
    WrongStopSignal = "wrong-stop-signal",
    /// Default disposition: the kernel dropped the stop signal.
    InitNoHandler = "init-no-handler",
    /// It stayed pending in PID 1 until the kill.
    SignalBlocked = "signal-blocked",
    /// PID 1 took it and had not ended when the runtime sent SIGKILL.
    GraceExceeded = "grace-exceeded",
    /// The owner of a shared pid namespace ended.
    PidnsOwnerExited = "pidns-owner-exited",
    /// A known init left because its main child ended.
    MainChildExited = "main-child-exited",
    /// PID 1 itself ended with members left.
    InitExited = "init-exited",
    /// A member SIGKILLed another.
    KilledInside = "killed-inside",
    /// Leftovers killed through `cgroup.kill` or one by one.
    CgroupKilled = "cgroup-killed",
    /// Victims were outside the signalled process group.
    GroupEscape = "group-escape",
    /// PID 1 passed it to some member and not to the victims.
    ForwardedToChildOnly = "forwarded-to-child-only",
    /// PID 1 took it and ended; nobody else was signalled.
    NotForwarded = "not-forwarded",
    /// Every victim had been signalled, but PID 1 left first.
    InitExitedEarly = "init-exited-early",
    /// None of the above.
    Unexplained = "unexplained",
    /// PID 1 does not reap its children.
    Unreaped = "unreaped",
    /// A process got the stop signal more than once.
    SignalledTwice = "signalled-twice",
    /// Over 80 % of the grace period was used.
    NearMiss = "near-miss",
    /// Who inside passed the stop signal on to whom.
    Forwarded = "forwarded",
    /// It runs under a kernel of its own: Kata Containers, gVisor.
    OpaqueSandbox = "opaque-sandbox",
    /// What says how it is called is not believed.
    UnverifiedIdentity = "unverified-identity",
    /// The preStop hook took all of the grace period and was killed with the container.
    PreStopCut = "pre-stop-cut",
}

impl std::fmt::Display for FindingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
