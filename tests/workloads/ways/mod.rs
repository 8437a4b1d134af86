//! Every way to be killed: `ways=NAME[:PATH]` is PID 1 of a pid namespace. When SIGTERM comes, so that the stop has begun,
//! it has a process `victim` killed in the way with that name, reaps all, and exits. `unasked=NAME[:PATH]` does so when its
//! standard input ends. Others are called `killer`, or what they are.
//!
//! A way is one function that sets up the victim and whoever kills it, and returns when all is on its way. `PATH` is the
//! folder of a cgroup that the test has made. What a victim inherits: SIGTERM is handled, and nothing comes of it.

mod cgroups;
mod kernel;
mod parents;
mod process;
mod senders;
mod sys;
mod tracers;

use std::{io, process as own, time::Duration};

/// What sets one way up.
type Way = fn(path: &str) -> io::Result<()>;

/// How often a process looks whether something has come.
const LOOK: Duration = Duration::from_millis(1);

/// What PID 1 does once `begins` has returned.
pub(crate) fn run(argument: &str, begins: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let (name, path) = argument.split_once(':').unwrap_or((argument, ""));
    // Some of them would end the host.
    if own::id() != 1 {
        let text = "it is for the init of a pid namespace alone";
        return Err(io::Error::other(text));
    }
    let ways = [
        senders::WAYS,
        kernel::WAYS,
        parents::WAYS,
        tracers::WAYS,
        cgroups::WAYS,
    ];
    let mut all = ways.into_iter().flatten();
    let way = all
        .find(|(known, _)| *known == name)
        .map(|(_, way)| way)
        .ok_or_else(|| io::Error::other(format!("there is no way `{name}`")))?;
    begins()?;
    way(path)?;
    process::reap_all()
}
