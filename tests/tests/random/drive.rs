//! Runs a plan on this kernel and collects what is known of it: the notes of its processes, what the driver itself did,
//! and what the process connector told.

use std::{
    env, fs,
    io::Write as _,
    os::unix::{
        fs::{FileExt as _, symlink},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, SystemTime},
};

use rinit_trace_tests::{Cgroup, Namespace, TREE, enter, wait};

use crate::{
    connector::{Connector, ThreadExit},
    features,
    generate::{Init, Plan, Stop},
    guest,
    notes::{self, Note},
    plan::{Meets, Node, Tracer},
};

/// Of a cgroup in which a process takes more.
const MEMORY: u64 = 24 << 20;

/// Something that happened between two looks at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) begin: u64,
    pub(crate) end: u64,
}

/// What is known of a stop that is over.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) plan: Plan,
    pub(crate) init: u32,
    /// When it had not begun.
    pub(crate) since: u64,
    /// By the wall clock, around all of it: pids are used again.
    pub(crate) wall: (SystemTime, SystemTime),
    /// Signals to PID 1 that found it, perhaps dying.
    pub(crate) signals: Vec<(i32, Span)>,
    /// The SIGKILL to PID 1.
    pub(crate) kill: Option<Span>,
    /// Of a PID 1 that is not of the tree,
    pub(crate) init_exits: Vec<ThreadExit>,
    /// and by process.
    pub(crate) exits: Vec<Vec<ThreadExit>>,
    pub(crate) notes: Vec<u64>,
    /// How many the OOM killer has killed.
    pub(crate) oom_kills: u64,
    /// Another container in its namespace.
    pub(crate) guest: Option<guest::Ended>,
}

impl Ran {
    /// What a process has noted.
    pub(crate) fn note(&self, process: usize, note: Note) -> Option<u64> {
        let word = self.notes[notes::place(process, note)];
        (word > 0).then_some(word)
    }

    /// Of a note that is a pid.
    pub(crate) fn pid(&self, process: usize, note: Note) -> u32 {
        u32::try_from(self.note(process, note).unwrap_or(0)).unwrap()
    }
}

/// Whether the program that the plan has as PID 1 is installed.
pub(crate) fn is_installed(init: Init) -> bool {
    init.program().is_none_or(|name| find(name).is_some())
}

fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// Runs a plan to the end of its last process.
pub(crate) fn run(plan: Plan, connector: &Connector) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    fs::write(folder.path().join("plan"), plan.text()).unwrap();
    fs::write(&notes, vec![0; notes::WORDS * 8]).unwrap();
    let (since, begin) = (now(), SystemTime::now());
    let memory = plan.eats().then(|| Cgroup::with_memory(MEMORY).unwrap());
    let container = container(&plan, folder.path());
    let container_path = container.as_ref().map(|(path, _)| path.as_str());
    let cgroup = memory.as_ref().map(Cgroup::path).or(container_path);
    let mut namespace = start(&plan, folder.path(), cgroup);
    let init = namespace.pid();
    let mut ran = Ran {
        init,
        since,
        wall: (begin, begin),
        signals: Vec::new(),
        kill: None,
        init_exits: Vec::new(),
        exits: Vec::new(),
        notes: read(&notes),
        oom_kills: 0,
        guest: None,
        plan,
    };
    let what = format!(
        "processes of seed {} are ready:\n{}",
        ran.plan.seed, ran.plan
    );
    wait::until(&what, || {
        ran.notes = read(&notes);
        let all = 0..ran.plan.nodes.len();
        let is_ready = |process: usize| {
            let is_traced = ran.plan.nodes[process].traced.is_some();
            ran.note(process, Note::Ready).is_some()
                && (!is_traced || ran.note(process, Note::Seized).is_some())
        };
        all.into_iter().all(is_ready).then_some(())
    });
    let guest = ran.plan.guest.clone();
    let guest = guest.map(|guest| guest.start(init, folder.path()).stop());
    stop(&mut ran, &mut namespace, &notes);
    let has_ended = wait::within(wait::DEADLINE, || namespace.has_ended().then_some(()));
    ran.notes = read(&notes);
    assert!(
        has_ended.is_some(),
        "the workload of seed {} does not end:\n{}{}",
        ran.plan.seed,
        ran.plan,
        states(&ran)
    );
    collect_exits(&mut ran, connector);
    ran.guest = guest.map(|guest| guest.ended(connector, since));
    ran.oom_kills = memory.map_or(0, |cgroup| cgroup.oom_kills());
    ran.wall.1 = SystemTime::now();
    ran
}

/// The path of a container's cgroup, and those below it, which are removed with it once all have ended.
fn container(plan: &Plan, folder: &Path) -> Option<(String, Cgroup)> {
    let cgroup = plan.has_cgroups().then(Cgroup::of_container)?;
    let path = cgroup.path().to_owned();
    symlink(&path, folder.join("cgroup")).unwrap();
    let depth = features::CGROUPS.try_into().unwrap();
    Some((path, cgroup.deeper(depth)))
}

/// Starts PID 1, and what enters from outside.
fn start(plan: &Plan, folder: &Path, cgroup: Option<&str>) -> Namespace {
    let mut command = command(plan.init, folder);
    // Its group has nobody else in it: the tree may send signals to its group.
    command.process_group(0).stderr(Stdio::null());
    if let Some(cgroup) = cgroup {
        run_in(&mut command, cgroup);
    }
    let namespace = Namespace::start_command(command, 0);
    enter_from_outside(plan, namespace.pid(), folder, cgroup);
    namespace
}

/// Has a process move itself to a cgroup before it runs its program.
pub(crate) fn run_in(command: &mut Command, cgroup: &str) {
    let path = format!("{cgroup}/cgroup.procs");
    let mut file = Some(fs::OpenOptions::new().write(true).open(path).unwrap());
    let enter = move || file.take().map_or(Ok(()), |mut file| file.write_all(b"0"));
    // SAFETY: only writes to a file that is open, and closes it.
    unsafe { command.pre_exec(enter) };
}

fn command(init: Init, folder: &Path) -> Command {
    let script = |name: &str, text: &str| {
        let mut command = Command::new(find(name).unwrap());
        command.arg("-c").arg(text).arg(TREE).arg(folder);
        command
    };
    match init {
        Init::Own => {
            let mut command = Command::new(TREE);
            command.arg(folder);
            command
        }
        // Not the last command, or the shell would become it.
        Init::Shell(name) => script(name, r#""$0" "$1"; exit $?"#),
        Init::ShellExits(name) => script(name, r#"trap 'exit 0' TERM; "$0" "$1" & wait $!"#),
        Init::ShellForwards(name) => script(
            name,
            r#"trap 'kill -TERM $!; wait $!' TERM; "$0" "$1" & wait $!"#,
        ),
        Init::ShellBusy(name) => script(name, r#"trap 'exit 5' TERM; "$0" "$1"; exit 6"#),
        Init::Known(name, options) => {
            let mut command = Command::new(find(name).unwrap());
            command.args(options).arg("--").arg(TREE).arg(folder);
            command
        }
    }
}

/// Starts the processes that come from outside, into the workload's cgroup as a runtime does, and tracers that stay there.
/// Each is waited for by a thread: PID 1 ends only after that, and a tracer after who it traces.
fn enter_from_outside(plan: &Plan, init: u32, folder: &Path, cgroup: Option<&str>) {
    let tree = |process: usize, how: &str| {
        let mut command = Command::new(TREE);
        command.arg(folder).arg(process.to_string()).arg(how);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    };
    for (process, node) in (0..).zip(&plan.nodes) {
        let mut children = Vec::new();
        if node.enters {
            let mut command = tree(process, "enter");
            if let Some(cgroup) = cgroup {
                run_in(&mut command, cgroup);
            }
            children.push(enter(init, command));
        }
        if matches!(node.traced, Some((Tracer::Outside, _))) {
            children.push(tree(process, "trace").spawn().unwrap());
        }
        for mut child in children {
            thread::spawn(move || child.wait());
        }
    }
}

fn stop(ran: &mut Ran, namespace: &mut Namespace, notes: &Path) {
    let file = fs::OpenOptions::new().write(true).open(notes).unwrap();
    let place = u64::try_from(notes::GO * 8).unwrap();
    file.write_all_at(&now().to_ne_bytes(), place).unwrap();
    let grace = match ran.plan.stop.clone() {
        Stop::Alone => return,
        Stop::Kill => Duration::ZERO,
        Stop::Signals { signals, grace } => {
            for (signal, delay) in signals {
                if has_ended_within(namespace, delay) {
                    if ran.signals.is_empty() {
                        // It did so before anybody asked it to.
                        ran.plan.stop = Stop::Alone;
                    }
                    return;
                }
                let span = send(namespace, signal);
                ran.signals.push((signal, span));
            }
            Duration::from_millis(grace.into())
        }
    };
    let has_ended = || namespace.has_ended().then_some(());
    if !grace.is_zero() && wait::within(grace, has_ended).is_some() {
        return;
    }
    ran.kill = Some(send(namespace, libc::SIGKILL));
}

fn has_ended_within(namespace: &mut Namespace, millis: u32) -> bool {
    let time = Duration::from_millis(millis.into());
    millis > 0 && wait::within(time, || namespace.has_ended().then_some(())).is_some()
}

/// What the kernel says of its processes.
fn states(ran: &Ran) -> String {
    let nodes = (0..ran.plan.nodes.len()).map(|process| ran.pid(process, Note::HostPid));
    let pids = [ran.init].into_iter().chain(nodes);
    let state = |pid| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let is_telling = |line: &&str| {
            let names = [
                "State", "PPid", "Threads", "SigQ", "SigPnd", "ShdPnd", "SigBlk", "SigIgn",
                "SigCgt",
            ];
            names.iter().any(|name| line.starts_with(name))
        };
        let lines: Vec<&str> = status.lines().filter(is_telling).collect();
        format!("{pid}: {}\n", lines.join(" · "))
    };
    pids.map(state).collect()
}

fn send(namespace: &Namespace, signal: i32) -> Span {
    let begin = now();
    namespace.signal(signal);
    Span { begin, end: now() }
}

/// All have ended; the connector tells it a moment later.
fn collect_exits(ran: &mut Ran, connector: &Connector) {
    let what = format!("ends of the processes of seed {}", ran.plan.seed);
    let exits_of = |pid: u32, is_all: &dyn Fn(&[ThreadExit]) -> bool| {
        let told = wait::within(wait::DEADLINE, || {
            let exits = connector.exits_of(pid, ran.since);
            is_all(&exits).then_some(exits)
        });
        told.unwrap_or_else(|| {
            let exits = connector.exits_of(pid, ran.since);
            panic!("{what}: process {pid} has only {exits:?}\n{}", ran.plan)
        })
    };
    if ran.plan.init != Init::Own {
        ran.init_exits = exits_of(ran.init, &|exits| !exits.is_empty());
    }
    ran.exits = (0..ran.plan.nodes.len())
        .map(|process| {
            let threads = threads(&ran.plan.nodes[process]);
            // One that has executed itself had threads before, too: the count alone tells too little.
            let is_all = |exits: &[ThreadExit]| {
                let mut ends = exits.iter();
                exits.len() >= threads && ends.any(|exit| is_of_the_end(ran, process, exit))
            };
            exits_of(ran.pid(process, Note::HostPid), &is_all)
        })
        .collect();
}

/// How many threads it had when it was ready, one that had exited by itself included.
fn threads(node: &Node) -> usize {
    let takers = [Meets::HandleInThread, Meets::WaitInThread];
    let taker = usize::from(takers.contains(&node.meets));
    1 + usize::try_from(node.threads).unwrap() + taker + usize::from(node.leaderless)
}

/// Whether this shows how the process ended.
pub(crate) fn is_of_the_end(ran: &Ran, process: usize, exit: &ThreadExit) -> bool {
    let is_first = exit.tid == ran.pid(process, Note::HostPid);
    let executed = ran.note(process, Note::ExecEnd);
    match ran.note(process, Note::ExecBegin) {
        // Killed in the middle. The threads that make way for the new program end with 0, the first one, too.
        Some(_) if executed.is_none() => exit.status != 0,
        Some(_) if executed > Some(exit.at) => false,
        // Where the first thread has exited before, it is another.
        _ => is_first != ran.plan.nodes[process].leaderless,
    }
}

pub(crate) fn read(notes: &Path) -> Vec<u64> {
    let bytes = fs::read(notes).unwrap();
    bytes
        .chunks_exact(8)
        .map(|word| u64::from_ne_bytes(word.try_into().unwrap()))
        .collect()
}

/// Nanoseconds of `CLOCK_MONOTONIC`: the clock of the notes, and of the connector.
fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes one time.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap()
}
