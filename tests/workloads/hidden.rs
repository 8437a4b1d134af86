//! Processes that a tracer may overlook: deep in namespaces, and with numbers that others had before.

use std::{
    ffi::c_int,
    fs, io,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    process::{self, Command},
};

use crate::{number, os, say};

/// As many as a pid namespace may have numbers (`PID_MAX_LIMIT`, include/linux/threads.h).
const FORKS: u32 = 1 << 22;

/// So many of those that make a namespace pass SIGTERM on, and wait for the init of it.
const WAIT: u64 = 2;

/// Makes namespaces, and becomes a program in the last one. `N:PROGRAM`; only an error comes back.
pub(crate) fn deep(argument: &str) -> io::Error {
    let Some((count, program)) = argument.split_once(':') else {
        return io::Error::other("deep=N:PROGRAM");
    };
    let gone_down = number(count).and_then(go_down);
    let Err(error) = gone_down else {
        return Command::new("/proc/self/exe").arg(program).exec();
    };
    error
}

fn go_down(levels: u64) -> io::Result<()> {
    os::handle(os::SIGTERM)?;
    for level in 0..levels {
        let own = fs::metadata("/proc/self")?;
        os::make_namespaces()?;
        // Who has no number in a user namespace can make none within it.
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("0 {} 1", own.uid()))?;
        fs::write("/proc/self/gid_map", format!("0 {} 1", own.gid()))?;
        if let Some(init) = os::fork_here()? {
            os::wait_for_term();
            if level < WAIT {
                os::send(init, os::SIGTERM)?;
                os::reap(init)?;
            }
            os::leave();
        }
    }
    Ok(())
}

/// Starts processes with these numbers, as long as there are more.
pub(crate) fn disguise() -> io::Result<()> {
    for line in io::stdin().lines() {
        fork_as(c_int::try_from(number(&line?)?).map_err(io::Error::other)?)?;
        say("disguised")?;
    }
    os::wait_forever()
}

/// Returns once the process has ended.
fn fork_as(wanted: c_int) -> io::Result<()> {
    for _ in 0..FORKS {
        // Without the right to it the number comes round by itself, only later.
        let _ = fs::write("/proc/sys/kernel/ns_last_pid", (wanted - 1).to_string());
        match os::fork_here()? {
            None if process::id() == wanted.unsigned_abs() => impersonate()?,
            None => os::leave(),
            Some(pid) => {
                os::reap(pid)?;
                if pid == wanted {
                    return Ok(());
                }
            }
        }
    }
    Err(io::Error::other("somebody keeps the number"))
}

fn impersonate() -> io::Result<()> {
    os::lead_session()?;
    os::set_name(b"disguised")?;
    for _ in 0..2 {
        os::fork(os::wait_forever)?;
    }
    os::leave()
}
