//! SIGKILL by a system call: to a process, to a thread, to a group, and what becomes of it in each state of the victim.

use std::{
    ffi::c_int,
    io,
    os::unix::process::CommandExt as _,
    process::{self as own, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::{
    LOOK, Way,
    process::{Words, another, more_threads, start, status, victim, victim_with_threads, wait},
    sys::{self, PidfdFlag},
};
use crate::os;

pub(super) const WAYS: &[(&str, Way)] = &[
    // Who, and to whom.
    ("kill", |_| {
        by_another(|victim| os::send(victim, os::SIGKILL))
    }),
    ("kill-by-parent", |_| os::send(victim()?.pid, os::SIGKILL)),
    ("kill-by-itself", |_| {
        by_itself(|pid| os::send(pid, os::SIGKILL))
    }),
    ("kill-group", |_| {
        group(|group| os::send(-group, os::SIGKILL))
    }),
    ("kill-own-group", |_| {
        group(|group| {
            sys::join_group(group)?;
            os::send(0, os::SIGKILL)
        })
    }),
    ("kill-all", |_| by_another(|_| os::send(-1, os::SIGKILL))),
    ("kill-all-by-init", |_| {
        let _victim = victim()?;
        os::send(-1, os::SIGKILL)
    }),
    ("tgkill", |_| {
        by_another(|victim| sys::kill_thread_of(victim, victim))
    }),
    ("tgkill-a-thread", |_| to_a_thread(sys::kill_thread_of)),
    ("tgkill-by-itself", |_| {
        by_itself(|pid| sys::kill_thread_of(pid, pid))
    }),
    ("tkill", |_| by_another(sys::kill_thread)),
    ("sigqueue", |_| by_another(sys::queue_kill)),
    ("sigqueue-to-a-thread", |_| {
        to_a_thread(sys::queue_kill_to_thread)
    }),
    ("pidfd", |_| {
        by_another(|victim| sys::kill_by_pidfd(victim, PidfdFlag::None))
    }),
    ("pidfd-thread", |_| {
        by_another(|victim| sys::kill_by_pidfd(victim, PidfdFlag::Thread))
    }),
    ("pidfd-group", |_| {
        group(|group| sys::kill_by_pidfd(group, PidfdFlag::Group))
    }),
    // What the victim is doing.
    ("threads", |_| {
        let victim = victim_with_threads()?.pid;
        another(|| os::send(victim, os::SIGKILL))
    }),
    ("leader-gone", |_| leader_gone()),
    ("stopped", |_| stopped(&[os::SIGKILL])),
    ("stopped-and-asked", |_| {
        stopped(&[os::SIGTERM, os::SIGTERM, os::SIGKILL])
    }),
    ("blocking", |_| asked_first(sys::block_all)),
    ("ignoring", |_| asked_first(|| os::ignore(os::SIGTERM))),
    ("handling", |_| handling()),
    ("zombie", |_| zombie()),
    ("dying", |_| {
        let victim = start("victim", |words| {
            os::leave_alone(os::SIGTERM)?;
            wait(words)
        })?;
        os::send(victim.pid, os::SIGTERM)?;
        os::send(victim.pid, os::SIGKILL)
    }),
    // Threads that the kernel kills by itself: the process is not killed.
    ("exit-with-threads", |_| {
        start("victim", |mut words| {
            more_threads(3)?;
            words.say()?;
            own::exit(7)
        })
        .map(drop)
    }),
    ("exec-with-threads", |_| exec_with_threads()),
    ("abort-with-threads", |_| {
        start("victim", |mut words| {
            sys::limit(sys::RLIMIT_CORE, 0)?;
            more_threads(3)?;
            words.say()?;
            own::abort()
        })
        .map(drop)
    }),
    // Nobody, until somebody outside does.
    ("outside", |_| {
        let _victim = victim()?;
        crate::say("victim")
    }),
];

fn by_another(act: fn(c_int) -> io::Result<()>) -> io::Result<()> {
    let victim = victim()?.pid;
    another(|| act(victim))
}

fn by_itself(act: fn(c_int) -> io::Result<()>) -> io::Result<()> {
    start("victim", |mut words| {
        words.say()?;
        act(own::id().cast_signed())
    })
    .map(drop)
}

/// A victim that leads a process group.
fn group(act: fn(c_int) -> io::Result<()>) -> io::Result<()> {
    let victim = start("victim", |words| {
        sys::join_group(0)?;
        wait(words)
    })?
    .pid;
    another(|| act(victim))
}

/// A victim whose second thread is meant.
fn to_a_thread(act: fn(c_int, c_int) -> io::Result<()>) -> io::Result<()> {
    let mut victim = start("victim", |mut words| {
        words.say()?;
        tell_from_thread(words, || true)?;
        os::wait_forever()
    })?;
    let tid = victim.hear()?;
    another(|| act(victim.pid, tid))
}

/// The first thread of the victim has ended, another one runs.
fn leader_gone() -> io::Result<()> {
    let mut victim = start("victim", |mut words| {
        words.say()?;
        tell_from_thread(words, || {
            status("State:").is_ok_and(|state| state.starts_with('Z'))
        })?;
        sys::end_thread()
    })?;
    victim.hear()?;
    another(|| os::send(victim.pid, os::SIGKILL))
}

/// Another thread waits for something, tells its number, and goes on.
fn tell_from_thread(mut words: Words, when: fn() -> bool) -> io::Result<()> {
    thread::Builder::new()
        .spawn(move || {
            while !when() {
                thread::sleep(LOOK);
            }
            // When nobody hears it, that one has failed.
            let _ = words.tell(sys::thread_id());
            os::wait_forever()
        })
        .map(drop)
}

fn stopped(signals: &[c_int]) -> io::Result<()> {
    let victim = victim()?.pid;
    os::send(victim, sys::SIGSTOP)?;
    sys::wait_stopped(victim)?;
    for signal in signals {
        os::send(victim, *signal)?;
    }
    Ok(())
}

/// A victim that was sent SIGTERM, and nothing comes of it.
fn asked_first(prepare: fn() -> io::Result<()>) -> io::Result<()> {
    let victim = start("victim", |words| {
        prepare()?;
        wait(words)
    })?
    .pid;
    os::send(victim, os::SIGTERM)?;
    os::send(victim, os::SIGKILL)
}

/// A victim that has taken SIGTERM.
fn handling() -> io::Result<()> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    extern "C" fn take(_: c_int) {
        TAKEN.store(true, Ordering::SeqCst);
    }
    let mut victim = start("victim", |mut words| {
        os::handle_by(os::SIGTERM, take)?;
        words.say()?;
        while !TAKEN.load(Ordering::SeqCst) {
            thread::sleep(LOOK);
        }
        wait(words)
    })?;
    os::send(victim.pid, os::SIGTERM)?;
    victim.wait()?;
    os::send(victim.pid, os::SIGKILL)
}

fn zombie() -> io::Result<()> {
    let victim = start("victim", |mut words| words.say())?.pid;
    sys::wait_zombie(victim)?;
    os::send(victim, os::SIGKILL)
}

/// A thread that is not the first executes another program: the others are killed, and it becomes the first.
fn exec_with_threads() -> io::Result<()> {
    start("victim", |mut words| {
        words.say()?;
        more_threads(3)?;
        let thread = thread::Builder::new().spawn(|| {
            Command::new("/proc/self/exe")
                .arg("quitter=7")
                .stdin(Stdio::null())
                .exec()
        })?;
        Err(thread
            .join()
            .unwrap_or_else(|_| io::Error::other("its thread panicked")))
    })
    .map(drop)
}
