//! The demo's own programs: tiny servers and inits, executed as `rinit-trace workload PROGRAM [CHILD]…`.
//!
//! A program is `NAME[:TRAIT[=VALUE][,TRAIT[=VALUE]]…]`; `spec` lists the traits, and NAME is what `ps` and reports
//! show. A child is a program, or a chain of them: `app>server:handles=100` starts its own child. Each process says
//! `ready` on its standard output when its handlers are installed, its place is taken and its children are started.
//! A process has one thread if nothing else is said, and most of what it does without being asked to it does on a line
//! on its standard input.

mod acts;
mod memory;
mod spec;
mod term;
mod threads;

use std::{
    convert::Infallible,
    fs,
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    process::{self, Child, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions};

use spec::{Life, OnTerm, Place, Spec};
use term::Term;

/// Said when a process is to be stopped from now on.
pub(super) const READY: &str = "ready";
/// Said by a process that has taken SIGTERM and is cleaning up.
const TAKEN: &str = "taken";

/// A child that has ended just now may be reaped in a moment, and is no zombie to complain of: it has to lie for a while.
const ZOMBIE_AGE: Duration = Duration::from_millis(1500);

/// Whether a text names a program or a chain of them; the text itself, or what is wrong with it.
pub fn check(text: &str) -> Result<String, String> {
    for program in text.split('>') {
        Spec::parse(program).map_err(|error| format!("{error:#}"))?;
    }
    Ok(text.to_owned())
}

/// Runs a workload and ends the process with it: returns only when that failed.
pub fn run(program: &str, children: &[String]) -> Result<Infallible> {
    let spec = Spec::parse(program)?;
    // Only for the eyes: a failure changes nothing.
    let _ = rustix::thread::set_name(&spec.name);
    match spec.place {
        Place::Inherited => {}
        Place::OwnSession => drop(rustix::process::setsid().context("make a session")?),
        Place::OwnGroup => {
            rustix::process::setpgid(None, None).context("make a process group")?;
        }
    }
    if spec.dies_with_parent {
        acts::die_with_parent()?;
    }
    let term = match spec.life {
        Life::ReadyLate => None,
        _ => meet_signal(&spec)?,
    };
    threads::start(spec.threads.saturating_sub(1))?;
    if spec.nests {
        acts::nest()?;
    }
    let listens = matches!(spec.life, Life::WaitsForTaken(_));
    let mut started = Vec::new();
    for child in children {
        started.push(start(child, listens)?);
    }
    live(&spec, term, &mut started)?;
    process::exit(0);
}

/// Sets what the stop signal does from now on.
fn meet_signal(spec: &Spec) -> Result<Option<Term>> {
    let term = match spec.on_term {
        OnTerm::Handled(_) => Some(Term::handle(spec.signal)?),
        OnTerm::Ignored => term::ignore(spec.signal).map(|()| None)?,
        OnTerm::Blocked => term::block(spec.signal).map(|()| None)?,
        OnTerm::Default => None,
    };
    if spec.other_thread {
        threads::leave_to_another(spec.signal)?;
    }
    Ok(term)
}

/// What a process does from here to its end. Its children are left alone then, as by a program that does not care.
fn live(spec: &Spec, term: Option<Term>, children: &mut [Child]) -> Result<()> {
    match &spec.life {
        // Where it lives now.
        Life::Serves | Life::SaysTaken | Life::Joins(_) => say(READY)?,
        Life::WaitsForTaken(count) => return wait_for_taken(*count, term, children),
        Life::PassesOn => return pass_on(term),
        Life::LeavesZombies(count) => {
            leave_zombies(*count)?;
            say(READY)?;
        }
        Life::Recycles(count) => recycle(*count)?,
        Life::EndsOnLine => {
            wait_to_be_told()?;
            return Ok(());
        }
        Life::Ends => return acts::outlive(children),
        Life::KillsParent => {
            wait_to_be_told()?;
            let parent = rustix::process::getppid().context("the parent is outside")?;
            kill(parent, Signal::KILL)?;
        }
        Life::KillsItself => {
            wait_to_be_told()?;
            kill(rustix::process::getpid(), Signal::KILL)?;
        }
        Life::Eats(cgroup) => return memory::eat(cgroup),
        Life::EatsShared(cgroup) => return memory::eat_shared(cgroup),
        Life::ReadyLate => {
            wait_to_be_told()?;
            let term = meet_signal(spec)?;
            say(READY)?;
            return serve(spec, term);
        }
        Life::OutlivesTerm => return outlive_term(term, children),
        Life::OutlivesChildren => {
            acts::outlive(children)?;
            say(READY)?;
        }
        Life::Sends(message) => return message.send(),
        Life::Asks(message) => {
            wait_to_be_told()?;
            message.send()?;
        }
        Life::TracesParent => {
            acts::trace_parent()?;
            say(READY)?;
        }
    }
    serve(spec, term)
}

/// Until the stop signal, and for those who handle it the cleanup.
fn serve(spec: &Spec, term: Option<Term>) -> Result<()> {
    let Some(mut term) = term else {
        term::wait_forever();
    };
    term.wait()?;
    if spec.life == Life::SaysTaken {
        say(TAKEN)?;
    }
    if let OnTerm::Handled(cleanup) = spec.on_term {
        thread::sleep(cleanup);
    }
    if spec.burns {
        acts::burn()?;
    }
    if spec.crashes {
        acts::crash()?;
    }
    Ok(())
}

/// Ends as soon as the children have taken the signal, too, and are still cleaning up.
fn wait_for_taken(count: usize, term: Option<Term>, children: &mut [Child]) -> Result<()> {
    let child = children.first_mut().context("no child")?;
    let mut said = BufReader::new(child.stdout.take().context("the child has no output")?);
    for _ in 0..count {
        wait_for(READY, &mut said)?;
        say(READY)?;
    }
    say(READY)?;
    term.context("no handler to wait for")?.wait()?;
    for _ in 0..count {
        wait_for(TAKEN, &mut said)?;
    }
    Ok(())
}

/// Passes SIGTERM on to its children, and ends when they have.
fn outlive_term(term: Option<Term>, children: &mut [Child]) -> Result<()> {
    say(READY)?;
    term.context("no handler to wait for")?.wait()?;
    for child in &*children {
        kill(pid_of(child)?, Signal::TERM)?;
    }
    acts::outlive(children)
}

/// Passes SIGTERM on to every process of its namespace, and leaves when the kernel says that no child is left.
fn pass_on(term: Option<Term>) -> Result<()> {
    say(READY)?;
    term.context("no handler to wait for")?.wait()?;
    term::send_to_all_others()?;
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::CHILD) => return Ok(()),
            Err(error) => return Err(error).context("wait for the children"),
        }
    }
}

/// Children that have ended a while ago and are not reaped.
fn leave_zombies(count: usize) -> Result<()> {
    for _ in 0..count {
        leave_zombie()?;
    }
    thread::sleep(ZOMBIE_AGE);
    Ok(())
}

fn leave_zombie() -> Result<()> {
    let child = start("zombie:ends", false)?;
    // Waits for its end and leaves it where it is.
    rustix::process::waitid(
        WaitId::Pid(pid_of(&child)?),
        WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
    )
    .context("wait for a zombie")?;
    Ok(())
}

/// A line on the input has one worker after the other end, and starts the next.
fn recycle(count: usize) -> Result<()> {
    let mut worker = start_worker()?;
    say(READY)?;
    wait_for_line()?;
    for _ in 0..count {
        let input = worker.stdin.as_mut().context("the worker has no input")?;
        input.write_all(b"end\n").context("tell a worker")?;
        worker.wait().context("wait for a worker")?;
        worker = start_worker()?;
    }
    term::wait_forever();
}

fn start_worker() -> Result<Child> {
    let mut command = command("worker:ends-on-line");
    command.stdin(Stdio::piped());
    command.spawn().context("start a worker")
}

fn join(cgroup: &str) -> Result<()> {
    // Zero is who writes.
    join_process(cgroup, 0)
}

fn join_process(cgroup: &str, pid: libc::pid_t) -> Result<()> {
    let members = format!("{cgroup}/cgroup.procs");
    fs::write(&members, pid.to_string()).with_context(|| format!("join the cgroup by {members}"))
}

/// Starts a child, with its own children after `>`.
fn start(chain: &str, listen: bool) -> Result<Child> {
    let mut command = command(chain);
    if listen {
        command.stdout(Stdio::piped());
    }
    let program = chain.split('>').next().unwrap_or(chain);
    if let Life::Joins(cgroup) = Spec::parse(program)?.life {
        acts::join_at_start(&mut command, &cgroup)?;
    }
    command
        .spawn()
        .with_context(|| format!("start the child {chain}"))
}

fn command(chain: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    let (program, child) = match chain.split_once('>') {
        Some((program, child)) => (program, Some(child)),
        None => (chain, None),
    };
    // Where this program lies says nothing in a report.
    command
        .arg0("rinit-trace")
        .args(["workload", program])
        .args(child);
    command
}

fn pid_of(child: &Child) -> Result<Pid> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    pid.context("the child has no pid")
}

fn kill(pid: Pid, signal: Signal) -> Result<()> {
    rustix::process::kill_process(pid, signal).context("send a signal")
}

/// One write for each line, so that those of several processes do not mix.
fn say(line: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    let said = stdout.write_all(format!("{line}\n").as_bytes());
    said.and_then(|()| stdout.flush())
        .with_context(|| format!("say {line}"))
}

/// Is ready, and goes on when it is told.
fn wait_to_be_told() -> Result<()> {
    say(READY)?;
    wait_for_line()
}

/// Waits for a line on the standard input. Its end is none: who would have told is gone, and this process waits for its
/// own end, which must not come a moment before that.
fn wait_for_line() -> Result<()> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    if read.context("wait for a line")? == 0 {
        term::wait_forever();
    }
    Ok(())
}

fn wait_for(word: &str, said: &mut BufReader<ChildStdout>) -> Result<()> {
    let mut line = String::new();
    said.read_line(&mut line).context("listen to a child")?;
    if line.trim_end() != word {
        bail!("a child said `{}`, not `{word}`", line.trim_end());
    }
    Ok(())
}
