//! What one of the demo's programs is: `NAME[:TRAIT[=VALUE],…]`.

use std::{ffi::CString, time::Duration};

use anyhow::{Context as _, Result, bail};
use rinit_trace_core::model::Signal;

use super::acts::Message;

/// The kernel keeps no more of a name.
const MAX_NAME: usize = 15;

/// A program.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) name: CString,
    pub(super) on_term: OnTerm,
    pub(super) place: Place,
    pub(super) life: Life,
    /// `signal=NAME`: what is said of SIGTERM here holds for that signal, and SIGTERM has its default action.
    pub(super) signal: Signal,
    /// `threads=N`: so many, with the first.
    pub(super) threads: usize,
    /// `other-thread`: the leader blocks the signal, and a thread beside it takes it.
    pub(super) other_thread: bool,
    /// `dies-with-parent`: by SIGKILL.
    pub(super) dies_with_parent: bool,
    /// `nests`: its children are in a pid namespace of their own, the first of them as its init.
    pub(super) nests: bool,
    /// `burns`: more processor time than it may have, when it would end after the signal.
    pub(super) burns: bool,
    /// `crashes`: by SIGSEGV, when it would end after the signal.
    pub(super) crashes: bool,
}

/// What SIGTERM does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OnTerm {
    Default,
    /// `handles=MS`: a handler, and a cleanup of that many milliseconds.
    Handled(Duration),
    /// `ignores`
    Ignored,
    /// `blocks`
    Blocked,
}

/// Where it lives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Inherited,
    /// `own-session`
    OwnSession,
    /// `own-group`
    OwnGroup,
}

/// What it does beside waiting for SIGTERM.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Life {
    Serves,
    /// `says-taken`: tells its parent when it has taken SIGTERM.
    SaysTaken,
    /// `waits-for-taken=N`: hears that from N descendants, then ends.
    WaitsForTaken(usize),
    /// `passes-on`: as an init should be.
    PassesOn,
    /// `zombies=N`: N children that have ended and are not reaped.
    LeavesZombies(usize),
    /// `recycles=N`: on a line, N workers end one after the other.
    Recycles(usize),
    /// `ends-on-line`
    EndsOnLine,
    /// `ends`: as soon as its children have.
    Ends,
    /// `kills-parent`: by SIGKILL, on a line.
    KillsParent,
    /// `kills-itself`: by SIGKILL, on a line.
    KillsItself,
    /// `eats=CGROUP`: joins it and, on a line, asks for more memory than it may have.
    Eats(String),
    /// `eats-shared=CGROUP`: the same, with a process that has the same memory.
    EatsShared(String),
    /// `joins=CGROUP`: lives there from its first moment on.
    Joins(String),
    /// `late`: ready without a handler; on a line it installs that, and is ready again.
    ReadyLate,
    /// `outlives-term`: when it has taken SIGTERM it passes it to its children, and ends when they have.
    OutlivesTerm,
    /// `outlives-children`: ready when they have ended.
    OutlivesChildren,
    /// `sends=SIGNAL/PID`: at once, and ends.
    Sends(Message),
    /// `asks=SIGNAL/PID`: sends it on a line, and stays.
    Asks(Message),
    /// `traces-parent`: and holds back every signal to it.
    TracesParent,
}

impl Spec {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (name, traits) = text.split_once(':').unwrap_or((text, ""));
        if name.is_empty() || name.len() > MAX_NAME {
            bail!("`{text}` is no workload; this command is for `rinit-trace demo`");
        }
        let mut spec = Self {
            name: CString::new(name).context("a name with a zero byte")?,
            on_term: OnTerm::Default,
            place: Place::Inherited,
            life: Life::Serves,
            signal: Signal::TERM,
            threads: 1,
            other_thread: false,
            dies_with_parent: false,
            nests: false,
            burns: false,
            crashes: false,
        };
        for one in traits.split(',').filter(|one| !one.is_empty()) {
            let (word, value) = one.split_once('=').unwrap_or((one, ""));
            match word {
                "handles" => spec.on_term = OnTerm::Handled(Duration::from_millis(number(value)?)),
                "ignores" => spec.on_term = OnTerm::Ignored,
                "blocks" => spec.on_term = OnTerm::Blocked,
                "own-session" => spec.place = Place::OwnSession,
                "own-group" => spec.place = Place::OwnGroup,
                "signal" => spec.signal = signal(value)?,
                "threads" => spec.threads = number(value)?,
                "other-thread" => spec.other_thread = true,
                "dies-with-parent" => spec.dies_with_parent = true,
                "nests" => spec.nests = true,
                "burns" => spec.burns = true,
                "crashes" => spec.crashes = true,
                _ => spec.life = life(word, value)?,
            }
        }
        Ok(spec)
    }
}

fn life(word: &str, value: &str) -> Result<Life> {
    Ok(match word {
        "says-taken" => Life::SaysTaken,
        "waits-for-taken" => Life::WaitsForTaken(number(value)?),
        "passes-on" => Life::PassesOn,
        "zombies" => Life::LeavesZombies(number(value)?),
        "recycles" => Life::Recycles(number(value)?),
        "ends-on-line" => Life::EndsOnLine,
        "ends" => Life::Ends,
        "kills-parent" => Life::KillsParent,
        "kills-itself" => Life::KillsItself,
        "eats" => Life::Eats(value.to_owned()),
        "eats-shared" => Life::EatsShared(value.to_owned()),
        "joins" => Life::Joins(value.to_owned()),
        "late" => Life::ReadyLate,
        "outlives-term" => Life::OutlivesTerm,
        "outlives-children" => Life::OutlivesChildren,
        "sends" => Life::Sends(message(value)?),
        "asks" => Life::Asks(message(value)?),
        "traces-parent" => Life::TracesParent,
        _ => bail!("no workload is `{word}`; this command is for `rinit-trace demo`"),
    })
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T> {
    let number = value.parse().ok();
    number.with_context(|| format!("`{value}` is no number that a workload can use"))
}

fn signal(value: &str) -> Result<Signal> {
    let signal = value.parse().ok();
    signal.with_context(|| format!("`{value}` is no signal"))
}

fn message(value: &str) -> Result<Message> {
    Message::parse(value).with_context(|| format!("`{value}` is not SIGNAL/PID"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_a_name_and_traits() {
        let spec = Spec::parse("server:handles=100,own-group,says-taken").unwrap();
        assert_eq!(spec.name.as_c_str(), c"server");
        assert_eq!(spec.on_term, OnTerm::Handled(Duration::from_millis(100)));
        assert_eq!(spec.place, Place::OwnGroup);
        assert_eq!(spec.life, Life::SaysTaken);
        let frozen = Spec::parse("frozen:handles=1,joins=/sys/fs/cgroup/x").unwrap();
        assert_eq!(frozen.life, Life::Joins("/sys/fs/cgroup/x".to_owned()));
        let plain = Spec::parse("worker").unwrap();
        assert_eq!((plain.on_term, plain.life), (OnTerm::Default, Life::Serves));
        assert_eq!((plain.signal, plain.threads), (Signal::TERM, 1));
    }

    #[test]
    fn a_program_means_one_signal_and_sends_another() {
        let spec = Spec::parse("app:signal=RTMIN+3,sends=KILL/1").unwrap();
        assert_eq!(spec.signal, Signal::RTMIN_3);
        let kill = Message {
            signal: Signal::KILL,
            pid: 1,
        };
        assert_eq!(spec.life, Life::Sends(kill));
    }

    #[test]
    fn what_is_no_program_is_refused() {
        for text in [
            "",
            ":handles=1",
            "server:handles",
            "server:flies",
            "server:signal=NOPE",
            "server:sends=KILL",
            "server:sends=KILL/-1",
            "a-name-too-long-for-ps",
        ] {
            assert!(Spec::parse(text).is_err(), "{text}");
        }
    }
}
