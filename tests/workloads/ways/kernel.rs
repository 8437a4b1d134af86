//! SIGKILL that the kernel sends by itself: limits, timers, files, and seccomp.

use std::{
    hint,
    io::{self, Write as _},
    os::fd::AsRawFd as _,
    process as own, thread,
};

use super::{
    LOOK, Way,
    process::{Words, another, more_threads, start, status},
    sys,
};
use crate::os;

pub(super) const WAYS: &[(&str, Way)] = &[
    ("rlimit-cpu", |_| {
        sets_up(|| {
            sys::limit(sys::RLIMIT_CPU, 1)?;
            run_for_ever()
        })
    }),
    ("rlimit-cpu-of-init", |_| {
        sys::limit(sys::RLIMIT_CPU, 1)?;
        run_for_ever()
    }),
    ("rlimit-rttime", |_| {
        sets_up(|| {
            sys::limit(sys::RLIMIT_RTTIME, 20_000)?;
            sys::become_real_time()?;
            run_for_ever()
        })
    }),
    ("timer", |_| {
        sets_up(|| sys::kill_by_timer(sys::CLOCK_MONOTONIC, None))
    }),
    ("timer-to-a-thread", |_| {
        sets_up(|| sys::kill_by_timer(sys::CLOCK_MONOTONIC, Some(sys::thread_id())))
    }),
    ("timer-of-cpu-time", |_| {
        sets_up(|| {
            sys::kill_by_timer(sys::CLOCK_PROCESS_CPUTIME_ID, None)?;
            run_for_ever()
        })
    }),
    ("exit-signal", |_| sets_up(sys::fork_with_exit_signal)),
    ("sigio", |_| sigio()),
    ("mq-notify", |_| mq_notify()),
    ("seccomp-strict", |_| sets_up(seccomp_strict)),
    ("seccomp-strict-of-init", |_| seccomp_strict()),
    ("seccomp-kill-process", |_| {
        sets_up(|| {
            more_threads(3)?;
            sys::filter_calls(&kill_on_getppid(0x8000_0000))?;
            sys::parent();
            Err(io::Error::other("it lives"))
        })
    }),
    ("seccomp-kill-thread", |_| {
        sets_up(|| {
            let thread = thread::Builder::new().spawn(|| {
                sys::filter_calls(&kill_on_getppid(0))?;
                sys::parent();
                Ok::<(), io::Error>(())
            })?;
            while status("Threads:")? != "1" {
                thread::sleep(LOOK);
            }
            if thread.is_finished() {
                return Err(io::Error::other("its thread was not killed"));
            }
            own::exit(7)
        })
    }),
];

/// A victim that sets up what kills it, and waits for it.
fn sets_up(body: fn() -> io::Result<()>) -> io::Result<()> {
    start("victim", |mut words: Words| {
        words.say()?;
        body()?;
        os::wait_forever()
    })
    .map(drop)
}

fn run_for_ever() -> ! {
    loop {
        hint::spin_loop();
    }
}

/// A system call beyond read, write and exit ends the thread, as if by SIGKILL.
fn seccomp_strict() -> io::Result<()> {
    sys::control(sys::PR_SET_SECCOMP, 1)?;
    sys::parent();
    Err(io::Error::other("it lives"))
}

/// The victim has asked for a signal when its pipe can be read, and for SIGKILL as the signal.
fn sigio() -> io::Result<()> {
    let (reader, mut writer) = io::pipe()?;
    start("victim", |mut words| {
        sys::kill_by_input(reader.as_raw_fd(), own::id().cast_signed())?;
        words.say()?;
        os::wait_forever()
    })?;
    another(|| writer.write_all(&[0]))
}

/// The same with a message queue. Only who opened it can send: the killer is the victim's child.
fn mq_notify() -> io::Result<()> {
    start("victim", |mut words| {
        let queue = sys::kill_by_message(own::id().cast_signed())?;
        words.say()?;
        another(|| sys::send_message(queue))?;
        os::wait_forever()
    })
    .map(drop)
}

/// Allows all calls but one, and kills for that.
fn kill_on_getppid(action: u32) -> [sys::Filter; 4] {
    const ALLOW: u32 = 0x7fff_0000;
    let plain = |code, value| sys::Filter {
        code,
        jump_true: 0,
        jump_false: 0,
        value,
    };
    [
        // The number of the call.
        plain(0x20, 0),
        sys::Filter {
            code: 0x15,
            jump_true: 0,
            jump_false: 1,
            value: sys::SYS_GETPPID,
        },
        plain(0x06, action),
        plain(0x06, ALLOW),
    ]
}
