//! What a test needs of the machine. Without it the test says so and is over, and is not counted as passed.

use std::{
    io::{self, Write as _},
    path::Path,
};

/// A kernel that shows its BTF, and root.
#[derive(Debug)]
pub struct Kernel(());

impl Kernel {
    /// `None`, with the reason printed, where there is none.
    pub fn ready() -> Option<Self> {
        // SAFETY: takes and touches nothing.
        if unsafe { libc::geteuid() } != 0 {
            skip("needs root; `cargo xtask test` runs it by sudo");
            return None;
        }
        if !Path::new("/sys/kernel/btf/vmlinux").exists() {
            skip("needs a kernel with BTF");
            return None;
        }
        Some(Self(()))
    }
}

/// Says why a test does not run. Past the capture of the test runner, or nobody would see it.
pub fn skip(reason: &str) {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "skipped: {reason}").expect("stdout is open");
}
