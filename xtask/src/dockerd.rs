//! A Docker engine for the length of a chore: the one that answers, else one that is started here and stopped after.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::{interrupt, run, workspace};

const SOCKET: &str = "/var/run/docker.sock";
const PID_FILE: &str = "/var/run/docker.pid";
/// An engine that runs answers at once.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// The engine starts in a few seconds, the first time on a slow disk in tens of them.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Docker gives each container ten seconds to stop.
const STOP_TIMEOUT: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(100);
/// Lines of the log in an error.
const TAIL: usize = 5;

/// A Docker engine that answers as long as this lives.
pub(crate) struct Engine {
    /// The engine when it was started here.
    started: Option<Child>,
}

/// Uses the engine that answers, else starts one.
pub(crate) fn ensure() -> Result<Engine> {
    if answers() {
        return Ok(Engine { started: None });
    }
    check_cgroups(&fs::read_to_string("/proc/mounts").unwrap_or_default())?;
    remove_stale_pid_file()?;
    let log = workspace::scratch_dir().join("dockerd.log");
    // From here on the guard stops it, whatever happens.
    let mut engine = Engine {
        started: Some(start(&log)?),
    };
    engine.wait_until_it_answers(&log)?;
    Ok(engine)
}

impl Engine {
    fn wait_until_it_answers(&mut self, log: &Path) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while !answers() {
            interrupt::check()?;
            let ended = self
                .started
                .as_mut()
                .and_then(|child| child.try_wait().transpose())
                .transpose();
            if let Some(status) = ended.context("cannot wait for dockerd")? {
                self.started = None;
                bail!(
                    "cannot start dockerd: it ended with {status}; {}",
                    tail(log)
                );
            }
            if Instant::now() > deadline {
                bail!(
                    "cannot start dockerd: no answer after {} s; {}",
                    START_TIMEOUT.as_secs(),
                    tail(log)
                );
            }
            thread::sleep(LOOK);
        }
        eprintln!("dockerd answers; its log is {}", log.display());
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(child) = &mut self.started else {
            return;
        };
        let deadline = Instant::now() + STOP_TIMEOUT;
        if let Err(error) = ask_to_end(child.id()) {
            eprintln!(
                "warning: cannot stop dockerd, pid {}: {error:#}; stop it by hand",
                child.id()
            );
            return;
        }
        while let Ok(None) = child.try_wait() {
            if Instant::now() > deadline {
                eprintln!(
                    "warning: dockerd, pid {}, has not ended after SIGTERM; stop it by hand",
                    child.id()
                );
                return;
            }
            thread::sleep(LOOK);
        }
        eprintln!("dockerd stopped");
    }
}

/// SIGTERM to exactly this process, which is sudo's when we are not root: sudo passes it on.
fn ask_to_end(pid: u32) -> Result<()> {
    if geteuid().is_root() {
        let pid = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .context("not a pid")?;
        return kill_process(pid, Signal::TERM).context("kill");
    }
    // Not through `run::status`, which refuses to start anything after Ctrl-C.
    let status = run::as_root("kill")?
        .args(["-TERM", &pid.to_string()])
        .status()
        .context("sudo kill")?;
    if !status.success() {
        bail!("sudo kill: {status}");
    }
    Ok(())
}

/// Whether an engine answers on the socket.
fn answers() -> bool {
    match ping(Path::new(SOCKET)) {
        Ok(answered) => answered,
        // There, but not ours to open: ask as root.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => run::as_root("docker")
            .is_ok_and(|mut docker| run::output(docker.arg("version")).is_some()),
        Err(_) => false,
    }
}

fn ping(socket: &Path) -> io::Result<bool> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PING_TIMEOUT))?;
    stream.set_write_timeout(Some(PING_TIMEOUT))?;
    stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(answer.ends_with(b" 200"))
}

/// Without controllers the engine starts and then fails on its first container, with a worse message.
fn check_cgroups(mounts: &str) -> Result<()> {
    let mounted = mounts.lines().any(|line| {
        let mut fields = line.split(' ').skip(1);
        let under = fields
            .next()
            .is_some_and(|path| path.starts_with("/sys/fs/cgroup"));
        under && matches!(fields.next(), Some("cgroup" | "cgroup2"))
    });
    if !mounted {
        bail!(
            "cannot start dockerd: no cgroups under /sys/fs/cgroup; \
             mount them, for example with `mount -t cgroup2 none /sys/fs/cgroup`"
        );
    }
    Ok(())
}

/// Removes the pid file of an engine that did not end by itself. The engine would take whoever has that pid now for
/// itself and not start.
fn remove_stale_pid_file() -> Result<()> {
    let Ok(pid) = fs::read_to_string(PID_FILE) else {
        return Ok(());
    };
    let alive = Path::new("/proc").join(pid.trim()).exists();
    if alive {
        return Ok(());
    }
    run::shown_and_run(run::as_root("rm")?.arg(PID_FILE))
}

fn start(log: &Path) -> Result<Child> {
    let Some(dockerd) = workspace::find_program("dockerd") else {
        bail!("cannot start dockerd: it is not installed; run `cargo xtask setup --tests`");
    };
    fs::create_dir_all(workspace::scratch_dir())
        .context("cannot make a folder for dockerd's log")?;
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    if !geteuid().is_root() {
        // Asks for the password here, where the terminal is still ours.
        run::succeed(Command::new("sudo").arg("--validate"))?;
    }
    let mut command = run::as_root(dockerd)?;
    eprintln!("+ {}", run::shown(&command));
    command
        .env("PATH", path_with_sbin())
        .stdin(Stdio::null())
        .stdout(file.try_clone().context("cannot write dockerd's log")?)
        .stderr(file)
        // Ctrl-C is for the chore, which then stops the engine after its containers.
        .process_group(0);
    run::start(&mut command)
}

/// dockerd looks for iptables and for its own helpers on PATH; an ordinary user's lacks the folders.
fn path_with_sbin() -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    std::env::join_paths(dirs).unwrap_or(path)
}

/// The end of the log, on one line.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines
        .get(lines.len().saturating_sub(TAIL)..)
        .unwrap_or_default();
    format!("the last lines of {}: {}", log.display(), last.join(" | "))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn cgroups_of_either_version_do() {
        assert!(
            check_cgroups(
                "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/pids cgroup rw 0 0"
            )
            .is_ok()
        );
        assert!(check_cgroups("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0").is_ok());
        assert!(
            check_cgroups("tmpfs /sys/fs/cgroup tmpfs rw 0 0\nproc /proc proc rw 0 0").is_err()
        );
    }

    #[test]
    fn ping_understands_an_engine_and_its_absence() {
        let path = std::env::temp_dir().join(format!("xtask-ping-{}.sock", std::process::id()));
        assert!(ping(&path).is_err());
        let listener = UnixListener::bind(&path).unwrap();
        let server = thread::spawn(move || {
            for answer in [
                "HTTP/1.0 200 OK\r\n\r\nOK",
                "HTTP/1.0 500 Internal Server Error\r\n\r\n",
            ] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 8];
                stream.read_exact(&mut request).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        assert!(ping(&path).unwrap());
        assert!(!ping(&path).unwrap());
        server.join().unwrap();
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn error_shows_the_end_of_the_log() {
        let path = std::env::temp_dir().join(format!("xtask-log-{}", std::process::id()));
        fs::write(&path, "1\n2\n3\n4\n5\n6\nno iptables\n").unwrap();
        assert!(tail(&path).ends_with(": 3 | 4 | 5 | 6 | no iptables"));
        fs::remove_file(&path).unwrap();
    }
}
