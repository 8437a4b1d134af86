//! How lookups went, for metrics.

use crate::runtime::docker::{DockerError, Inspected};

/// How one lookup went: exactly one for each call of `names`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupOutcome {
    /// Answered from the cache.
    Hit,
    /// Docker answered.
    Answered,
    /// No container, or another runtime's: Docker was not asked.
    NotAsked,
    /// The socket failed, or Docker did not know the container, a moment ago.
    Suppressed,
    /// Too many questions at once; ours was not put in time.
    Busy,
    /// Docker does not know the container.
    Unknown,
    /// No socket.
    Absent,
    /// Nobody listens at the socket.
    Refused,
    /// We may not connect.
    PermissionDenied,
    /// No complete answer in time.
    TimedOut,
    /// Docker answered with an error other than 404.
    Status,
    /// Not Docker's API, or too large.
    BadAnswer,
    /// Connecting failed in another way.
    ConnectFailed,
}

impl LookupOutcome {
    /// All of them, in the order of the counters.
    pub const ALL: [Self; 13] = [
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
        Self::BadAnswer,
        Self::ConnectFailed,
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
            Self::BadAnswer => "bad-answer",
            Self::ConnectFailed => "connect-failed",
        }
    }

    pub(super) fn of(answer: Result<&Inspected, &DockerError>) -> Self {
        match answer {
            Ok(_) => Self::Answered,
            Err(DockerError::Status { code: 404, .. }) => Self::Unknown,
            Err(DockerError::Status { .. }) => Self::Status,
            Err(DockerError::Absent { .. }) => Self::Absent,
            Err(DockerError::Refused { .. }) => Self::Refused,
            Err(DockerError::PermissionDenied { .. }) => Self::PermissionDenied,
            Err(DockerError::TimedOut { .. }) => Self::TimedOut,
            Err(DockerError::BadAnswer { .. }) => Self::BadAnswer,
            Err(DockerError::Connect { .. }) => Self::ConnectFailed,
        }
    }
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookupStats {
    counts: [u64; LookupOutcome::ALL.len()],
    /// Containers that fell out of the full cache.
    pub evicted: u64,
}

impl LookupStats {
    /// Lookups that went so.
    pub fn get(&self, outcome: LookupOutcome) -> u64 {
        self.counts.get(outcome as usize).copied().unwrap_or(0)
    }

    /// Every outcome with its counter.
    pub fn iter(&self) -> impl Iterator<Item = (LookupOutcome, u64)> {
        LookupOutcome::ALL.into_iter().zip(self.counts)
    }

    /// Lookups that put a question to Docker.
    pub fn misses(&self) -> u64 {
        use LookupOutcome::{Busy, Hit, NotAsked, Suppressed};
        let asked = |outcome| !matches!(outcome, Hit | NotAsked | Suppressed | Busy);
        self.iter()
            .filter(|(outcome, _)| asked(*outcome))
            .map(|(_, count)| count)
            .sum()
    }

    pub(super) fn count(&mut self, outcome: LookupOutcome) {
        if let Some(count) = self.counts.get_mut(outcome as usize) {
            *count += 1;
        }
    }
}
