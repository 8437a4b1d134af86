//! How lookups went, for metrics.

use crate::runtime::{bundle::BundleError, cri::CriError, docker::DockerError};

/// Where names come from, in the order in which they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupSource {
    /// The path of the cgroup.
    Cgroup,
    /// The `config.json` of the container's bundle.
    Bundle,
    /// containerd or CRI-O, over CRI.
    Cri,
    /// Docker's API.
    Docker,
    /// podman's API.
    Podman,
}

impl LookupSource {
    /// All of them, in the order of the counters.
    pub const ALL: [Self; 5] = [
        Self::Cgroup,
        Self::Bundle,
        Self::Cri,
        Self::Docker,
        Self::Podman,
    ];

    /// Its name as a metric label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Cgroup => "cgroup",
            Self::Bundle => "bundle",
            Self::Cri => "cri",
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// Whether a lookup there can go so.
    fn can_be(self, outcome: LookupOutcome) -> bool {
        use LookupOutcome::{
            Answered, ConnectFailed, Refused, Status, TimedOut, Unimplemented, Unknown, Unreadable,
        };
        match self {
            Self::Cgroup => matches!(outcome, Answered | Unknown | TimedOut),
            Self::Bundle => !matches!(outcome, Refused | Status | Unimplemented | ConnectFailed),
            Self::Cri | Self::Docker | Self::Podman => outcome != Unreadable,
        }
    }
}

/// How one source answered: exactly one for each source and call of `names`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupOutcome {
    /// Answered from the cache.
    Hit,
    /// The source answered.
    Answered,
    /// No container, or one that this source does not know: it was not asked.
    NotAsked,
    /// The source failed, or did not know the container, a moment ago.
    Suppressed,
    /// Too many questions at once; ours was not put in time.
    Busy,
    /// The source does not know the container; of a cgroup path: it names none.
    Unknown,
    /// No socket, or no file.
    Absent,
    /// Nobody listens at the socket.
    Refused,
    /// We may not look.
    PermissionDenied,
    /// No complete answer in time.
    TimedOut,
    /// It answered with another error.
    Status,
    /// The socket is a containerd's whose CRI is disabled: Docker's own, as a rule.
    Unimplemented,
    /// Not what the source promises, or too large.
    BadAnswer,
    /// Connecting failed in another way.
    ConnectFailed,
    /// Reading failed in another way.
    Unreadable,
    /// It speaks of another pod than the source before: nothing of it was taken.
    Conflict,
}

impl LookupOutcome {
    /// All of them, in the order of the counters.
    pub const ALL: [Self; 16] = [
        Self::Hit,
        Self::Answered,
        Self::NotAsked,
        Self::Suppressed,
        Self::Busy,
        Self::Unknown,
        Self::Absent,
        Self::Refused,
        Self::PermissionDenied,
        Self::TimedOut,
        Self::Status,
        Self::Unimplemented,
        Self::BadAnswer,
        Self::ConnectFailed,
        Self::Unreadable,
        Self::Conflict,
    ];

    /// Its name as a metric label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Answered => "answered",
            Self::NotAsked => "not-asked",
            Self::Suppressed => "suppressed",
            Self::Busy => "busy",
            Self::Unknown => "unknown",
            Self::Absent => "absent",
            Self::Refused => "refused",
            Self::PermissionDenied => "permission-denied",
            Self::TimedOut => "timed-out",
            Self::Status => "status",
            Self::Unimplemented => "unimplemented",
            Self::BadAnswer => "bad-answer",
            Self::ConnectFailed => "connect-failed",
            Self::Unreadable => "unreadable",
            Self::Conflict => "conflict",
        }
    }

    /// Which of two sockets' outcomes says more of whether something is wrong.
    pub(super) fn worse(self, other: Self) -> Self {
        let rank = |outcome| match outcome {
            Self::Absent => 0,
            Self::Unimplemented => 1,
            Self::Suppressed => 2,
            Self::Unknown => 3,
            _ => 4,
        };
        if rank(other) > rank(self) {
            other
        } else {
            self
        }
    }
}

impl From<&DockerError> for LookupOutcome {
    fn from(error: &DockerError) -> Self {
        match error {
            DockerError::Status { code: 404, .. } => Self::Unknown,
            DockerError::Status { .. } => Self::Status,
            DockerError::Absent { .. } => Self::Absent,
            DockerError::Refused { .. } => Self::Refused,
            DockerError::PermissionDenied { .. } => Self::PermissionDenied,
            DockerError::TimedOut { .. } => Self::TimedOut,
            DockerError::BadAnswer { .. } => Self::BadAnswer,
            DockerError::Connect { .. } => Self::ConnectFailed,
        }
    }
}

impl From<CriError> for LookupOutcome {
    fn from(error: CriError) -> Self {
        match error {
            CriError::NotFound => Self::Unknown,
            CriError::Status(_) => Self::Status,
            CriError::Unimplemented => Self::Unimplemented,
            CriError::Absent => Self::Absent,
            CriError::Refused => Self::Refused,
            CriError::PermissionDenied => Self::PermissionDenied,
            CriError::TimedOut => Self::TimedOut,
            CriError::Bad => Self::BadAnswer,
            CriError::Connect(_) => Self::ConnectFailed,
        }
    }
}

impl From<BundleError> for LookupOutcome {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Gone | BundleError::NoMonitor => Self::Unknown,
            BundleError::NotRoots => Self::Conflict,
            BundleError::Absent => Self::Absent,
            BundleError::PermissionDenied => Self::PermissionDenied,
            BundleError::Bad => Self::BadAnswer,
            BundleError::Unreadable => Self::Unreadable,
        }
    }
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookupStats {
    counts: [[u64; LookupOutcome::ALL.len()]; LookupSource::ALL.len()],
    /// Containers that fell out of the full cache.
    pub evicted: u64,
}

impl LookupStats {
    /// Lookups that went so.
    pub fn get(&self, source: LookupSource, outcome: LookupOutcome) -> u64 {
        let of_source = self.counts.get(source as usize);
        let count = of_source.and_then(|counts| counts.get(outcome as usize));
        count.copied().unwrap_or(0)
    }

    /// Every source with every result it can have, those never seen included, and the counter.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        LookupSource::ALL.into_iter().flat_map(move |source| {
            let outcomes = LookupOutcome::ALL.into_iter();
            let possible = outcomes.filter(move |outcome| source.can_be(*outcome));
            possible.map(move |outcome| {
                let count = self.get(source, outcome);
                (source.label(), outcome.label(), count)
            })
        })
    }

    pub(super) fn count(&mut self, source: LookupSource, outcome: LookupOutcome) {
        debug_assert!(source.can_be(outcome), "{source:?} {outcome:?}");
        let of_source = self.counts.get_mut(source as usize);
        if let Some(count) = of_source.and_then(|counts| counts.get_mut(outcome as usize)) {
            *count += 1;
        }
    }
}
