//! Which program is PID 1.

use super::InitKind;

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

pub(crate) fn base_name(path: &str) -> &str {
    // The kernel says so of a file that was replaced or removed.
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    path.rsplit('/').next().unwrap_or(path)
}

impl InitKind {
    /// Inits that only start, reap and signal others, and leave when their main child has ended.
    pub fn leaves_with_main_child(self) -> bool {
        matches!(
            self,
            Self::Tini | Self::DockerInit | Self::DumbInit | Self::Catatonit
        )
    }
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
}
