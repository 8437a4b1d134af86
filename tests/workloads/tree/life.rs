//! The life of a process: how it takes signals, and what it does then.

use std::{
    ffi::c_int,
    fs, io,
    sync::{
        OnceLock,
        atomic::{AtomicI32, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    Own,
    notes::Note,
    plan::{self, Act, Forward, Meets, Node, Waits},
    sys,
    tracer::Watch,
};

/// Whichever of [`plan::STOP_SIGNALS`] is sent is met as any other.
pub(crate) const STOP_SIGNALS: [c_int; plan::STOP_SIGNALS.len()] = plan::STOP_SIGNALS;
/// The same, and that a child has ended.
const STOP_SIGNALS_AND_CHILD: [c_int; STOP_SIGNALS.len() + 1] = {
    let mut signals = [sys::SIGCHLD; STOP_SIGNALS.len() + 1];
    let mut index = 0;
    while index < STOP_SIGNALS.len() {
        signals[index] = STOP_SIGNALS[index];
        index += 1;
    }
    signals
};

/// How often a process looks whether the stop has begun, or a number is free.
pub(crate) const LOOK: Duration = Duration::from_millis(2);

/// Signals of a flood.
const FLOOD: u32 = 500;

/// Far more than any cgroup of the test has, in case there is none.
const FILL: usize = 256;
const MEGABYTE: usize = 1 << 20;

/// The signal that was taken first; 0 until then.
static ASKED: AtomicI32 = AtomicI32::new(0);
/// For the handler.
static SELF: OnceLock<Own> = OnceLock::new();

extern "C" fn on_stop(number: c_int) {
    if let Some(own) = SELF.get() {
        took(*own, number);
        let node = own.node();
        // A program that another thread is about to replace does not exit by this: the kernel goes on with the new one.
        let at_once = node.after == Some(0) && !executes_itself(node);
        if at_once && node.forward == Forward::Nobody && node.waits == Waits::Nobody {
            own.exit(node.code);
        }
    }
    sys::ring_bell();
}

fn executes_itself(node: &Node) -> bool {
    let mut acts = node.acts.iter();
    acts.any(|(_, act)| matches!(act, Act::Exec | Act::ExecInThread))
}

extern "C" fn on_child(_: c_int) {
    sys::ring_bell();
}

/// Notes that a signal was taken.
fn took(own: Own, number: c_int) {
    own.mark(Note::Taken);
    let _ = ASKED.compare_exchange(0, number, Ordering::SeqCst, Ordering::SeqCst);
}

/// Sets up what the process is to do, says that it is ready, and does it.
pub(crate) fn live(own: Own) -> io::Result<()> {
    let node = own.node();
    let _ = SELF.set(own);
    sys::set_name(&format!("tree-{}", own.index))?;
    sys::hang_bell()?;
    let watch = Watch::of(own);
    if looks_after_children(node) || watch.is_some() {
        sys::set_action(sys::SIGCHLD, on_child as *const () as usize)?;
    }
    let descriptor = meet_signals(own)?;
    for _ in 0..node.threads {
        // Each may take a signal that is not blocked.
        thread::Builder::new().spawn(|| sys::rest())?;
    }
    if node.leaderless {
        thread::Builder::new().spawn(move || {
            while !has_first_thread_exited() {
                thread::sleep(LOOK);
            }
            go_on(own, descriptor, watch)
        })?;
        sys::exit_thread();
    }
    go_on(own, descriptor, watch)
}

/// In `/proc` a process has the state of its first thread, after its name in brackets.
fn has_first_thread_exited() -> bool {
    fs::read_to_string("/proc/self/stat").is_ok_and(|stat| stat.contains(") Z "))
}

/// The descriptor of a process that reads its signals; -1 for others.
fn meet_signals(own: Own) -> io::Result<c_int> {
    let handler = on_stop as *const () as usize;
    let blocked: &[c_int] = match own.node().meets {
        Meets::Default | Meets::Ignore | Meets::Handle | Meets::Late | Meets::OnlyQuit => &[],
        Meets::Block | Meets::HandleInThread | Meets::SignalFd | Meets::WaitInThread => {
            &STOP_SIGNALS
        }
        Meets::Wait | Meets::TimedWait => &STOP_SIGNALS_AND_CHILD,
    };
    // Before the handlers: it may have executed itself, and be sent one by now.
    sys::set_blocked(blocked);
    match own.node().meets {
        Meets::Ignore => set_all(sys::SIG_IGN)?,
        Meets::Handle | Meets::HandleInThread => set_all(handler)?,
        Meets::OnlyQuit => sys::set_action(sys::SIGQUIT, handler)?,
        Meets::SignalFd => return sys::signal_descriptor(&STOP_SIGNALS),
        Meets::Default
        | Meets::Late
        | Meets::Block
        | Meets::Wait
        | Meets::TimedWait
        | Meets::WaitInThread => {}
    }
    match own.node().meets {
        Meets::HandleInThread => {
            thread::Builder::new().spawn(|| {
                sys::set_blocked(&[]);
                sys::rest()
            })?;
        }
        Meets::WaitInThread => {
            thread::Builder::new().spawn(|| {
                loop {
                    if let Some(signal) = sys::wait_for(&STOP_SIGNALS, None) {
                        on_stop(signal);
                    }
                }
            })?;
        }
        _ => {}
    }
    Ok(-1)
}

fn set_all(action: usize) -> io::Result<()> {
    STOP_SIGNALS
        .iter()
        .try_for_each(|signal| sys::set_action(*signal, action))
}

/// What has happened to a process since it was ready.
#[derive(Debug, Default)]
struct Progress {
    /// Whom it traces.
    watch: Option<Watch>,
    /// When it took a signal, once it has passed it on.
    asked: Option<u64>,
    /// Acts that are done.
    acts: usize,
    first_child_ended: bool,
    no_child_left: bool,
}

fn go_on(own: Own, descriptor: c_int, watch: Option<Watch>) -> ! {
    own.mark(Note::Ready);
    if own.read(Note::ExecBegin) > 0 {
        own.mark(Note::ExecEnd);
    }
    if own.node().early {
        own.exit(own.node().code);
    }
    let mut progress = Progress {
        watch,
        ..Progress::default()
    };
    loop {
        if let Some(watch) = &mut progress.watch {
            watch.look(own.pid_of(watch.target()));
        }
        if looks_after_children(own.node()) {
            look_after_children(own, &mut progress);
        }
        // Before it acts: who executes itself forgets that its child has ended.
        if is_done(own, &progress) {
            own.exit(own.node().code);
        }
        act(own, &mut progress);
        let signal = ASKED.load(Ordering::SeqCst);
        if signal != 0 && progress.asked.is_none() {
            forward(own, signal);
            progress.asked = Some(sys::now());
        }
        if is_done(own, &progress) {
            own.exit(own.node().code);
        }
        wait(own, &progress, descriptor);
    }
}

/// Whether it needs to know of the ends of its children.
fn looks_after_children(node: &Node) -> bool {
    node.reaps || node.leaves_with_child || node.waits != Waits::Nobody
}

fn look_after_children(own: Own, progress: &mut Progress) {
    let first = own.children().next().and_then(|first| own.pid_of(first));
    loop {
        match sys::reap_one() {
            None => progress.no_child_left = true,
            Some(0) => {}
            Some(pid) => {
                progress.first_child_ended |= Some(pid) == first;
                continue;
            }
        }
        return;
    }
}

/// Does what is due.
fn act(own: Own, progress: &mut Progress) {
    let Some(began) = own.began() else { return };
    while let Some((at, act)) = own.node().acts.get(progress.acts) {
        if sys::now() < began + nanoseconds(*at) {
            return;
        }
        progress.acts += 1;
        match act {
            Act::Exit(code) => own.exit(*code),
            Act::Kill(target) => kill(own, *target),
            Act::Exec if own.read(Note::ExecBegin) == 0 => {
                // Only an error comes back.
                own.execute();
                own.exit(98);
            }
            Act::ExecInThread if own.read(Note::ExecBegin) == 0 => {
                let thread = thread::Builder::new().spawn(move || own.execute());
                // Ends only when that has failed: the new program has no thread that waits.
                let _ = thread.map(thread::JoinHandle::join);
                own.exit(98);
            }
            Act::Exec | Act::ExecInThread => {}
            Act::Eat => eat(own),
            Act::Flood(target) => flood(own, *target),
            Act::Move(depth) => {
                if own.move_to_cgroup(*depth).is_err() {
                    own.exit(96);
                }
            }
            Act::Handle => {
                own.mark(Note::HandleBegin);
                if set_all(on_stop as *const () as usize).is_ok() {
                    own.mark(Note::HandleEnd);
                }
            }
        }
    }
}

/// Takes memory until it is killed for that.
fn eat(own: Own) -> ! {
    own.mark(Note::EatBegin);
    for _ in 0..FILL {
        // Of another value than zero: it is there only when it has been written to, and somebody may look.
        std::hint::black_box(vec![1_u8; MEGABYTE].leak());
    }
    own.exit(97)
}

fn kill(own: Own, target: usize) {
    let Some(pid) = own.pid_of(target) else {
        return;
    };
    if own.read(Note::KillBegin) == 0 {
        own.mark(Note::KillBegin);
        sys::send(pid, sys::SIGKILL);
        own.mark(Note::KillEnd);
    }
}

fn flood(own: Own, target: usize) {
    let Some(pid) = own.pid_of(target) else {
        return;
    };
    if own.read(Note::FloodBegin) == 0 {
        own.mark(Note::FloodBegin);
        for _ in 0..FLOOD {
            sys::send(pid, sys::SIGTERM);
        }
        own.mark(Note::FloodEnd);
    }
}

fn forward(own: Own, signal: c_int) {
    let first = own.children().next();
    // Zero is one outside the namespace, and of process 1's no name can be given: -1 means everybody.
    let group_of_child = |pid: c_int| Some(sys::group_of(pid)).filter(|group| *group > 1);
    let group = match own.node().forward {
        Forward::ChildGroup => first
            .and_then(|first| own.pid_of(first))
            .and_then(group_of_child),
        Forward::OwnGroup => Some(sys::own_group()).filter(|group| *group > 0),
        _ => None,
    };
    if group.is_some() {
        // In the workload's numbering, as the members of the group have noted it.
        let member = match own.node().forward {
            Forward::ChildGroup => first.unwrap_or(own.index),
            _ => own.index,
        };
        own.write(Note::ForwardGroup, own.read_of(member, Note::Group));
    }
    let targets: Vec<c_int> = match own.node().forward {
        Forward::Nobody => return,
        Forward::Child => first
            .and_then(|first| own.pid_of(first))
            .into_iter()
            .collect(),
        Forward::Children => own
            .children()
            .filter_map(|child| own.pid_of(child))
            .collect(),
        Forward::ChildGroup => group.map(|group| -group).into_iter().collect(),
        Forward::OwnGroup => group.map(|_| 0).into_iter().collect(),
        Forward::All => vec![-1],
    };
    own.mark(Note::ForwardBegin);
    for target in targets {
        sys::send(target, signal);
    }
    own.mark(Note::ForwardEnd);
}

fn is_done(own: Own, progress: &Progress) -> bool {
    let node = own.node();
    if node.leaves_with_child && progress.first_child_ended {
        return true;
    }
    let Some((asked, after)) = progress.asked.zip(node.after) else {
        return false;
    };
    let has_waited = match node.waits {
        Waits::Nobody => true,
        Waits::Main => progress.first_child_ended || progress.no_child_left,
        Waits::All => progress.no_child_left,
    };
    has_waited && sys::now() >= asked + nanoseconds(after)
}

/// Waits for the next thing to do.
fn wait(own: Own, progress: &Progress, descriptor: c_int) {
    let limit = time_to_next(own, progress);
    let node = own.node();
    match node.meets {
        Meets::Wait | Meets::TimedWait => {
            let limit = match node.meets {
                Meets::TimedWait => Some(limit.unwrap_or(Duration::from_secs(1))),
                _ => limit,
            };
            let taken = sys::wait_for(&STOP_SIGNALS_AND_CHILD, limit);
            if let Some(signal) = taken.filter(|signal| *signal != sys::SIGCHLD) {
                took(own, signal);
            }
        }
        _ => {
            sys::listen(descriptor, limit);
            if descriptor >= 0
                && let Some(signal) = sys::read_signal(descriptor)
            {
                took(own, signal);
            }
        }
    }
}

/// Until something is due by time; `None` when nothing will be.
fn time_to_next(own: Own, progress: &Progress) -> Option<Duration> {
    let node = own.node();
    let next_act = node.acts.get(progress.acts);
    let act = match (next_act, own.began()) {
        (Some((at, _)), Some(began)) => Some(began + nanoseconds(*at)),
        (Some(_), None) => return Some(LOOK),
        (None, _) => None,
    };
    let end = progress
        .asked
        .zip(node.after)
        .map(|(asked, after)| asked + nanoseconds(after));
    let now = sys::now();
    // What is over waits for a child.
    let end = end.filter(|end| *end > now);
    let watch = progress.watch.as_ref().and_then(Watch::next);
    let next = [act, end, watch].into_iter().flatten().min()?;
    let rest = Duration::from_nanos(next.saturating_sub(now));
    Some(rest.max(Duration::from_millis(1)))
}

fn nanoseconds(millis: u32) -> u64 {
    u64::from(millis) * 1_000_000
}
