//! What a container may do that wants its stop, or those of others, not to be seen. It takes no right.

use std::io;

use crate::{os, say};

/// INT, QUIT, TERM, PWR and RTMIN+3: recorded between any two processes.
const STOP_SIGNALS: [i32; 5] = [2, 3, os::SIGTERM, 30, 37];

/// The attack of this name.
pub(crate) fn run(name: &str, number: u64) -> io::Result<()> {
    match name {
        "storm" => storm(i32::try_from(number).map_err(io::Error::other)?),
        "namespaces" => namespaces(number),
        _ => litter(number > 0),
    }
}

/// Signals process 1 without end.
fn storm(signal: i32) -> io::Result<()> {
    loop {
        os::send(1, signal)?;
    }
}

/// Starts so many processes that signal each other without end. As the only ones beside process 1 they have the
/// numbers behind its.
pub(crate) fn brawl(count: u64) -> io::Result<()> {
    let last = 1 + i32::try_from(count).map_err(io::Error::other)?;
    for signal in STOP_SIGNALS {
        os::handle(signal)?;
    }
    for _ in 0..count {
        if os::fork_here()?.is_none() {
            loop {
                for target in 2..=last {
                    for signal in STOP_SIGNALS {
                        // It may not be there yet.
                        let _ = os::send(target, signal);
                    }
                }
            }
        }
    }
    Ok(())
}

/// Makes so many pid namespaces, one process in each, as anybody may; without end for 0.
fn namespaces(count: u64) -> io::Result<()> {
    let mut made = 0;
    while count == 0 || made < count {
        made += 1;
        // A process that has made one can make no other.
        let Some(maker) = os::fork_here()? else {
            os::make_namespaces()?;
            let init = os::fork(|| os::leave())?;
            os::reap(init)?;
            os::leave()
        };
        os::reap(maker)?;
    }
    Ok(())
}

/// Starts processes without end, which end at once: half of them by SIGKILL; or all by themselves, where `tells` asks for a
/// line about each. On SIGTERM it goes on.
fn litter(tells: bool) -> io::Result<()> {
    for round in 0_u64.. {
        let child = os::fork(|| os::leave())?;
        if !tells && round % 2 == 0 {
            // It may have ended.
            let _ = os::send(child, os::SIGKILL);
        }
        os::reap(child)?;
        if tells {
            say("littered")?;
        }
    }
    Ok(())
}
