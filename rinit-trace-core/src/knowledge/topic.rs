//! The words that have an article.

use super::{Article, causes, killers, outcomes, remarks, verdicts};
use crate::model::{FindingId, KilledBy, Outcome, Verdict};

/// A word of a report that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// What was observed.
    Verdict(Verdict),
    /// How one process ended.
    Outcome(Outcome),
    /// Who or what killed it.
    KilledBy(KilledBy),
    /// Why, or what was noticed beside that.
    Finding(FindingId),
}

/// Kinds of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// `verdict`
    Verdicts,
    /// `processes[].outcome`
    Outcomes,
    /// `processes[].killed_by`
    Killers,
    /// `cause`
    Causes,
    /// `findings`, those that explain no kill.
    Remarks,
}

/// One line per word: a word that is missing does not compile, and all of them make the list.
macro_rules! words {
    ($of:ident, $all:ident: $kind:ty { $($name:ident = $id:literal => $article:expr),+ $(,)? }) => {
        const $all: &[$kind] = &[$(<$kind>::$name),+];

        fn $of(word: $kind) -> (&'static str, &'static Article) {
            match word { $(<$kind>::$name => ($id, &$article)),+ }
        }
    };
}

words!(of_verdict, VERDICTS: Verdict {
    Graceful = "graceful" => verdicts::GRACEFUL,
    Forced = "forced" => verdicts::FORCED,
    Unknown = "unknown" => verdicts::UNKNOWN,
});

words!(of_outcome, OUTCOMES: Outcome {
    Exited = "exited" => outcomes::EXITED,
    Terminated = "terminated" => outcomes::TERMINATED,
    KilledUnsignalled = "killed-unsignalled" => outcomes::KILLED_UNSIGNALLED,
    KilledIgnoring = "killed-ignoring" => outcomes::KILLED_IGNORING,
    KilledPending = "killed-pending" => outcomes::KILLED_PENDING,
    KilledHandling = "killed-handling" => outcomes::KILLED_HANDLING,
    OomKilled = "oom-killed" => outcomes::OOM_KILLED,
    Alive = "alive" => outcomes::ALIVE,
});

words!(of_killer, KILLERS: KilledBy {
    PidnsTeardown = "pidns-teardown" => killers::PIDNS_TEARDOWN,
    Runtime = "runtime" => killers::RUNTIME,
    CgroupKill = "cgroup-kill" => killers::CGROUP_KILL,
    Oom = "oom" => killers::OOM,
    Peer = "peer" => killers::PEER,
    Itself = "self" => killers::ITSELF,
    ParentDeath = "parent-death" => killers::PARENT_DEATH,
    Tracer = "tracer" => killers::TRACER,
    External = "external" => killers::EXTERNAL,
    Kernel = "kernel" => killers::KERNEL,
    Unknown = "unknown" => killers::UNKNOWN,
});

words!(of_finding, FINDINGS: FindingId {
    Oom = "oom" => causes::oom::ARTICLE,
    NoStopSignal = "no-stop-signal" => causes::no_stop_signal::ARTICLE,
    KilledOutside = "killed-outside" => causes::killed_outside::ARTICLE,
    Traced = "traced" => causes::traced::ARTICLE,
    InitIgnoresSignal = "init-ignores-signal" => causes::init_ignores_signal::ARTICLE,
    StartupWindow = "startup-window" => causes::startup_window::ARTICLE,
    WrongStopSignal = "wrong-stop-signal" => causes::wrong_stop_signal::ARTICLE,
    InitNoHandler = "init-no-handler" => causes::init_no_handler::ARTICLE,
    SignalBlocked = "signal-blocked" => causes::signal_blocked::ARTICLE,
    GraceExceeded = "grace-exceeded" => causes::grace_exceeded::ARTICLE,
    PidnsOwnerExited = "pidns-owner-exited" => causes::pidns_owner_exited::ARTICLE,
    MainChildExited = "main-child-exited" => causes::main_child_exited::ARTICLE,
    InitExited = "init-exited" => causes::init_exited::ARTICLE,
    KilledInside = "killed-inside" => causes::killed_inside::ARTICLE,
    CgroupKilled = "cgroup-killed" => causes::cgroup_killed::ARTICLE,
    GroupEscape = "group-escape" => causes::group_escape::ARTICLE,
    ForwardedToChildOnly = "forwarded-to-child-only" => causes::forwarded_to_child_only::ARTICLE,
    NotForwarded = "not-forwarded" => causes::not_forwarded::ARTICLE,
    InitExitedEarly = "init-exited-early" => causes::init_exited_early::ARTICLE,
    Unexplained = "unexplained" => causes::unexplained::ARTICLE,
    Unreaped = "unreaped" => remarks::unreaped::ARTICLE,
    SignalledTwice = "signalled-twice" => remarks::signalled_twice::ARTICLE,
    NearMiss = "near-miss" => remarks::near_miss::ARTICLE,
    Forwarded = "forwarded" => remarks::forwarded::ARTICLE,
    OpaqueSandbox = "opaque-sandbox" => remarks::opaque_sandbox::ARTICLE,
    UnverifiedIdentity = "unverified-identity" => remarks::unverified_identity::ARTICLE,
    PreStopCut = "pre-stop-cut" => remarks::pre_stop_cut::ARTICLE,
});

impl Group {
    /// All, in the order in which a reader wants them.
    pub const ALL: &[Self] = &[
        Self::Verdicts,
        Self::Causes,
        Self::Remarks,
        Self::Outcomes,
        Self::Killers,
    ];

    /// A heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Verdicts => "verdicts",
            Self::Causes => "causes, in order of precedence",
            Self::Remarks => "findings that explain no kill",
            Self::Outcomes => "outcomes of a process",
            Self::Killers => "who or what killed it",
        }
    }

    /// The field of a report that has these words.
    pub fn field(self) -> &'static str {
        match self {
            Self::Verdicts => "verdict",
            Self::Causes => "cause.id",
            Self::Remarks => "findings[].id",
            Self::Outcomes => "processes[].outcome",
            Self::Killers => "processes[].killed_by",
        }
    }

    /// Its words, in their order.
    pub fn topics(self) -> Vec<Topic> {
        let topics = Topic::all();
        topics.filter(|topic| topic.group() == self).collect()
    }
}

impl Topic {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let verdicts = VERDICTS.iter().copied().map(Self::Verdict);
        let findings = FINDINGS.iter().copied().map(Self::Finding);
        let outcomes = OUTCOMES.iter().copied().map(Self::Outcome);
        let killers = KILLERS.iter().copied().map(Self::KilledBy);
        verdicts.chain(findings).chain(outcomes).chain(killers)
    }

    /// The word, as reports have it. Some mean two things: `oom` is a cause, and who killed.
    pub fn id(self) -> &'static str {
        self.entry().0
    }

    /// What is known about it.
    pub fn article(self) -> &'static Article {
        self.entry().1
    }

    fn entry(self) -> (&'static str, &'static Article) {
        match self {
            Self::Verdict(word) => of_verdict(word),
            Self::Outcome(word) => of_outcome(word),
            Self::KilledBy(word) => of_killer(word),
            Self::Finding(word) => of_finding(word),
        }
    }

    /// Its kind.
    pub fn group(self) -> Group {
        match self {
            Self::Verdict(_) => Group::Verdicts,
            Self::Outcome(_) => Group::Outcomes,
            Self::KilledBy(_) => Group::Killers,
            Self::Finding(id) if id <= FindingId::Unexplained => Group::Causes,
            Self::Finding(_) => Group::Remarks,
        }
    }

    /// Everything that a word means.
    pub fn named(id: &str) -> Vec<Self> {
        Self::all().filter(|topic| topic.id() == id).collect()
    }

    /// Words that somebody may have meant, the likeliest first.
    pub fn near(id: &str) -> Vec<&'static str> {
        const MAX: usize = 3;
        let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_', ' '], "");
        let id = plain(id);
        let mut near: Vec<(usize, &'static str)> = Self::all()
            .map(Self::id)
            .map(|word| {
                let known = plain(word);
                let is_part = id.len() > 2 && (known.contains(&id) || id.contains(&known));
                (if is_part { 0 } else { distance(&id, &known) }, word)
            })
            .filter(|(distance, word)| *distance <= word.len() / 3)
            .collect();
        near.sort_unstable();
        near.dedup();
        near.into_iter().take(MAX).map(|(_, word)| word).collect()
    }
}

/// How many letters must be changed, added or left out (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, known) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *known);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
