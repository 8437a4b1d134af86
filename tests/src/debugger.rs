//! A debugger of the host: what looks at a process by ptrace(2).

use std::{fs, process::Command};

use crate::{needs::skip, program::find, running::Running, wait};

/// A debugger of the host, or strace. Dropping it ends it.
#[derive(Debug)]
pub struct Debugger(Running);

impl Debugger {
    /// Traces all threads of a process, and returns once it does. `None`, with the reason printed, without strace.
    pub fn of(pid: u32) -> Option<Self> {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", "trace=none", "-p", &pid.to_string()]);
        if find("strace").is_none() {
            skip("needs strace; install it: apt-get install strace");
            return None;
        }
        let debugger = Self(Running::start(command));
        let own = format!("TracerPid:\t{}", debugger.0.pid());
        wait::until("strace traces all threads", || {
            let mut tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
            let is_traced = tasks.all(|task| {
                let status = fs::read_to_string(task.unwrap().path().join("status"));
                status.unwrap_or_default().lines().any(|line| line == own)
            });
            is_traced.then_some(())
        });
        Some(debugger)
    }
}
