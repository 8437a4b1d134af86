//! What the tests trace: one static program with many ways to take SIGTERM, or not.
//!
//! `workload PROGRAM[=ARGUMENT] [CHILD[=ARGUMENT]]…` starts each child as the same kind of program, in the order given.
//! Each process prints `ready NAME` when its signals are set up and its children are started. Names longer than the
//! kernel's 15 characters would be cut, so none is.
//!
//! | program | what it does |
//! |---|---|
//! | `server=MS` | handles SIGTERM: cleans up for MS milliseconds and exits |
//! | `sleeper` | leaves SIGTERM alone |
//! | `deaf` | ignores SIGTERM |
//! | `stubborn` | takes SIGTERM and goes on |
//! | `late-drop=SIGNAL` | blocks the signal, SIGTERM if none is given, and unblocks it when one is pending, with no handler; a server for SIGTERM then, unless that was it |
//! | `leaver` | exits on SIGTERM and tells nobody |
//! | `fraying=MS` | on SIGTERM a thread of it ends, and MS milliseconds later all of it; tells nobody |
//! | `waiter` | passes SIGTERM on to its children and waits for all of them |
//! | `quitter=CODE` | exits when its standard input ends, whatever its children do |
//! | `threads=N` | a server with N more threads |
//! | `crowd=N` | forks N processes that leave SIGTERM alone |
//! | `recycler` | again and again starts a worker, kills it and prints `recycled`, until SIGUSR1: prints `settled`; a server otherwise |
//! | `churn=N` | N times starts a worker and ends it, by SIGKILL, by SIGINT or by its own end in turn; `reloaded` on SIGHUP; prints `churned`; a leaver then |
//! | `churn-waits=N` | the same; a waiter then |
//! | `pest=SIGNAL` | again and again sends a signal to process 1, and prints `sent` |
//! | `storm=SIGNAL` | sends a signal to process 1, as fast as it can |
//! | `brawl=N` | forks N processes that send each other stop signals as fast as they can, and take them; a leaver then |
//! | `namespaces=N` | makes N pid namespaces, or without end, as anybody may by user namespaces |
//! | `litter=N` | starts processes without end that end at once, some by SIGKILL; for 1 all by themselves, and prints `littered` for each; takes SIGTERM and goes on |
//! | `reloader` | prints `reloaded` on SIGHUP; a server otherwise |
//! | `counter` | handles SIGUSR1 and SIGCHLD; a server otherwise |
//! | `ways=NAME[:PATH]` | has a child killed in the way that `ways/` has under this name, on SIGTERM, and exits |
//! | `unasked=NAME[:PATH]` | does so when its standard input ends |
//! | `deep=N:PROGRAM` | makes N pid namespaces, each within the one before, as anybody may by user namespaces; PROGRAM is PID 1 of the last; SIGTERM is passed on down to PID 1 of the second, a leaver |
//! | `apart` | a sleeper that leads a session of its own |
//! | `impostor` | for each number on its standard input starts a process with that pid, which leads a session, starts two sleepers `disguised` and ends; prints `disguised` then |
//! | `pause` | reaps orphans and exits on SIGTERM, as the pause container of a pod |
//! | `stuck=PATH` | holds the lock of its memory, by a file of a server that does not answer |
//! | `hostile` | a sleeper whose name is an escape sequence with line breaks, and no UTF-8 |

mod attacks;
mod hidden;
mod os;
mod stuck;
mod ways;

use std::{
    env, io,
    io::{Read as _, Write as _},
    process::{Child, Command, ExitCode},
    sync::mpsc,
    thread,
    time::Duration,
};

/// How often `recycler` and `pest` do what they do.
const PACE: Duration = Duration::from_millis(20);

/// Clears the terminal, begins a line of its own, and is no UTF-8: at most 15 bytes.
const HOSTILE_NAME: &[u8] = b"\x1b[2J\nforced\r\x9b\xff";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("usage: workload PROGRAM[=ARGUMENT] [CHILD[=ARGUMENT]]...");
        return ExitCode::from(2);
    };
    let children: Vec<String> = arguments.collect();
    match run(&program, &children) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("workload {program}: {error}");
            ExitCode::from(3)
        }
    }
}

fn run(program: &str, children: &[String]) -> io::Result<u8> {
    let (name, argument) = program.split_once('=').unwrap_or((program, ""));
    os::set_name(match name {
        "hostile" => HOSTILE_NAME,
        name => name.as_bytes(),
    })?;
    prepare(name, argument)?;
    let mut children = start(children)?;
    match name {
        "threads" => more_threads(number(argument)?)?,
        "crowd" => crowd(number(argument)?)?,
        "brawl" => attacks::brawl(number(argument)?)?,
        "deep" => return Err(hidden::deep(argument)),
        _ => {}
    }
    let ready = || say(&format!("ready {name}"));
    if name == "stuck" {
        return stuck::run(argument, ready).map(|()| 0);
    }
    ready()?;
    match name {
        "server" => {
            os::wait_for_term();
            thread::sleep(Duration::from_millis(number(argument)?));
        }
        "threads" | "counter" | "leaver" | "pause" | "brawl" => os::wait_for_term(),
        "fraying" => fray(number(argument)?)?,
        "sleeper" | "apart" | "deaf" | "crowd" | "hostile" | "stubborn" => os::wait_forever(),
        "late-drop" => late_drop(argument)?,
        "waiter" => {
            os::wait_for_term();
            pass_on_and_wait(&mut children)?;
        }
        "quitter" => {
            end_of_input()?;
            return u8::try_from(number(argument)?).map_err(io::Error::other);
        }
        "ways" => ways::run(argument, || {
            os::wait_for_term();
            Ok(())
        })?,
        "unasked" => ways::run(argument, end_of_input)?,
        "recycler" => {
            recycle()?;
            os::wait_for_term();
        }
        "churn" | "churn-waits" => {
            churn(number(argument)?)?;
            reload_until_term()?;
            if name == "churn-waits" {
                pass_on_and_wait(&mut children)?;
            }
        }
        "impostor" => hidden::disguise()?,
        "pest" => pester(i32::try_from(number(argument)?).map_err(io::Error::other)?)?,
        "storm" | "namespaces" | "litter" => attacks::run(name, number(argument)?)?,
        "reloader" => reload_until_term()?,
        other => return Err(io::Error::other(format!("there is no program `{other}`"))),
    }
    Ok(0)
}

/// Waits for the end of its standard input.
fn end_of_input() -> io::Result<()> {
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

/// Sets signals up, before anybody is told that they are.
fn prepare(name: &str, argument: &str) -> io::Result<()> {
    match name {
        "deaf" => os::ignore(os::SIGTERM),
        "apart" => os::lead_session(),
        "late-drop" => match late_signal(argument)? {
            os::SIGTERM => os::block(os::SIGTERM),
            signal => {
                os::block(signal)?;
                os::handle(os::SIGTERM)
            }
        },
        "server" | "threads" | "leaver" | "fraying" | "brawl" | "waiter" | "stubborn"
        | "litter" | "ways" => os::handle(os::SIGTERM),
        "pause" => {
            os::handle(os::SIGTERM)?;
            os::ignore(os::SIGCHLD)
        }
        "recycler" => {
            os::handle(os::SIGTERM)?;
            os::handle(os::SIGUSR1)
        }
        "reloader" | "churn" | "churn-waits" => {
            os::handle(os::SIGTERM)?;
            os::handle(os::SIGHUP)
        }
        "counter" => {
            os::handle(os::SIGTERM)?;
            os::handle(os::SIGUSR1)?;
            os::handle(os::SIGCHLD)
        }
        _ => Ok(()),
    }
}

fn start(children: &[String]) -> io::Result<Vec<Child>> {
    children
        .iter()
        .map(|child| Command::new("/proc/self/exe").arg(child).spawn())
        .collect()
}

fn more_threads(count: u64) -> io::Result<()> {
    // For them: the first thread takes it.
    os::block(os::SIGTERM)?;
    for _ in 0..count {
        thread::Builder::new().spawn(|| os::wait_forever())?;
    }
    Ok(())
}

fn fray(millis: u64) -> io::Result<()> {
    let (end, ends) = mpsc::channel::<()>();
    // Ends when nobody is left to tell it anything.
    let thread = thread::Builder::new().spawn(move || ends.recv().is_err())?;
    os::wait_for_term();
    drop(end);
    // It was a thread of nothing but this: no panic.
    let _ = thread.join();
    thread::sleep(Duration::from_millis(millis));
    Ok(())
}

fn crowd(count: u64) -> io::Result<()> {
    for _ in 0..count {
        os::fork(os::wait_forever)?;
    }
    Ok(())
}

/// Says so at each SIGHUP.
fn reload_until_term() -> io::Result<()> {
    while os::wait_for_term_or_hup() == os::SIGHUP {
        say("reloaded")?;
    }
    Ok(())
}

fn pass_on_and_wait(children: &mut [Child]) -> io::Result<()> {
    for child in &mut *children {
        os::send(os::pid_of(child), os::SIGTERM)?;
    }
    for child in children {
        child.wait()?;
    }
    Ok(())
}

fn late_signal(argument: &str) -> io::Result<i32> {
    match argument {
        "" => Ok(os::SIGTERM),
        number => number.parse().map_err(io::Error::other),
    }
}

fn late_drop(argument: &str) -> io::Result<()> {
    let signal = late_signal(argument)?;
    os::drop_pending(signal);
    if signal == os::SIGTERM {
        os::wait_forever();
    }
    say("dropped")?;
    os::wait_for_term();
    Ok(())
}

fn recycle() -> io::Result<()> {
    while !os::is_to_settle() {
        let worker = os::fork(os::wait_forever)?;
        os::send(worker, os::SIGKILL)?;
        os::reap(worker)?;
        say("recycled")?;
        thread::sleep(PACE);
    }
    say("settled")
}

fn churn(rounds: u64) -> io::Result<()> {
    for round in 0..rounds {
        let worker = match round % 3 {
            0 | 1 => os::fork(os::wait_forever)?,
            _ => os::fork(os::leave)?,
        };
        match round % 3 {
            0 => os::send(worker, os::SIGKILL)?,
            1 => os::send(worker, os::SIGINT)?,
            _ => {}
        }
        os::reap(worker)?;
        while os::was_reloaded() {
            say("reloaded")?;
        }
    }
    say("churned")
}

fn pester(signal: i32) -> io::Result<()> {
    loop {
        os::send(1, signal)?;
        say("sent")?;
        thread::sleep(PACE);
    }
}

pub(crate) fn number(argument: &str) -> io::Result<u64> {
    match argument {
        "" => Ok(0),
        digits => digits.parse().map_err(io::Error::other),
    }
}

/// One write each, so that lines of several processes do not mix.
pub(crate) fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(format!("{line}\n").as_bytes())?;
    stdout.flush()
}
