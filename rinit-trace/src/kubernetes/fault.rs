//! Why an Event could not be put on its pod, and what follows.

use std::time::Duration;

use kube::{Error, core::Status};

use crate::escape::visible;

/// Longest text of the server or of the connection in a message.
const MAX_SHOWN: usize = 300;

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// We may not write to this namespace.
    Denied,
    /// The token is not accepted: it may be rotated in a moment.
    Unauthorized,
    /// The namespace ends or is gone, and its pods with it.
    Gone,
    /// The server will not have this Event.
    Refused,
    /// The server is not there, too slow, or has too much to do.
    Unavailable,
}

/// A failure with its reason.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    /// One short line.
    pub(super) reason: String,
}

impl Fault {
    pub(super) fn timed_out(after: Duration) -> Self {
        Self {
            kind: FaultKind::Unavailable,
            reason: format!("no answer within {after:?}"),
        }
    }

    /// What an operator can do about it; `None` where nothing is wrong.
    pub(super) fn advice(&self) -> Option<&'static str> {
        match self.kind {
            FaultKind::Denied => Some(
                "grant create and patch on events of events.k8s.io to the service account, or run \
                 without Kubernetes Events",
            ),
            FaultKind::Unauthorized => Some("check the service account and its token"),
            FaultKind::Refused => Some("check what the API server logs of it"),
            FaultKind::Unavailable => Some("check the way to the API server"),
            FaultKind::Gone => None,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Api(status) => of_status(status),
            Error::Service(_) | Error::HyperError(_) => FaultKind::Unavailable,
            Error::Auth(_) => FaultKind::Unauthorized,
            _ => FaultKind::Refused,
        };
        let text = match &error {
            Error::Api(status) => format!("{} {}", status.code, status.message),
            _ => with_sources(&error),
        };
        Self {
            kind,
            reason: shown(&text),
        }
    }
}

fn of_status(status: &Status) -> FaultKind {
    match status.code {
        401 => FaultKind::Unauthorized,
        404 => FaultKind::Gone,
        403 if is_ending(status) => FaultKind::Gone,
        403 => FaultKind::Denied,
        408 | 429 | 500.. => FaultKind::Unavailable,
        _ => FaultKind::Refused,
    }
}

/// A namespace that is being deleted refuses new objects with 403, as missing rights do.
fn is_ending(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes
        .into_iter()
        .any(|cause| cause.reason == "NamespaceTerminating")
}

/// An error with those behind it, which say what happened to the connection.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let inner = error.to_string();
        if !text.contains(&inner) {
            text.push_str(": ");
            text.push_str(&inner);
        }
        source = error.source();
    }
    text
}

fn shown(text: &str) -> String {
    let short = text.chars().take(MAX_SHOWN).map(|c| match c {
        '"' => '\'',
        c => c,
    });
    visible(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: u16, cause: &str) -> Fault {
        let status = serde_json::json!({
            "status": "Failure", "code": code, "message": "no\n\u{1b}[2J",
            "details": {"causes": [{"reason": cause, "message": "x"}]},
        });
        let status: Status = serde_json::from_value(status).unwrap();
        Error::Api(status.boxed()).into()
    }

    #[test]
    fn an_answer_says_what_follows() {
        use FaultKind::{Denied, Gone, Refused, Unauthorized, Unavailable};
        for (code, cause, kind) in [
            (400, "", Refused),
            (401, "", Unauthorized),
            (403, "", Denied),
            (403, "NamespaceTerminating", Gone),
            (404, "", Gone),
            (408, "", Unavailable),
            (409, "", Refused),
            (422, "", Refused),
            (429, "", Unavailable),
            (500, "", Unavailable),
            (503, "", Unavailable),
        ] {
            assert_eq!(fault(code, cause).kind, kind, "{code} {cause}");
        }
    }

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(fault(403, "").reason, r"403 no\n\u{1b}[2J");
        assert_eq!(shown(r#"pods "web" it's \"#), r"pods 'web' it's \\");
        assert_eq!(shown(&"x".repeat(5000)).len(), MAX_SHOWN);
    }
}
