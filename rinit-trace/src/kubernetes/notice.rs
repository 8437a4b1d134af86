//! What is told of a stop, or of a kill outside one: made small, and its names checked.

use jiff::Timestamp;
use rinit_trace_core::{
    model::{FindingId, KillsOutsideStop, Pod, StopReport, Verdict},
    render,
};
use thiserror::Error;
use tokio::time::Instant;

/// Longest note that the API server takes, in bytes.
const MAX_NOTE: usize = 1024;
/// Longest namespace and container name: a DNS label.
const MAX_LABEL: usize = 63;
/// Longest pod name: a DNS subdomain.
const MAX_SUBDOMAIN: usize = 253;
/// Longest UID taken; those of the API server have 36 characters, of a static pod 32.
const MAX_UID: usize = 64;

/// What happened to a pod's container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reason {
    /// It was stopped by force.
    ForcedStop,
    /// The OOM killer took processes of it, and it lives on.
    OomKilledProcess,
}

impl Reason {
    /// The Event's `reason`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ForcedStop => "ForcedStop",
            Self::OomKilledProcess => "OOMKilledProcess",
        }
    }

    /// The Event's `action`.
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::ForcedStop => "Stop",
            Self::OomKilledProcess => "Kill",
        }
    }
}

/// What is to be told of a pod's container.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    /// The pod, with names as the API server has them.
    pub pod: Pod,
    /// What happened.
    pub reason: Reason,
    /// Why, of a stop.
    pub cause: Option<FindingId>,
    /// For people, escaped, of at most 1 KiB.
    pub note: String,
    /// When the stop was over, or the kill was told.
    pub at: Timestamp,
    /// When it came: an old one is no news.
    pub since: Instant,
}

/// The runtime gave a name that no API server has given.
#[derive(Debug, Error)]
#[error("the {what} {name:?} is not valid in Kubernetes")]
pub(super) struct NotAName {
    what: &'static str,
    /// Its beginning.
    name: String,
}

impl Notice {
    /// `None` when there is nothing to tell: no pod, nobody killed, or not known whether.
    pub(super) fn of(report: &StopReport) -> Result<Option<Self>, NotAName> {
        let Some(pod) = &report.workload.pod else {
            return Ok(None);
        };
        if report.verdict != Verdict::Forced {
            return Ok(None);
        }
        Ok(Some(Self {
            pod: checked(pod)?,
            reason: Reason::ForcedStop,
            cause: report.cause.as_ref().map(|cause| cause.id),
            note: render::event_note(report, MAX_NOTE),
            at: report.ended_at,
            since: Instant::now(),
        }))
    }

    /// `None` when there is nothing to tell: no pod, or the OOM killer took nobody.
    pub(super) fn of_kills(kills: &KillsOutsideStop) -> Result<Option<Self>, NotAName> {
        let pod = kills.names.as_ref().and_then(|names| names.pod.as_ref());
        let (Some(pod), Some(note)) = (pod, render::oom_note(kills, MAX_NOTE)) else {
            return Ok(None);
        };
        Ok(Some(Self {
            pod: checked(pod)?,
            reason: Reason::OomKilledProcess,
            cause: None,
            note,
            // Told within about a second of the first.
            at: Timestamp::now(),
            since: Instant::now(),
        }))
    }
}

/// With the names that are told, which are valid.
fn checked(pod: &Pod) -> Result<Pod, NotAName> {
    check(pod)?;
    Ok(Pod {
        // Not checked, and not told.
        owner: None,
        ..pod.clone()
    })
}

/// Whether the names are such as the API server gives: they become part of a request's path, and
/// whoever talks to the runtime may have chosen others.
fn check(pod: &Pod) -> Result<(), NotAName> {
    let is_uid = |uid: &str| {
        (1..=MAX_UID).contains(&uid.len())
            && uid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    for (what, name, is_valid) in [
        ("namespace", &pod.namespace, is_label(&pod.namespace)),
        ("pod name", &pod.name, is_subdomain(&pod.name)),
        ("pod UID", &pod.uid, is_uid(&pod.uid)),
        ("container name", &pod.container, is_label(&pod.container)),
    ] {
        if !is_valid {
            let name = name.chars().take(MAX_LABEL).collect();
            return Err(NotAName { what, name });
        }
    }
    Ok(())
}

fn is_subdomain(name: &str) -> bool {
    name.len() <= MAX_SUBDOMAIN && name.split('.').all(is_part)
}

fn is_label(name: &str) -> bool {
    name.len() <= MAX_LABEL && is_part(name)
}

fn is_part(part: &str) -> bool {
    let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !part.is_empty() && part.bytes().all(is_inner) && !part.starts_with('-') && !part.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_api_server() {
        let long = "a".repeat(64);
        for (name, label, subdomain) in [
            ("web", true, true),
            ("web-7d9f", true, true),
            ("0", true, true),
            ("web.shop", false, true),
            (long.as_str(), false, true),
            ("", false, false),
            ("-web", false, false),
            ("web-", false, false),
            ("Web", false, false),
            ("web..shop", false, false),
            ("../../api", false, false),
            ("a/b", false, false),
            ("a%2fb", false, false),
            ("a?b", false, false),
            ("wéb", false, false),
            ("a\nb", false, false),
        ] {
            assert_eq!(is_label(name), label, "{name:?}");
            assert_eq!(is_subdomain(name), subdomain, "{name:?}");
        }
        assert!(!is_subdomain(&"a.".repeat(127)));
        assert!(!is_subdomain(&"a".repeat(254)));
    }

    #[test]
    fn a_bad_name_is_told_on_one_short_line() {
        let error = NotAName {
            what: "namespace",
            name: "a\n\u{1b}[2J".into(),
        };
        assert_eq!(
            error.to_string(),
            r#"the namespace "a\n\u{1b}[2J" is not valid in Kubernetes"#
        );
    }
}
