//! What a tree of processes is to do: the plan that the random test makes, and that each process reads.
//!
//! Shared by both as source: the workload is built by a bare rustc, which finds no crates. As text it is one line
//! for each process, so that a person can read it and run it again.

use std::fmt;

/// Signals that a plan may send as stop signals: all that end a process which leaves them alone, and WINCH. Not KILL; not
/// PIPE, BUS and SEGV, which the runtime of Rust changes in every new program; not TRAP, which says something else to
/// tracers; not 32 and 33, which are libc's.
pub(crate) const STOP_SIGNALS: [i32; 50] = [
    1, 2, 3, 4, 6, 8, 10, 12, 14, 15, 16, 24, 25, 26, 27, 28, 29, 30, 31, 34, 35, 36, 37, 38, 39,
    40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
    64,
];

/// Makes an enum of words that stand for themselves in a plan.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$inner])* $variant),+ }

        impl $name {
            pub(crate) fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            fn of(word: &str) -> Result<Self, String> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!("`{word}` is no {}", stringify!($name))),
                }
            }
        }
    };
}

words! {
    /// How a process meets a signal that asks to end.
    Meets {
        Default = "default",
        Ignore = "ignore",
        /// Blocked in all threads, for ever.
        Block = "block",
        Handle = "handle",
        /// Blocked in the first thread; another takes it.
        HandleInThread = "handle-in-thread",
        /// Default, until [`Act::Handle`].
        Late = "late",
        /// Handles SIGQUIT alone.
        OnlyQuit = "only-quit",
        /// sigwaitinfo
        Wait = "wait",
        /// sigtimedwait, again and again.
        TimedWait = "timed-wait",
        SignalFd = "signalfd",
        /// Blocked in all threads; another than the first waits for it.
        WaitInThread = "wait-in-thread",
    }
}

words! {
    /// To whom a process passes on the signal that it takes.
    Forward {
        Nobody = "nobody",
        /// Its first child.
        Child = "child",
        /// Each of its children.
        Children = "children",
        /// The process group of its first child.
        ChildGroup = "child-group",
        /// Its own process group.
        OwnGroup = "own-group",
        /// kill(-1)
        All = "all",
    }
}

words! {
    /// Whom a process waits for before it ends.
    Waits {
        Nobody = "nobody",
        /// Its first child.
        Main = "main",
        /// All of its children, to ECHILD.
        All = "all",
    }
}

words! {
    /// Where a process stands.
    Place {
        Inherited = "inherited",
        OwnGroup = "own-group",
        OwnSession = "own-session",
    }
}

/// Who traces a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracer {
    /// A process of the host.
    Outside,
    /// The process with this index.
    Inside(usize),
}

/// What a tracer does with a signal that asks to end. All others it passes on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracing {
    /// Passes it on at once.
    Pass,
    /// After so many milliseconds.
    Delay(u32),
    /// Never.
    Hold,
    /// Passes it on; its own end kills who is traced (`PTRACE_O_EXITKILL`): so many milliseconds after the begin of the
    /// stop from outside, whenever it ends inside.
    Kill(u32),
}

fn tracing(text: &str) -> Result<(Tracer, Tracing), String> {
    let (by, how) = text.split_once(':').ok_or("nobody traces")?;
    let by = match by {
        "outside" => Tracer::Outside,
        index => Tracer::Inside(number(index)?),
    };
    let how = match how.split_once(':').unwrap_or((how, "")) {
        ("pass", "") => Tracing::Pass,
        ("delay", millis) => Tracing::Delay(number(millis)?),
        ("hold", "") => Tracing::Hold,
        ("kill", millis) => Tracing::Kill(number(millis)?),
        _ => return Err(format!("`{how}` is no way to trace")),
    };
    Ok((by, how))
}

fn write_tracing(f: &mut fmt::Formatter<'_>, by: Tracer, how: Tracing) -> fmt::Result {
    match by {
        Tracer::Outside => f.write_str(" traced=outside:"),
        Tracer::Inside(index) => write!(f, " traced={index}:"),
    }?;
    match how {
        Tracing::Pass => f.write_str("pass"),
        Tracing::Delay(millis) => write!(f, "delay:{millis}"),
        Tracing::Hold => f.write_str("hold"),
        Tracing::Kill(millis) => write!(f, "kill:{millis}"),
    }
}

/// What a process does some time after the stop has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Exits with this code.
    Exit(u8),
    /// Sends SIGKILL to the process with this index, which may be itself.
    Kill(usize),
    /// Sends SIGTERM to the process with this index, many times.
    Flood(usize),
    /// Executes itself; signals are set up again after that.
    Exec,
    /// The same from a new thread, which becomes the first one by it.
    ExecInThread,
    /// Takes more memory than its cgroup has.
    Eat,
    /// Installs its handler: [`Meets::Late`].
    Handle,
    /// Moves itself into the cgroup that is so far below the container's.
    Move(u32),
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit:{code}"),
            Self::Kill(target) => write!(f, "kill:{target}"),
            Self::Flood(target) => write!(f, "flood:{target}"),
            Self::Exec => f.write_str("exec"),
            Self::ExecInThread => f.write_str("exec-in-thread"),
            Self::Eat => f.write_str("eat"),
            Self::Handle => f.write_str("handle"),
            Self::Move(depth) => write!(f, "move:{depth}"),
        }
    }
}

impl Act {
    fn of(word: &str) -> Result<Self, String> {
        match word.split_once(':') {
            Some(("exit", code)) => Ok(Self::Exit(number(code)?)),
            Some(("kill", target)) => Ok(Self::Kill(number(target)?)),
            Some(("flood", target)) => Ok(Self::Flood(number(target)?)),
            Some(("move", depth)) => Ok(Self::Move(number(depth)?)),
            None if word == "exec" => Ok(Self::Exec),
            None if word == "exec-in-thread" => Ok(Self::ExecInThread),
            None if word == "eat" => Ok(Self::Eat),
            None if word == "handle" => Ok(Self::Handle),
            _ => Err(format!("`{word}` is no act")),
        }
    }
}

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Index of its parent; not used of the first process, and of one that enters.
    pub(crate) parent: usize,
    /// Comes from outside, as by `docker exec`.
    pub(crate) enters: bool,
    /// PID 1 of a pid namespace of its own. What is below it is in there, too.
    pub(crate) nests: bool,
    /// Has the number that this process had in the workload's namespace, and starts once that is free again.
    pub(crate) number_of: Option<usize>,
    /// Is in the cgroup that is so far below the container's before it starts its children; `None`: in its parent's.
    pub(crate) cgroup: Option<u32>,
    pub(crate) meets: Meets,
    /// Exits this many milliseconds after it has taken a signal, `None`: goes on.
    pub(crate) after: Option<u32>,
    /// With this code.
    pub(crate) code: u8,
    pub(crate) forward: Forward,
    pub(crate) waits: Waits,
    pub(crate) place: Place,
    /// Threads beside the first.
    pub(crate) threads: u32,
    /// The first thread has exited by itself; another goes on.
    pub(crate) leaderless: bool,
    /// Reaps its children when they end.
    pub(crate) reaps: bool,
    /// Exits once its first child has ended, also when nobody asks it to.
    pub(crate) leaves_with_child: bool,
    /// SIGKILLed when its parent ends (`PR_SET_PDEATHSIG`).
    pub(crate) dies_with_parent: bool,
    /// Executes itself before it is ready.
    pub(crate) execs: bool,
    /// Exits once it is ready.
    pub(crate) early: bool,
    /// By whom, and how.
    pub(crate) traced: Option<(Tracer, Tracing)>,
    /// Each with its time after the begin of the stop, in milliseconds.
    pub(crate) acts: Vec<(u32, Act)>,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            parent: 0,
            enters: false,
            nests: false,
            number_of: None,
            cgroup: None,
            meets: Meets::Default,
            after: None,
            code: 0,
            forward: Forward::Nobody,
            waits: Waits::Nobody,
            place: Place::Inherited,
            threads: 0,
            leaderless: false,
            reaps: false,
            leaves_with_child: false,
            dies_with_parent: false,
            execs: false,
            early: false,
            traced: None,
            acts: Vec::new(),
        }
    }
}

impl Node {
    fn read(line: &str) -> Result<Self, String> {
        let mut node = Self::default();
        for part in line.split_whitespace() {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key {
                "parent" => node.parent = number(value)?,
                "meets" => node.meets = Meets::of(value)?,
                "cgroup" => node.cgroup = Some(number(value)?),
                "after" => node.after = Some(number(value)?),
                "code" => node.code = number(value)?,
                "forward" => node.forward = Forward::of(value)?,
                "waits" => node.waits = Waits::of(value)?,
                "place" => node.place = Place::of(value)?,
                "threads" => node.threads = number(value)?,
                "enters" => node.enters = true,
                "nests" => node.nests = true,
                "number-of" => node.number_of = Some(number(value)?),
                "leaderless" => node.leaderless = true,
                "reaps" => node.reaps = true,
                "leaves-with-child" => node.leaves_with_child = true,
                "dies-with-parent" => node.dies_with_parent = true,
                "execs" => node.execs = true,
                "early" => node.early = true,
                "traced" => node.traced = Some(tracing(value)?),
                "at" => {
                    let (at, act) = value.split_once(':').ok_or("no time of an act")?;
                    node.acts.push((number(at)?, Act::of(act)?));
                }
                _ => return Err(format!("`{part}` is not known")),
            }
        }
        Ok(node)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parent={} meets={}", self.parent, self.meets.word())?;
        if let Some(after) = self.after {
            write!(f, " after={after}")?;
        }
        if let Some(depth) = self.cgroup {
            write!(f, " cgroup={depth}")?;
        }
        if let Some(process) = self.number_of {
            write!(f, " number-of={process}")?;
        }
        write!(f, " code={} forward={}", self.code, self.forward.word())?;
        write!(
            f,
            " waits={} place={}",
            self.waits.word(),
            self.place.word()
        )?;
        write!(f, " threads={}", self.threads)?;
        for (is_set, word) in [
            (self.enters, "enters"),
            (self.nests, "nests"),
            (self.leaderless, "leaderless"),
            (self.reaps, "reaps"),
            (self.leaves_with_child, "leaves-with-child"),
            (self.dies_with_parent, "dies-with-parent"),
            (self.execs, "execs"),
            (self.early, "early"),
        ] {
            if is_set {
                write!(f, " {word}")?;
            }
        }
        if let Some((by, how)) = self.traced {
            write_tracing(f, by, how)?;
        }
        for (at, act) in &self.acts {
            write!(f, " at={at}:{act}")?;
        }
        Ok(())
    }
}

/// The process whose pid namespace this one is in, if that is not the one of the first process.
pub(crate) fn nested_in(nodes: &[Node], process: usize) -> Option<usize> {
    namespaces(nodes, process).next()
}

/// The inits of the pid namespaces within that of the first process that this one is in, the innermost first.
pub(crate) fn namespaces(nodes: &[Node], process: usize) -> impl Iterator<Item = usize> {
    let above = move |at: &usize| (*at > 0 && !nodes[*at].enters).then(|| nodes[*at].parent);
    std::iter::successors(Some(process), above).filter(move |at| nodes[*at].nests)
}

/// Whether a process sees another, and can signal it.
pub(crate) fn sees(nodes: &[Node], process: usize, other: usize) -> bool {
    let own = nested_in(nodes, process);
    own.is_none_or(|own| namespaces(nodes, other).any(|init| init == own))
}

/// Reads the processes of a plan, one to a line.
pub(crate) fn read(text: &str) -> Result<Vec<Node>, String> {
    text.lines().map(Node::read).collect()
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    let read = text.parse();
    read.map_err(|_| format!("`{text}` is no number that fits"))
}
