//! What is done to the processes of a cgroup: `cgroup.kill`, the freezer, and the OOM killer.

use std::{
    ffi::c_int,
    fs, hint,
    io::{self, Write as _},
    process as own, thread,
};

use super::{
    LOOK, Way,
    process::{another, reap_all, start, victim, victim_with_threads, wait},
    sys,
};
use crate::os;

pub(super) const WAYS: &[(&str, Way)] = &[
    ("cgroup-kill", |path| kill(path, victim()?.pid)),
    ("cgroup-kill-threads", |path| {
        kill(path, victim_with_threads()?.pid)
    }),
    ("cgroup-kill-by-member", |path| {
        add(path, victim()?.pid)?;
        another(|| {
            join(path)?;
            write(path, "cgroup.kill", "1")
        })
    }),
    ("cgroup-kill-of-a-storm", storm),
    ("frozen", |path| {
        let victim = victim()?.pid;
        add(path, victim)?;
        write(path, "cgroup.freeze", "1")?;
        while !fs::read_to_string(format!("{path}/cgroup.events"))?.contains("frozen 1") {
            thread::sleep(LOOK);
        }
        another(|| os::send(victim, os::SIGKILL))
    }),
    ("oom", |path| {
        start("victim", |mut words| {
            join(path)?;
            words.say()?;
            use_memory(ALL);
            Ok(())
        })
        .map(drop)
    }),
    ("oom-by-another", |path| {
        start("victim", |words| {
            join(path)?;
            let most = vec![1_u8; MOST];
            hint::black_box(&most);
            wait(words)
        })?;
        another(|| {
            join(path)?;
            use_memory(ALL - MOST);
            Ok(())
        })
    }),
    ("oom-of-shared-memory", |path| {
        start("victim", |mut words| {
            join(path)?;
            words.say()?;
            sys::share_memory()?;
            use_memory(ALL);
            Ok(())
        })
        .map(drop)
    }),
    // Of PID 1 itself.
    ("oom-of-init", |path| {
        join(path)?;
        use_memory(ALL);
        Ok(())
    }),
];

/// How often the storm is killed. The kernel takes the rare path in one of two hundred.
const ROUNDS: usize = 60;

/// Beyond the limit that the test has set, which is two thirds of it.
const ALL: usize = 48 << 20;
/// Below it, and most of it.
const MOST: usize = 26 << 20;

/// Moves a process into the cgroup, and kills the cgroup.
pub(super) fn kill(path: &str, pid: c_int) -> io::Result<()> {
    add(path, pid)?;
    write(path, "cgroup.kill", "1")
}

fn add(path: &str, pid: c_int) -> io::Result<()> {
    write(path, "cgroup.procs", &pid.to_string())
}

fn join(path: &str) -> io::Result<()> {
    write(path, "cgroup.procs", "0")
}

fn write(path: &str, file: &str, text: &str) -> io::Result<()> {
    let path = format!("{path}/{file}");
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| io::Error::other(format!("{path}: {error}")))
}

/// Kills processes that fork all the time: the kernel makes the SIGKILL of a child that was just then being forked in another
/// place, with its parent as the sender (`cgroup_post_fork()`).
fn storm(path: &str) -> io::Result<()> {
    for _ in 0..ROUNDS {
        for _ in 0..2 {
            start("forker", |mut words| {
                join(path)?;
                os::ignore(os::SIGCHLD)?;
                words.say()?;
                loop {
                    if os::fork_here()?.is_none() {
                        own::exit(0);
                    }
                }
            })?;
        }
        write(path, "cgroup.kill", "1")?;
        reap_all()?;
    }
    Ok(())
}

/// Takes memory, and gives it back when it has got it.
fn use_memory(size: usize) {
    hint::black_box(vec![1_u8; size]);
}
