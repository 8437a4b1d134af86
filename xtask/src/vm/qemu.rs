//! A guest: a machine that QEMU emulates, with a deadline. Nothing of it is left when this returns, whatever happens.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::answers::{self, Answers};
use super::kernels::{self, Kernel};
use super::plan::Plan;
use crate::{interrupt, run};

const PROGRAM: &str = "qemu-system-x86_64";
/// A processor that all of Debian's kernels know, and that is quick to emulate.
const PROCESSOR: &str = "Nehalem";
const LOOK: Duration = Duration::from_millis(100);
const CONSOLE: &str = "console.log";
/// Lines of the console that are shown.
const TAIL: usize = 20;

/// What came of a guest.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) answers: Answers,
    /// Why it did not come to the end of its plan; empty when it did.
    pub(super) broke: String,
    /// Its folder, with all that it said.
    dir: PathBuf,
    pub(super) seconds: f64,
}

impl Ran {
    /// A guest that could not be started.
    pub(super) fn not_at_all(error: &anyhow::Error) -> Self {
        Self {
            answers: Answers::default(),
            broke: format!("{error:#}"),
            dir: PathBuf::new(),
            seconds: 0.0,
        }
    }

    /// The end of what its kernel said; empty when there was no guest.
    pub(super) fn end_of_console(&self) -> String {
        if self.dir.as_os_str().is_empty() {
            return String::new();
        }
        let text = fs::read(self.dir.join(CONSOLE)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(TAIL)..);
        format!(
            "all that it said is in {}; the end of {CONSOLE}:\n{}",
            self.dir.display(),
            last.unwrap_or_default().join("\n")
        )
    }
}

/// Starts a guest and waits for its end.
pub(super) fn boot(kernel: &Kernel, plan: &Plan, initramfs: &Path) -> Result<Ran> {
    let dir = kernels::dir()
        .join("guests")
        .join(format!("{}-{}", kernel.series, plan.id()));
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let (console, told) = (dir.join(CONSOLE), dir.join("answers.log"));
    // Those of the run before.
    for file in [&console, &told] {
        File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let mark = mark();
    let mut command = Command::new("nice");
    // It works as hard as it can, for minutes.
    command.args(["-n", "10", PROGRAM]);
    command.args(["-machine", "q35", "-accel", "tcg", "-cpu", PROCESSOR]);
    command.args(["-m", plan.contents.memory(), "-smp", &plan.cpus.to_string()]);
    command.args(["-nodefaults", "-no-user-config", "-no-reboot"]);
    command.args(["-display", "none"]);
    for file in [&console, &told] {
        command
            .arg("-serial")
            .arg(format!("file:{}", file.display()));
    }
    command.arg("-kernel").arg(&kernel.image);
    command.arg("-initrd").arg(initramfs);
    command.arg("-append").arg(format!(
        // On a busy machine the emulated timer is too late for the kernel's check of it.
        "console=ttyS0 quiet panic=-1 no_timer_check rdinit=/init plan={} mark={mark} {}",
        plan.id(),
        plan.command_line
    ));
    let began = Instant::now();
    let broke = Guest::start(&mut command)?.wait(Duration::from_secs(plan.seconds()))?;
    let answers = answers::read(&told, &mark)?;
    let broke = match broke {
        None if answers.is_over => String::new(),
        None => "the guest ended in the middle".to_owned(),
        Some(why) => why,
    };
    Ok(Ran {
        answers,
        broke,
        dir,
        seconds: began.elapsed().as_secs_f64(),
    })
}

/// A running QEMU. Dropping it kills it.
struct Guest(Child);

impl Guest {
    fn start(command: &mut Command) -> Result<Self> {
        command
            .stdin(Stdio::null())
            // Ctrl-C is for the chore, which then ends all guests.
            .process_group(0);
        // SAFETY: between fork and exec nothing but a system call that takes no memory.
        unsafe {
            command.pre_exec(|| {
                // When the chore is killed it cannot end its guests.
                if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                    return Err(io::Error::last_os_error());
                }
                Ok(())
            });
        }
        run::start(command).map(Self)
    }

    /// Waits for its end; answers why it was no good one.
    fn wait(mut self, time: Duration) -> Result<Option<String>> {
        let deadline = Instant::now() + time;
        loop {
            interrupt::check()?;
            if let Some(status) = self.0.try_wait().context("cannot wait for QEMU")? {
                let failed = (!status.success()).then(|| format!("{PROGRAM} ended with {status}"));
                return Ok(failed);
            }
            if Instant::now() > deadline {
                let seconds = time.as_secs();
                return Ok(Some(format!("the guest had not ended after {seconds} s")));
            }
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Ended already in the usual case; then both do nothing. `nice` has become QEMU: the pid is its own.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A word that nobody in a guest knows.
fn mark() -> String {
    use std::hash::{BuildHasher, RandomState};
    format!("@{:016x}", RandomState::new().hash_one(std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_hangs_is_ended_at_its_deadline() {
        let mut command = Command::new("sleep");
        let guest = Guest::start(command.arg("1000")).unwrap();
        let pid = guest.0.id();
        let broke = guest.wait(Duration::from_millis(1)).unwrap().unwrap();
        assert!(broke.starts_with("the guest had not ended"), "{broke}");
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn how_it_ended_is_told() {
        let wait = |script: &str| {
            let mut command = Command::new("sh");
            let guest = Guest::start(command.args(["-c", script])).unwrap();
            guest.wait(Duration::from_mins(1)).unwrap()
        };
        assert_eq!(wait("exit 0"), None);
        assert!(wait("exit 1").unwrap().ends_with("exit status: 1"));
    }

    #[test]
    fn no_mark_is_used_twice() {
        assert_ne!(mark(), mark());
    }
}
