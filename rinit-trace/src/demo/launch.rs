//! From a scenario's program to a command, with the files that it runs.

use std::{
    env, fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::{
    limit::MemoryLimit,
    needs,
    scenarios::{Program, Scenario, Server, Stop},
};

const APP_PY: &str = include_str!("programs/app.py");
const SERVER_PY: &str = include_str!("programs/server.py");
const SERVER_JAVA: &str = include_str!("programs/Server.java");

/// Small and quick: nothing of the JVM matters but its signal handlers.
const JAVA: &str = "java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData Server.java";

/// A command and what must live as long as its processes.
pub(super) struct Launch {
    pub(super) command: Command,
    pub(super) kept: Kept,
}

/// Removed when it is dropped.
#[derive(Default)]
pub(super) struct Kept {
    dir: Option<TempDir>,
    limit: Option<MemoryLimit>,
}

/// The command of a scenario that runs in a namespace.
pub(super) fn launch(scenario: &Scenario) -> Result<Launch> {
    let mut kept = Kept::default();
    let mut command = match scenario.program {
        Program::Own(programs) => {
            let mut command = Command::new(own_program()?);
            // Where this program lies says nothing in a report.
            command.arg0("rinit-trace").arg("workload").args(programs);
            command
        }
        Program::Under(init, programs) => under(init, programs.iter().copied())?,
        Program::UnderWithLimit(init, programs) => {
            let limit = kept.limit.insert(MemoryLimit::new()?);
            let path = limit.path().display().to_string();
            let programs: Vec<String> = programs
                .iter()
                .map(|program| program.replace("CGROUP", &path))
                .collect();
            under(init, programs.iter().map(String::as_str))?
        }
        Program::Bash(script, _) => {
            let mut command = Command::new("bash");
            command.args(["-c", script]);
            command
        }
        Program::Script(server, script) => {
            let dir = kept.dir.insert(files()?);
            let script = format!(
                "#!/bin/bash\n{}",
                script.replace("SERVER", start_of(server))
            );
            write(dir.path(), "run.sh", &script)?;
            let mut command = Command::new("bash");
            command.arg("run.sh").current_dir(dir.path());
            command
        }
        Program::Python => {
            let dir = kept.dir.insert(files()?);
            let mut command = Command::new("python3");
            command.arg("app.py").current_dir(dir.path());
            command
        }
        Program::DockerInit => anyhow::bail!("{} runs in Docker only", scenario.name),
    };
    command.env("PATH", path()?).stdout(Stdio::piped());
    command.stdin(match scenario.stop {
        Stop::Runtime(_) => Stdio::null(),
        Stop::ByItself | Stop::Stale { .. } => Stdio::piped(),
    });
    Ok(Launch { command, kept })
}

/// An init, and this program below it by its bare name, which [`path`] has it find.
fn under<'a>(init: &[&str], programs: impl Iterator<Item = &'a str>) -> Result<Command> {
    let (init, options) = init.split_first().context("no init")?;
    let own = own_program()?;
    let mut command = Command::new(init);
    command
        .args(options)
        .arg(own.file_name().context("this program's file has no name")?)
        .arg("workload")
        .args(programs);
    Ok(command)
}

/// How a script starts its server.
fn start_of(server: Server) -> &'static str {
    match server {
        Server::JavaOrPython if needs::has_java() => JAVA,
        Server::JavaOrPython | Server::Python => "python3 server.py",
        Server::PythonWithoutHandler => "python3 app.py",
    }
}

/// A folder with the servers.
fn files() -> Result<TempDir> {
    let dir = tempfile::Builder::new()
        .prefix("rinit-trace-demo-")
        .tempdir()
        .context("make a folder for the demo's files")?;
    for (name, text) in [
        ("app.py", APP_PY),
        ("server.py", SERVER_PY),
        ("Server.java", SERVER_JAVA),
    ] {
        write(dir.path(), name, text)?;
    }
    Ok(dir)
}

fn write(dir: &Path, name: &str, text: &str) -> Result<()> {
    let path = dir.join(name);
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))
}

/// PATH with this program and the real interpreter first.
fn path() -> Result<std::ffi::OsString> {
    let inherited = env::var_os("PATH").unwrap_or_default();
    let own = own_program()?;
    let dirs = [Some(own.as_path()), needs::python()];
    let dirs = dirs.into_iter().flatten().filter_map(Path::parent);
    let all = dirs
        .map(Path::to_path_buf)
        .chain(env::split_paths(&inherited));
    env::join_paths(all).context("put PATH together")
}

fn own_program() -> Result<PathBuf> {
    env::current_exe().context("find this program's file")
}
