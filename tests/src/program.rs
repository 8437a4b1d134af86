//! The program under test, and the one that is traced.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::tracer::Tracer;

/// The static program `tests/workloads/workload.rs`.
pub const WORKLOAD: &str = env!("WORKLOAD_PROGRAM");

/// The one of `tests/workloads/tree`.
pub const TREE: &str = env!("TREE_PROGRAM");

/// `rinit-trace` as users have it: `RINIT_TRACE_BIN`, else the release build of this workspace.
pub fn program() -> PathBuf {
    let path = env::var_os("RINIT_TRACE_BIN").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/rinit-trace"),
        PathBuf::from,
    );
    assert!(
        path.is_file(),
        "no program at {}; run `cargo build --release -p rinit-trace`, or set RINIT_TRACE_BIN",
        path.display()
    );
    path
}

/// How a program has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ended {
    /// Panics unless it ended with this code and one line on stderr, an error, which is returned.
    pub fn error(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:#?}");
        let mut lines = self.stderr.lines();
        let line = lines.next().unwrap_or_default();
        assert!(line.starts_with("error: "), "{self:#?}");
        assert_eq!(lines.next(), None, "more than one line: {self:#?}");
        line
    }
}

/// Copies a program that is to be run. By another process: while we held it open for writing, a child that another test starts
/// at that moment would hold it, too, and it could not be run ("text file busy").
pub fn copy_program(from: &Path, to: &Path) {
    let status = Command::new("cp").args([from, to]).status().unwrap();
    assert!(status.success(), "cp {}: {status}", from.display());
}

/// Runs `rinit-trace` to its end.
pub fn run(arguments: &[&str]) -> Ended {
    Tracer::spawn(arguments).ended()
}

/// Runs `rinit-trace` at another place through another program, such as `setpriv`.
pub fn run_by(wrapper: &[&str], program: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new(wrapper[0]);
    command.args(&wrapper[1..]).arg(program).args(arguments);
    Tracer::spawn_command(command).ended()
}

/// Runs `rinit-trace` with an output that nobody reads, as before `| head` when that has ended.
pub fn run_with_closed_stdout(arguments: &[&str]) -> Ended {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = plain(program());
    command.args(arguments);
    Tracer::spawn_into(command, writer.into()).ended()
}

/// Runs a command that makes an image of the archive on its stdin: `docker import -`. The workload is all that is in it,
/// as `/workload`.
pub(crate) fn import_workload(import: &mut Command) {
    let (folder, name) = WORKLOAD.rsplit_once('/').unwrap();
    let mut tar = Command::new("tar");
    tar.args(["--create", "--directory", folder, "--transform"]);
    tar.args(["s,.*,workload,", name]);
    let mut tar = tar.stdout(Stdio::piped()).spawn().unwrap();
    import.stdin(tar.stdout.take().unwrap());
    let output = import.output().unwrap();
    assert!(
        output.status.success() && tar.wait().unwrap().success(),
        "{import:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A command with pipes, no input, and none of the variables that change what `rinit-trace` does.
pub(crate) fn plain(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    quiet(&mut command);
    command
}

pub(crate) fn quiet(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("RINIT_TRACE_") {
            command.env_remove(name);
        }
    }
    command
        .env_remove("DOCKER_HOST")
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
}

/// Where a program is, if it is.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|program| program.is_file())
}
