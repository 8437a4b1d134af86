//! The init knowledge base: which program is PID 1, whom it passes a stop signal on to, and what to
//! change about it.
//!
//! Read in the sources of tini 0.19.0, dumb-init 1.2.5 and catatonit 0.2.1, and measured with
//! Debian's packages of them (end-to-end tests, `tests/tests/inits.rs`).

mod options;

use crate::model::{InitKind, InitSettings};

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

/// Recognises an init by its executable, its command name and its arguments. A program may call
/// itself anything: the kind changes what is advised and whether the init itself counts as lost
/// cleanup, never who was killed.
pub fn init_kind(comm: &str, cmdline: Option<&[String]>, exe: Option<&str>) -> InitKind {
    let program = cmdline.and_then(|cmdline| cmdline.first());
    if comm.is_empty() && program.is_none() && exe.is_none() {
        return InitKind::Unknown;
    }
    // An interpreter's name says less than its script's.
    let by_script = cmdline
        .and_then(|cmdline| cmdline.get(1))
        .and_then(|path| by_name(base_name(path)))
        .filter(|kind| *kind == InitKind::Supervisor);
    // Shells go by the name they are called by: busybox is all of them.
    by_script
        .or_else(|| exe.and_then(|path| by_name(base_name(path))))
        .or_else(|| program.and_then(|path| by_name(base_name(path))))
        .or_else(|| by_name(comm))
        .unwrap_or(InitKind::App)
}

fn by_name(name: &str) -> Option<InitKind> {
    Some(match name.trim_start_matches('-') {
        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "mksh" | "fish" => InitKind::Shell,
        "tini" | "tini-static" => InitKind::Tini,
        "docker-init" => InitKind::DockerInit,
        "dumb-init" => InitKind::DumbInit,
        // podman mounts it under a name of its own.
        "catatonit" | "podman-init" => InitKind::Catatonit,
        "s6-svscan" | "s6-overlay-suexec" => InitKind::S6,
        "systemd" => InitKind::Systemd,
        "pause" => InitKind::Pause,
        "supervisord" | "runsvdir" | "runit" | "runit-init" | "monit" | "circusd" => {
            InitKind::Supervisor
        }
        _ => return None,
    })
}

pub(super) fn base_name(path: &str) -> &str {
    // The kernel says so of a file that was replaced or removed.
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    path.rsplit('/').next().unwrap_or(path)
}

/// Inits that only start, reap and signal others, and leave when their main child has ended.
pub(super) fn leaves_with_main_child(kind: InitKind) -> bool {
    matches!(
        kind,
        InitKind::Tini | InitKind::DockerInit | InitKind::DumbInit | InitKind::Catatonit
    )
}

/// Inits that only start and reap others.
pub(super) fn has_nothing_to_clean_up(kind: InitKind) -> bool {
    leaves_with_main_child(kind) || matches!(kind, InitKind::S6 | InitKind::Pause)
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
pub(super) fn widen(kind: InitKind) -> Option<&'static str> {
    Some(match kind {
        InitKind::Tini => {
            "run tini with -g: the whole process group of its child gets the signal then"
        }
        InitKind::DockerInit => {
            "set TINI_KILL_PROCESS_GROUP=1 in the container's environment (docker run -e): docker-init is tini, and has no other switch for its -g"
        }
        InitKind::DumbInit => {
            "run dumb-init without -c (--single-child) and without DUMB_INIT_SETSID=0: the whole process group of its child gets the signal then"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(comm: &str, cmdline: &[&str]) -> InitKind {
        let cmdline: Vec<String> = cmdline.iter().map(ToString::to_string).collect();
        init_kind(comm, (!cmdline.is_empty()).then_some(&cmdline), None)
    }

    #[test]
    fn programs_are_known_by_path_or_by_name() {
        assert_eq!(
            kind("tini", &["/usr/bin/tini", "--", "app"]),
            InitKind::Tini
        );
        assert_eq!(
            kind("docker-init", &["/sbin/docker-init", "--"]),
            InitKind::DockerInit
        );
        assert_eq!(kind("sh", &["/bin/sh", "-c", "x"]), InitKind::Shell);
        assert_eq!(kind("bash", &[]), InitKind::Shell);
        assert_eq!(kind("java", &["java", "-jar", "x"]), InitKind::App);
        assert_eq!(kind("", &[]), InitKind::Unknown);
    }

    #[test]
    fn an_interpreter_that_runs_a_supervisor_is_one() {
        let cmdline = ["/usr/bin/python3", "/usr/bin/supervisord", "-n"];
        assert_eq!(kind("supervisord", &cmdline), InitKind::Supervisor);
        assert_eq!(kind("python3", &["python3", "app.py"]), InitKind::App);
    }

    #[test]
    fn an_executable_tells_what_a_name_hides() {
        let cmdline = ["/dev/init".to_owned(), "--".to_owned()];
        for (exe, kind) in [
            ("/usr/bin/catatonit", InitKind::Catatonit),
            ("/usr/bin/catatonit (deleted)", InitKind::Catatonit),
            ("/run/podman-init", InitKind::Catatonit),
            ("/sbin/docker-init", InitKind::DockerInit),
            ("/bin/busybox", InitKind::App),
        ] {
            assert_eq!(init_kind("init", Some(&cmdline), Some(exe)), kind, "{exe}");
        }
    }

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
