//! What the random test traces: a tree of processes that do what a plan says, and note down what happened to them.
//!
//! `tree FOLDER [INDEX [enter|trace]]`: the folder has the `plan` (`plan.rs`), and `notes`, a file of zeros that all map
//! (`notes.rs`), and where the plan needs it `cgroup`, the container's, with one below another. With an index it is that process: it comes from outside, or has executed itself; or it traces that one.

mod life;
mod notes;
mod plan;
mod sys;
mod tracer;

use std::{
    env,
    ffi::{CStr, CString, c_int},
    fs, io,
    os::unix::ffi::OsStringExt as _,
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use notes::Note;
use plan::{Node, Place};

/// A process of the tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    folder: &'static Path,
    nodes: &'static [Node],
    notes: &'static [AtomicU64],
    index: usize,
}

impl Own {
    fn open(folder: &'static Path, index: usize) -> io::Result<Self> {
        let text = fs::read_to_string(folder.join("plan"))?;
        let nodes: &'static [Node] = plan::read(&text).map_err(io::Error::other)?.leak();
        if index >= nodes.len() || nodes.len() > notes::PROCESSES {
            return Err(io::Error::other("the plan has not that many processes"));
        }
        let notes = sys::map(&folder.join("notes"), notes::WORDS)?;
        Ok(Self {
            folder,
            nodes,
            notes,
            index,
        })
    }

    fn node(self) -> &'static Node {
        &self.nodes[self.index]
    }

    /// Indexes of its children.
    fn children(self) -> impl Iterator<Item = usize> {
        (1..self.nodes.len()).filter(move |child| {
            let child = &self.nodes[*child];
            child.parent == self.index && !child.enters
        })
    }

    fn word(self, process: usize, note: Note) -> &'static AtomicU64 {
        &self.notes[notes::place(process, note)]
    }

    fn read(self, note: Note) -> u64 {
        self.read_of(self.index, note)
    }

    fn read_of(self, process: usize, note: Note) -> u64 {
        self.word(process, note).load(Ordering::SeqCst)
    }

    fn write(self, note: Note, value: u64) {
        self.word(self.index, note).store(value, Ordering::SeqCst);
    }

    /// Notes that something happens now, the first time.
    fn mark(self, note: Note) {
        self.mark_of(self.index, note);
    }

    fn mark_of(self, process: usize, note: Note) {
        // It may have been noted before it executed itself: then that stays.
        let _ = self.word(process, note).compare_exchange(
            0,
            sys::now(),
            Ordering::SeqCst,
            Ordering::SeqCst,
        );
    }

    /// When the stop began.
    fn began(self) -> Option<u64> {
        let at = self.notes[notes::GO].load(Ordering::SeqCst);
        (at > 0).then_some(at)
    }

    /// Pid of another process, once that has been started, in the numbering of this one's namespace.
    fn pid_of(self, process: usize) -> Option<c_int> {
        if !plan::sees(self.nodes, self.index, process) {
            return None;
        }
        let pid = self.number_of(process).load(Ordering::SeqCst);
        c_int::try_from(pid).ok().filter(|pid| *pid > 0)
    }

    /// Where the pid of another process in the numbering of this one's namespace is noted.
    fn number_of(self, process: usize) -> &'static AtomicU64 {
        let depth = plan::namespaces(self.nodes, self.index).count();
        &self.notes[notes::number(process, depth)]
    }

    /// Moves itself, all of its threads, into the cgroup that is so far below the container's.
    fn move_to_cgroup(self, depth: u32) -> io::Result<()> {
        let mut path = self.folder.join("cgroup");
        path.extend((0..depth).map(|_| "inner"));
        // Zero is who writes.
        fs::write(path.join("cgroup.procs"), "0")
    }

    fn exit(self, code: u8) -> ! {
        self.mark(Note::Exiting);
        sys::exit(code)
    }

    /// Executes this program as the same process.
    fn execute(self) -> io::Error {
        self.mark(Note::ExecBegin);
        self.become_program(None)
    }

    /// Executes this program, as the process that it is or as one that is to be born.
    fn become_program(self, how: Option<&CStr>) -> io::Error {
        let program = CString::from(c"/proc/self/exe");
        let folder = CString::new(self.folder.as_os_str().to_owned().into_vec());
        let index = CString::new(self.index.to_string());
        match (folder, index) {
            (Ok(folder), Ok(index)) => {
                let mut arguments = vec![CString::from(c"tree"), folder, index];
                arguments.extend(how.map(CString::from));
                sys::execute(&program, &arguments)
            }
            _ => io::Error::other("a name with a zero in it"),
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let Some(folder) = arguments.next() else {
        eprintln!("usage: tree FOLDER [INDEX [enter|trace]]");
        return ExitCode::from(2);
    };
    let folder: &'static Path = Path::new(Box::leak(folder.into_boxed_os_str()));
    let index = arguments
        .next()
        .and_then(|index| index.to_str()?.parse().ok());
    let how = arguments.next();
    let how = how.as_ref().and_then(|how| how.to_str());
    let lived = Own::open(folder, index.unwrap_or(0)).and_then(|own| match (index, how) {
        (Some(_), Some("trace")) => tracer::trace_from_outside(own),
        (Some(_), None) => life::live(own),
        _ => be_born(own),
    });
    // Only an error comes back.
    if let Err(error) = lived {
        eprintln!("tree: {error}");
    }
    ExitCode::from(3)
}

/// Notes its numbers. The file system is the host's, and with it `/proc`: it has a number for each namespace, from the
/// host's to its own; the second is the workload's.
fn note_numbers(own: Own) -> io::Result<()> {
    let status = fs::read_to_string("/proc/self/status")?;
    let numbers = |key: &str| {
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix(key));
        let numbers = line.unwrap_or_default().split_whitespace();
        let numbers: Vec<u64> = numbers.filter_map(|one| one.parse().ok()).collect();
        if numbers.len() < 2 {
            return Err(io::Error::other(format!("no {key} in /proc")));
        }
        Ok(numbers)
    };
    let pids = numbers("NSpid:")?;
    for (depth, pid) in pids[1..].iter().enumerate() {
        own.notes[notes::number(own.index, depth)].store(*pid, Ordering::SeqCst);
    }
    own.write(Note::Group, numbers("NSpgid:")?[1] + 1);
    own.write(Note::Session, numbers("NSsid:")?[1] + 1);
    own.write(Note::HostPid, pids[0]);
    Ok(())
}

/// Starts a process with the number that another had, once that has ended.
fn start_as(own: Own, former: usize, child: usize) -> io::Result<c_int> {
    loop {
        if let Some(number) = own.pid_of(former)
            && let Some(pid) = sys::split_as(number)?
        {
            if pid == 0 {
                let child = Own {
                    index: child,
                    ..own
                };
                // libc keeps numbers of a process that it has forked itself: a new program reads them anew.
                return Err(child.become_program(Some(c"enter")));
            }
            return Ok(pid);
        }
        thread::sleep(life::LOOK);
    }
}

/// What happens once in the life of a process, also if it executes itself later.
fn be_born(own: Own) -> io::Result<()> {
    let node = own.node();
    if node.dies_with_parent {
        sys::die_with_parent()?;
    }
    for signal in life::STOP_SIGNALS.iter().chain(&[sys::SIGCHLD]) {
        sys::set_action(*signal, sys::SIG_DFL)?;
    }
    sys::set_blocked(&[]);
    match node.place {
        Place::Inherited => {}
        Place::OwnGroup => sys::lead_group()?,
        Place::OwnSession => sys::lead_session()?,
    }
    if let Some(depth) = node.cgroup {
        own.move_to_cgroup(depth)?;
    }
    note_numbers(own)?;
    for child in own.children() {
        let pid = match own.nodes[child] {
            Node { nests: true, .. } => sys::split_into_namespace()?,
            Node {
                number_of: Some(former),
                ..
            } => start_as(own, former, child)?,
            _ => sys::split()?,
        };
        if pid == 0 {
            return be_born(Own {
                index: child,
                ..own
            });
        }
        // Also by the child itself: whoever comes first.
        own.number_of(child)
            .store(pid.unsigned_abs().into(), Ordering::SeqCst);
    }
    if node.execs {
        return Err(own.execute());
    }
    life::live(own)
}
