//! Deaths that take others with them: of a parent, of an init, of the init of a nested pid namespace.

use std::{ffi::c_int, io, process as own, thread};

use super::{
    Way,
    process::{Words, another, start, victim, wait},
    sys,
};
use crate::os;

pub(super) const WAYS: &[(&str, Way)] = &[
    ("parent-death", |_| parent_death()),
    ("parent-death-by-kill", |_| parent_death_by_kill()),
    ("parent-death-of-a-thread", |_| parent_death_of_a_thread()),
    // PID 1 exits with the victim left.
    ("init-exits", |_| {
        let _victim = victim()?;
        own::exit(0)
    }),
    ("init-exits-as-parent", |_| {
        start("victim", dies_with_its_parent)?;
        own::exit(0)
    }),
    ("reboot", |_| another(sys::power_off)),
    ("reboot-by-init", |_| sys::power_off()),
    // These victims have names of their own, since their reports are found by them.
    ("nested-exit", |_| {
        nested(|mut words| {
            start("of-nested-exit", wait)?;
            words.say()
        })
        .map(drop)
    }),
    ("nested-kill", |_| {
        let inner = nested(|words| {
            start("of-nested-kill", wait)?;
            wait(words)
        })?;
        os::send(inner, os::SIGKILL)
    }),
    ("nested-outer", |_| {
        nested(|words| {
            start("of-nested-outer", wait)?;
            wait(words)
        })?;
        own::exit(0)
    }),
];

fn dies_with_its_parent(words: Words) -> io::Result<()> {
    sys::control(sys::PR_SET_PDEATHSIG, 9)?;
    wait(words)
}

fn parent_death() -> io::Result<()> {
    start("parent", |mut words| {
        start("victim", dies_with_its_parent)?;
        words.say()
    })
    .map(drop)
}

fn parent_death_by_kill() -> io::Result<()> {
    let parent = start("parent", |words| {
        start("victim", dies_with_its_parent)?;
        wait(words)
    })?;
    os::send(parent.pid, os::SIGKILL)
}

/// The thread that started the victim ends, the parent stays until the victim is gone.
fn parent_death_of_a_thread() -> io::Result<()> {
    start("parent", |mut words| {
        words.say()?;
        let thread = thread::Builder::new().spawn(|| start("victim", dies_with_its_parent))?;
        let victim = thread
            .join()
            .map_err(|_| io::Error::other("its thread panicked"))??;
        os::reap(victim.pid)
    })
    .map(drop)
}

/// Starts the init of a pid namespace in this one.
fn nested(body: impl FnOnce(Words) -> io::Result<()>) -> io::Result<c_int> {
    sys::nest()?;
    start("inner", body).map(|inner| inner.pid)
}
