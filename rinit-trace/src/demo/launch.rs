//! From a scenario's program to a command, with the files that it runs.

use std::{
    env, fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use rinit_trace_core::model::Signal;
use tempfile::TempDir;

use super::{
    container::Container,
    freezer::Freezer,
    limit::MemoryLimit,
    needs,
    scenarios::{Program, Scenario, Server, Stop, Supervisor},
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
    freezer: Option<Freezer>,
    container: Option<Container>,
}

impl Kept {
    /// Whom the launch puts into a freezer, if it made one.
    pub(super) fn freezer(&self) -> Option<&Freezer> {
        self.freezer.as_ref()
    }

    /// The cgroup that makes a container of somebody, if the launch made one.
    pub(super) fn container(&self) -> Option<&Container> {
        self.container.as_ref()
    }

    /// The same, given away to be removed.
    pub(super) fn take_container(&mut self) -> Option<Container> {
        self.container.take()
    }
}

/// The command of a scenario that runs in a namespace.
pub(super) fn launch(scenario: &Scenario) -> Result<Launch> {
    let mut kept = Kept::default();
    let mut command = match scenario.program {
        Program::Own(programs) => own(programs.iter().copied())?,
        Program::Under(init, programs) => under(init, programs.iter().copied())?,
        Program::UnderWithLimit(init, programs) => {
            let limit = kept.limit.insert(MemoryLimit::new()?);
            let programs = in_cgroup(programs, limit.path());
            under(init, programs.iter().map(String::as_str))?
        }
        Program::OwnWithLimit(programs) => {
            let limit = kept.limit.insert(MemoryLimit::new()?);
            own_in_cgroup(programs, limit.path())?
        }
        Program::OwnWithFreezer(programs) => {
            let freezer = kept.freezer.insert(Freezer::new()?);
            own_in_cgroup(programs, freezer.path())?
        }
        Program::OwnWithContainer(programs) => {
            let container = kept.container.insert(Container::new()?);
            own_in_cgroup(programs, container.path())?
        }
        Program::OnHost(programs) => on_host(programs, kept.container.insert(Container::new()?))?,
        Program::OnHostBelow(programs) => {
            let container = kept.container.insert(Container::new()?);
            container.go_below()?;
            on_host(programs, container)?
        }
        Program::Supervisor(supervisor, service) => {
            let dir = kept.dir.insert(folder()?);
            supervise(supervisor, service, dir.path())?
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
        Program::Docker => anyhow::bail!("{} runs in Docker only", scenario.name),
    };
    command.env("PATH", path()?).stdout(Stdio::piped());
    command.stdin(input(scenario.stop));
    Ok(Launch { command, kept })
}

/// Who is told what to do has an input.
fn input(stop: Stop) -> Stdio {
    match stop {
        Stop::ByItself | Stop::Stale { .. } | Stop::ToldFirst(_) | Stop::Outsider(_) => {
            Stdio::piped()
        }
        _ => Stdio::null(),
    }
}

/// Another container, for the workload's namespace.
pub(super) fn guest(programs: &[&str], kept: &mut Kept) -> Result<Command> {
    let mut command = session(programs)?;
    let container = kept.container.insert(Container::new()?);
    container.hold(&mut command)?;
    Ok(command)
}

/// What enters the workload's namespace.
pub(super) fn session(programs: &[&str]) -> Result<Command> {
    let mut command = own(programs.iter().copied())?;
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command)
}

/// A process of the host that sends a signal. Its parent is another than that of the workload: who shares that looks
/// like the runtime.
pub(super) fn outsider(signal: Signal, pid: u32) -> Result<Command> {
    let operator = format!("operator:sends={signal}/{pid}");
    let mut command = own(["console:ends", &operator].into_iter())?;
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

fn own<'a>(programs: impl Iterator<Item = &'a str>) -> Result<Command> {
    let mut command = Command::new(own_program()?);
    // Where this program lies says nothing in a report.
    command.arg0("rinit-trace").arg("workload").args(programs);
    Ok(command)
}

fn on_host(programs: &[&str], container: &Container) -> Result<Command> {
    let mut command = own(programs.iter().copied())?;
    container.hold(&mut command)?;
    Ok(command)
}

fn own_in_cgroup(programs: &[&str], path: &Path) -> Result<Command> {
    let programs = in_cgroup(programs, path);
    own(programs.iter().map(String::as_str))
}

fn in_cgroup(programs: &[&str], path: &Path) -> Vec<String> {
    let path = path.display().to_string();
    let programs = programs.iter();
    programs
        .map(|program| program.replace("CGROUP", &path))
        .collect()
}

/// A supervisor over a folder with one service, which is this program.
fn supervise(supervisor: Supervisor, service: &str, dir: &Path) -> Result<Command> {
    let services = dir.join("services");
    let folder = services.join("service");
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let own = own_program()?;
    let own = own.file_name().context("this program's file has no name")?;
    let run = format!("#!/bin/sh\nexec {} workload {service}\n", own.display());
    write(&folder, "run", &run)?;
    let run = folder.join("run");
    fs::set_permissions(&run, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("make {} executable", run.display()))?;
    let mut command = match supervisor {
        Supervisor::S6 => {
            // Milliseconds.
            write(&folder, "timeout-kill", "500\n")?;
            Command::new("s6-svscan")
        }
        Supervisor::Runit => {
            let mut command = Command::new("runsvdir");
            // Each service in a session of its own, as runit's own boot has it.
            command.arg("-P");
            command
        }
    };
    command.arg(services);
    Ok(command)
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
    let dir = folder()?;
    for (name, text) in [
        ("app.py", APP_PY),
        ("server.py", SERVER_PY),
        ("Server.java", SERVER_JAVA),
    ] {
        write(dir.path(), name, text)?;
    }
    Ok(dir)
}

fn folder() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("rinit-trace-demo-")
        .tempdir()
        .context("make a folder for the demo's files")
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
