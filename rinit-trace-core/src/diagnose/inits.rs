//! The init knowledge base: whom an init passes a stop signal on to, and what to change about it.
//! Which program is PID 1 is in [`crate::model::init_kind`].
//!
//! Read in the sources of tini 0.19.0, dumb-init 1.2.5 and catatonit 0.2.1, and measured with
//! Debian's packages of them (end-to-end tests, `tests/tests/inits.rs`).

mod options;

use crate::{
    knowledge::{Fix, causes::forwarded_to_child_only as fixes},
    model::{InitKind, InitSettings},
};

/// Whom an init passes a stop signal on to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Its main child alone.
    MainChild,
    /// The process group of its main child.
    Group,
    /// Nobody.
    Nobody,
    /// A program of its own: not known.
    Unknown,
}

/// Inits that only start and reap others.
pub(super) fn has_nothing_to_clean_up(kind: InitKind) -> bool {
    kind.leaves_with_main_child() || matches!(kind, InitKind::S6 | InitKind::Pause)
}

/// Whom an init passes the stop signal on to, by its arguments and environment, and whether that is
/// sure: both may be unread, when it was gone too soon.
pub fn reach(kind: InitKind, cmdline: Option<&[String]>, settings: &InitSettings) -> (Reach, bool) {
    let options = cmdline.map(|cmdline| options::of(kind, cmdline));
    let has = |option: char| {
        options
            .as_ref()
            .is_some_and(|options| options.contains(&option))
    };
    let is_known = options.is_some() && settings.environ.is_some();
    match kind {
        InitKind::Tini | InitKind::DockerInit => {
            // Any value counts, also an empty one.
            let asked = settings.variable("TINI_KILL_PROCESS_GROUP").is_some();
            if asked || has('g') {
                (Reach::Group, true)
            } else {
                (Reach::MainChild, is_known)
            }
        }
        InitKind::DumbInit => {
            let single = settings.variable("DUMB_INIT_SETSID") == Some("0");
            if single || has('c') {
                (Reach::MainChild, true)
            } else {
                (Reach::Group, is_known)
            }
        }
        InitKind::Catatonit if has('P') => (Reach::Nobody, true),
        InitKind::Catatonit if has('g') => (Reach::Group, true),
        InitKind::Catatonit => (Reach::MainChild, options.is_some()),
        InitKind::Pause => (Reach::Nobody, true),
        _ => (Reach::Unknown, false),
    }
}

/// How to make an init reach more than its main child.
pub(super) fn widen(kind: InitKind) -> Option<&'static Fix> {
    Some(match kind {
        InitKind::Tini => &fixes::TINI_GROUP,
        InitKind::DockerInit => &fixes::DOCKER_INIT_GROUP,
        InitKind::DumbInit => &fixes::DUMB_INIT_GROUP,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::init_kind;

    type Environ = Option<&'static [(&'static str, &'static str)]>;

    fn settings(environ: Environ) -> InitSettings {
        InitSettings {
            exe: None,
            environ: environ.map(|environ| {
                let pairs = environ.iter();
                pairs
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect()
            }),
        }
    }

    #[test]
    fn who_is_reached_follows_from_arguments_and_environment() {
        let group_by_environ: Environ = Some(&[("TINI_KILL_PROCESS_GROUP", "")]);
        let single_by_environ: Environ = Some(&[("DUMB_INIT_SETSID", "0")]);
        let session_by_environ: Environ = Some(&[("DUMB_INIT_SETSID", "1")]);
        let cases: [(&str, Environ, (Reach, bool)); 11] = [
            ("tini -- app", Some(&[]), (Reach::MainChild, true)),
            ("tini -- app", None, (Reach::MainChild, false)),
            ("tini -sg app", None, (Reach::Group, true)),
            ("tini app", group_by_environ, (Reach::Group, true)),
            ("docker-init -- app", Some(&[]), (Reach::MainChild, true)),
            ("dumb-init app", Some(&[]), (Reach::Group, true)),
            ("dumb-init app", None, (Reach::Group, false)),
            ("dumb-init -c app", None, (Reach::MainChild, true)),
            ("dumb-init app", single_by_environ, (Reach::MainChild, true)),
            ("dumb-init app", session_by_environ, (Reach::Group, true)),
            ("app -g", Some(&[]), (Reach::Unknown, false)),
        ];
        for (cmdline, environ, expected) in cases {
            let words: Vec<String> = cmdline.split(' ').map(str::to_owned).collect();
            let kind = init_kind("", Some(&words), None);
            assert_eq!(
                reach(kind, Some(&words), &settings(environ)),
                expected,
                "{cmdline} {environ:?}"
            );
        }
        let unread = reach(InitKind::Tini, None, &settings(Some(&[])));
        assert_eq!(unread, (Reach::MainChild, false));
    }
}
