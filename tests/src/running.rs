//! A process that a test has started and that does not end by itself.

use std::process::{Child, Command, Stdio};

/// One of them. Dropping it ends it.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Starts it; what it says is not read.
    pub fn start(mut command: Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
