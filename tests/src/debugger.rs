//! A debugger of the host: what looks at a process by ptrace(2).

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use crate::{needs::skip, wait};

/// A debugger of the host, or strace. Dropping it ends it.
#[derive(Debug)]
pub struct Debugger(Child);

impl Debugger {
    /// Traces all threads of a process, and returns once it does. `None`, with the reason printed, without strace.
    pub fn of(pid: u32) -> Option<Self> {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", "trace=none", "-p", &pid.to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let debugger = Self(command.spawn().ok().or_else(|| {
            skip("needs strace; install it: apt-get install strace");
            None
        })?);
        let own = format!("TracerPid:\t{}", debugger.0.id());
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

impl Drop for Debugger {
    fn drop(&mut self) {
        // It may have ended with what it traced.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
