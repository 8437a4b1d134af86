//! What of this machine a scenario runs, and what of that is missing.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use super::{
    container, docker, freezer, limit,
    scenarios::{First, Program, Scenario, Server, Stop, Supervisor},
};

/// What a scenario needs and this machine has not, for `skipped (needs …)`; `None` when it can run.
pub fn missing(scenario: &Scenario) -> Option<String> {
    if let Stop::Guest(guest) = scenario.stop
        && !matches!(scenario.program, Program::Docker)
    {
        return container::missing(guest.first == First::GuestByCgroupKill);
    }
    match scenario.program {
        Program::Own(_) => None,
        Program::OwnWithContainer(_) | Program::OnHost(_) | Program::OnHostBelow(_) => {
            container::missing(false)
        }
        Program::Under(init, _) => missing_program(init.first().copied()),
        Program::UnderWithLimit(init, _) => {
            missing_program(init.first().copied()).or_else(limit::missing)
        }
        Program::Bash(..) => missing_program(Some("bash")),
        Program::Script(server, _) => missing_program(Some("bash")).or_else(|| match server {
            Server::JavaOrPython if has_java() => None,
            Server::JavaOrPython => missing_python().map(|python| format!("java or {python}")),
            Server::Python | Server::PythonWithoutHandler => missing_python(),
        }),
        Program::Python => missing_python(),
        Program::Docker => docker::missing(docker::IMAGE),
        Program::OwnWithLimit(_) => limit::missing(),
        Program::OwnWithFreezer(_) => freezer::missing(),
        Program::Supervisor(Supervisor::S6, _) => missing_program(Some("s6-svscan")),
        Program::Supervisor(Supervisor::Runit, _) => missing_program(Some("runsvdir")),
    }
}

fn missing_program(name: Option<&str>) -> Option<String> {
    let name = name?;
    find(name).is_none().then(|| name.to_owned())
}

fn missing_python() -> Option<String> {
    python().is_none().then(|| "python3".to_owned())
}

/// Whether a JVM is here that runs a program from its source: the compiler comes with `javac`.
pub(super) fn has_java() -> bool {
    find("java").is_some() && find("javac").is_some()
}

/// The interpreter itself: `python3` on PATH may be a script that starts it.
pub(super) fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let output = Command::new("python3")
            .args(["-c", "import sys; print(sys.executable)"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let path = String::from_utf8(output.stdout).ok()?;
        Some(PathBuf::from(path.trim())).filter(|path| path.is_file())
    };
    PYTHON.get_or_init(find).as_deref()
}

/// A program on PATH.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|program| program.is_file())
}
