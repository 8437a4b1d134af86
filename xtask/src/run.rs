//! Running other programs: as root when needed, to their end or until Ctrl-C.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::{interrupt, workspace};

/// How often a running program is looked at; only how late its end and Ctrl-C are noticed hangs on it.
const LOOK: Duration = Duration::from_millis(30);

/// The error of a chore that has already told its user what went wrong.
#[derive(Debug)]
pub(crate) struct Told;

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reason is above")
    }
}

impl std::error::Error for Told {}

/// The command line as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The program to be run as root: through sudo when we are not.
pub(crate) fn as_root(program: impl AsRef<OsStr>) -> Result<Command> {
    if rustix::process::geteuid().is_root() {
        return Ok(Command::new(program));
    }
    let program = program.as_ref();
    let Some(sudo) = workspace::find_program("sudo") else {
        bail!(
            "cannot run {} as root: not root, and no sudo; run this as root",
            program.display()
        );
    };
    let mut command = Command::new(sudo);
    command.arg(program);
    Ok(command)
}

/// Lets cargo run what it builds as root: the programs alone, so that the files it makes stay ours.
pub(crate) fn as_root_runner(cargo: &mut Command) {
    if !rustix::process::geteuid().is_root() {
        let runner = format!(
            "CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUNNER",
            std::env::consts::ARCH.to_uppercase()
        );
        cargo.env(runner, "sudo -E");
    }
}

/// Prints the command, runs it, and fails unless it succeeds.
pub(crate) fn shown_and_run(command: &mut Command) -> Result<()> {
    eprintln!("+ {}", shown(command));
    succeed(command)
}

/// Runs a command and fails unless it succeeds.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("`{}` failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs a command to its end.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    let mut child = start(command)?;
    wait(&mut child)
}

/// Runs a command with its stdout passed through, line by line, and hands each line to `see`.
pub(crate) fn status_with_lines(
    command: &mut Command,
    mut see: impl FnMut(&str) + Send + 'static,
) -> Result<ExitStatus> {
    let mut child = start(command.stdout(Stdio::piped()))?;
    let reader: Option<JoinHandle<()>> = child.stdout.take().map(|stdout| {
        thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                // Our own stdout may be closed; the tests go on.
                let _ = writeln!(std::io::stdout(), "{line}");
                see(&line);
            }
        })
    });
    let status = wait(&mut child)?;
    // After an interrupt `wait` has failed: nobody waits here for a grandchild that holds the pipe.
    if reader.is_some_and(|reader| reader.join().is_err()) {
        bail!("cannot read what `{}` prints", shown(command));
    }
    Ok(status)
}

/// What a command prints on stdout, when it succeeds.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

pub(crate) fn start(command: &mut Command) -> Result<Child> {
    interrupt::check()?;
    command
        .spawn()
        .with_context(|| format!("cannot start `{}`", shown(command)))
}

fn wait(child: &mut Child) -> Result<ExitStatus> {
    loop {
        let ended = child.try_wait().context("cannot wait for a program")?;
        if interrupt::arrived() {
            if ended.is_none() {
                interrupt::terminate_tree(child.id());
                child.wait().context("cannot wait for a program")?;
            }
            bail!("interrupted");
        }
        match ended {
            Some(status) => return Ok(status),
            None => thread::sleep(LOOK),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_typed() {
        let mut command = Command::new("env");
        command.args(["A=b", "two words", "it's", ""]);
        assert_eq!(shown(&command), r"env A=b 'two words' 'it'\''s' ''");
    }

    #[test]
    fn lines_are_seen_and_the_status_is_kept() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; printf two; exit 3"]);
        let status = status_with_lines(&mut command, move |line| {
            let _ = sender.send(line.to_owned());
        })
        .unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(receiver.iter().collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn failure_names_the_command() {
        let error = succeed(Command::new("sh").args(["-c", "exit 1"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c 'exit 1'` failed: exit status: 1");
    }
}
