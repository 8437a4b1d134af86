//! The init knowledge base: which program is PID 1.

use crate::model::InitKind;

/// Recognises an init by its command name and its arguments. A program may call itself anything:
/// the kind changes what is advised and whether the init itself counts as lost cleanup, never who
/// was killed.
pub fn init_kind(comm: &str, cmdline: Option<&[String]>) -> InitKind {
    let program = cmdline.and_then(|cmdline| cmdline.first());
    if comm.is_empty() && program.is_none() {
        return InitKind::Unknown;
    }
    let by_program = program.and_then(|path| by_name(base_name(path)));
    // An interpreter's name says less than its script's.
    let by_script = cmdline
        .and_then(|cmdline| cmdline.get(1))
        .and_then(|path| by_name(base_name(path)))
        .filter(|kind| *kind == InitKind::Supervisor);
    by_script
        .or(by_program)
        .or_else(|| by_name(comm))
        .unwrap_or(InitKind::App)
}

fn by_name(name: &str) -> Option<InitKind> {
    Some(match name.trim_start_matches('-') {
        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "mksh" | "fish" => InitKind::Shell,
        "tini" | "tini-static" => InitKind::Tini,
        "docker-init" => InitKind::DockerInit,
        "dumb-init" => InitKind::DumbInit,
        "catatonit" => InitKind::Catatonit,
        "s6-svscan" | "s6-overlay-suexec" => InitKind::S6,
        "systemd" => InitKind::Systemd,
        "pause" => InitKind::Pause,
        "supervisord" | "runsvdir" | "runit" | "runit-init" | "monit" | "circusd" => {
            InitKind::Supervisor
        }
        _ => return None,
    })
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(comm: &str, cmdline: &[&str]) -> InitKind {
        let cmdline: Vec<String> = cmdline.iter().map(ToString::to_string).collect();
        init_kind(comm, (!cmdline.is_empty()).then_some(&cmdline))
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
}
