//! A stop from a seed: the processes, what is PID 1, and how it is stopped. The same seed is the same plan.

use std::fmt;

use crate::{
    features,
    guest::{self, Guest},
    plan::{Act, Forward, Meets, Node, Place, Waits},
    rng::Rng,
    signals,
};

/// What PID 1 is. With one of another kind than `Own` the first process of the tree is its child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Init {
    /// The first process of the tree.
    Own,
    /// Waits for the tree in the foreground.
    Shell(&'static str),
    /// A trap for SIGTERM that exits, while it waits for the tree in the background.
    ShellExits(&'static str),
    /// A trap for SIGTERM that passes it on and waits.
    ShellForwards(&'static str),
    /// A trap for SIGTERM that exits, while the tree is in the foreground.
    ShellBusy(&'static str),
    /// An init, with its options.
    Known(&'static str, &'static [&'static str]),
}

impl Init {
    pub(crate) fn is_shell(self) -> bool {
        matches!(
            self,
            Self::Shell(_) | Self::ShellExits(_) | Self::ShellForwards(_) | Self::ShellBusy(_)
        )
    }

    /// The program that must be there.
    pub(crate) fn program(self) -> Option<&'static str> {
        match self {
            Self::Own => None,
            Self::Shell(name)
            | Self::ShellExits(name)
            | Self::ShellForwards(name)
            | Self::ShellBusy(name)
            | Self::Known(name, _) => Some(name),
        }
    }
}

/// How it is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Signals, each so many milliseconds after the one before, and SIGKILL if PID 1 is still there after the grace
    /// period.
    Signals {
        signals: Vec<(i32, u32)>,
        grace: u32,
    },
    /// SIGKILL at once.
    Kill,
    /// Nobody does anything: it ends by itself.
    Alone,
}

/// A stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) init: Init,
    pub(crate) stop: Stop,
    pub(crate) nodes: Vec<Node>,
    /// Another container in the same pid namespace.
    pub(crate) guest: Option<Guest>,
}

impl Plan {
    /// What the processes read.
    pub(crate) fn text(&self) -> String {
        let lines: Vec<String> = self.nodes.iter().map(ToString::to_string).collect();
        lines.join(
            "
",
        )
    }

    /// Whether a process takes more memory than there is.
    pub(crate) fn eats(&self) -> bool {
        let mut acts = self.nodes.iter().flat_map(|node| &node.acts);
        acts.any(|(_, act)| *act == Act::Eat)
    }

    /// Whether its processes are in the cgroup of a container, and some below it.
    pub(crate) fn has_cgroups(&self) -> bool {
        let mut nodes = self.nodes.iter();
        nodes.any(|node| {
            let mut acts = node.acts.iter();
            node.cgroup.is_some() || acts.any(|(_, act)| matches!(act, Act::Move(_)))
        })
    }

    /// The signal that asks PID 1 to end; SIGTERM when none is sent.
    pub(crate) fn stop_signal(&self) -> i32 {
        match &self.stop {
            Stop::Signals { signals, .. } => signals[0].0,
            Stop::Kill | Stop::Alone => libc::SIGTERM,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "init {:?}, {:?}", self.init, self.stop)?;
        for (index, node) in self.nodes.iter().enumerate() {
            writeln!(f, "{index}: {node}")?;
        }
        if let Some(guest) = &self.guest {
            writeln!(f, "another container, grace {:?}", guest.grace)?;
            for (index, node) in guest.nodes.iter().enumerate() {
                writeln!(f, "    {index}: {node}")?;
            }
        }
        Ok(())
    }
}

/// The plan of a seed.
pub(crate) fn plan(seed: u64) -> Plan {
    let mut rng = Rng::new(seed);
    let init = init(&mut rng);
    let count = rng.pick(&[
        (12, 1),
        (18, 2),
        (20, 3),
        (18, 4),
        (12, 5),
        (8, 7),
        (6, 9),
        (6, 12),
    ]);
    let mut stop = stop(&mut rng, init);
    let mut nodes: Vec<Node> = Vec::with_capacity(count);
    for index in 0..count {
        let node = if index > 0 {
            member(&mut rng, &nodes, count)
        } else if init == Init::Own {
            own_init(&mut rng)
        } else {
            main_child(&mut rng)
        };
        nodes.push(node);
    }
    features::exec_sessions(&mut rng, &mut nodes);
    if nodes[0].leaves_with_child && count > 1 {
        // Not before the stop.
        nodes[1].early = false;
        nodes[1].leaves_with_child = false;
    }
    if stop == Stop::Alone {
        end_by_itself(&mut rng, init, &mut nodes);
    }
    features::namespaces(&mut rng, &mut nodes);
    features::reused_numbers(&mut rng, &mut nodes);
    features::out_of_memory(&mut rng, &mut stop, &mut nodes);
    features::cgroups(&mut rng, &mut nodes);
    signals::unusual(&mut rng, init, &mut stop, &mut nodes);
    features::floods(&mut rng, &stop, &mut nodes);
    features::tracers(&mut rng, init, &mut nodes);
    let guest = guest::guest(&mut rng, &mut nodes);
    for node in &mut nodes {
        node.acts.sort_by_key(|(at, _)| *at);
    }
    Plan {
        seed,
        init,
        stop,
        nodes,
        guest,
    }
}

fn init(rng: &mut Rng) -> Init {
    rng.pick(&[
        (60, Init::Own),
        (4, Init::Shell("sh")),
        (3, Init::Shell("bash")),
        (2, Init::ShellExits("sh")),
        (3, Init::ShellExits("bash")),
        (2, Init::ShellForwards("sh")),
        (3, Init::ShellForwards("bash")),
        (3, Init::ShellBusy("bash")),
        (5, Init::Known("tini", &[])),
        (5, Init::Known("tini", &["-g"])),
        (2, Init::Known("tini", &["-s"])),
        (4, Init::Known("dumb-init", &[])),
        (3, Init::Known("dumb-init", &["-c"])),
        (4, Init::Known("catatonit", &[])),
    ])
}

fn stop(rng: &mut Rng, init: Init) -> Stop {
    let way = rng.below(100);
    if way < 10 {
        return Stop::Kill;
    }
    if way < 25 {
        return Stop::Alone;
    }
    let gap = rng.between(0, 30);
    // A shell has a handler for SIGINT of its own, and a trap for SIGTERM alone.
    let kinds = if init.is_shell() { 2 } else { 5 };
    let signals = match rng.pick(&[(76, 0), (8, 1), (6, 2), (5, 3), (5, 4)][..kinds]) {
        0 => vec![(libc::SIGTERM, 0)],
        1 => vec![(libc::SIGTERM, 0), (libc::SIGTERM, gap)],
        2 => vec![(libc::SIGINT, 0)],
        3 => vec![(libc::SIGQUIT, 0)],
        _ => vec![(libc::SIGINT, 0), (libc::SIGTERM, gap)],
    };
    let grace = match rng.below(100) {
        0..8 => 0,
        8..25 => rng.between(1, 20),
        _ => rng.between(20, 300),
    };
    Stop::Signals { signals, grace }
}

fn own_init(rng: &mut Rng) -> Node {
    let waiting = rng.pick(&[
        (1, Meets::Wait),
        (1, Meets::TimedWait),
        (1, Meets::SignalFd),
        (1, Meets::WaitInThread),
    ]);
    let (meets, forward, waits) = match rng.below(100) {
        0..15 => (Meets::Default, Forward::Nobody, Waits::Nobody),
        15..22 => (Meets::Ignore, Forward::Nobody, Waits::Nobody),
        22..29 => (Meets::Block, Forward::Nobody, Waits::Nobody),
        29..41 => (Meets::Handle, Forward::Nobody, Waits::Nobody),
        41..56 => (Meets::Handle, Forward::Children, Waits::All),
        56..62 => (Meets::Handle, Forward::All, Waits::All),
        62..72 => (Meets::Handle, Forward::Child, Waits::Main),
        72..78 => (Meets::Handle, forward(rng), Waits::Nobody),
        78..83 => (Meets::HandleInThread, forward(rng), Waits::All),
        83..93 => (waiting, forward(rng), Waits::All),
        93..97 => (Meets::OnlyQuit, Forward::Children, Waits::All),
        _ => (Meets::Late, Forward::Nobody, Waits::Nobody),
    };
    let mut node = Node {
        meets,
        forward,
        waits,
        after: after(rng),
        code: code(rng),
        threads: threads(rng),
        leaderless: rng.chance(4),
        reaps: rng.chance(50),
        leaves_with_child: rng.chance(4),
        execs: rng.chance(5),
        ..Node::default()
    };
    if rng.chance(5) {
        node.acts.push((rng.between(0, 100), Act::Exit(code(rng))));
    }
    more_acts(rng, &mut node);
    node
}

/// The child of a real init: a member, where its init needs it to be.
fn main_child(rng: &mut Rng) -> Node {
    let mut node = member(rng, &[], 1);
    // tini and dumb-init have it lead a group: it cannot become the leader of another.
    node.place = Place::Inherited;
    node.early = false;
    node.dies_with_parent = false;
    node
}

pub(crate) fn member(rng: &mut Rng, before: &[Node], count: usize) -> Node {
    let parent = rng.below(before.len());
    let meets = rng.pick(&[
        (24, Meets::Default),
        (10, Meets::Ignore),
        (8, Meets::Block),
        (30, Meets::Handle),
        (6, Meets::HandleInThread),
        (4, Meets::Late),
        (2, Meets::OnlyQuit),
        (6, Meets::Wait),
        (4, Meets::TimedWait),
        (6, Meets::SignalFd),
        (6, Meets::WaitInThread),
    ]);
    let mut node = Node {
        parent,
        meets,
        after: after(rng),
        code: code(rng),
        forward: if rng.chance(55) {
            Forward::Nobody
        } else {
            forward(rng)
        },
        waits: rng.pick(&[(55, Waits::Nobody), (20, Waits::Main), (25, Waits::All)]),
        place: rng.pick(&[
            (74, Place::Inherited),
            (14, Place::OwnGroup),
            (12, Place::OwnSession),
        ]),
        threads: threads(rng),
        leaderless: rng.chance(5),
        reaps: rng.chance(35),
        leaves_with_child: rng.chance(3),
        dies_with_parent: before.get(parent).is_some_and(keeps_first_thread) && rng.chance(5),
        execs: rng.chance(6),
        early: rng.chance(7),
        ..Node::default()
    };
    if rng.chance(12) {
        node.acts.push((rng.between(0, 150), Act::Exit(code(rng))));
    }
    if rng.chance(8) {
        let target = rng.below(count);
        node.acts.push((rng.between(0, 100), Act::Kill(target)));
    }
    more_acts(rng, &mut node);
    node
}

/// Whether its first thread, which has started its children, ends when it does.
pub(crate) fn keeps_first_thread(parent: &Node) -> bool {
    let mut acts = parent.acts.iter();
    !parent.leaderless
        && !parent.early
        && !parent.leaves_with_child
        && acts.all(|(_, act)| *act != Act::ExecInThread)
}

fn more_acts(rng: &mut Rng, node: &mut Node) {
    if node.meets == Meets::Late && rng.chance(85) {
        node.acts.push((rng.between(0, 100), Act::Handle));
    } else if rng.chance(6) {
        let exec = rng.pick(&[(1, Act::Exec), (1, Act::ExecInThread)]);
        node.acts.push((rng.between(0, 100), exec));
    }
}

/// Nobody stops it: its main process, or PID 1, has to end.
fn end_by_itself(rng: &mut Rng, init: Init, nodes: &mut [Node]) {
    let at = rng.between(0, 80);
    nodes[0]
        .acts
        .retain(|(_, act)| !matches!(act, Act::Exit(_)));
    let has_child = nodes.get(1).is_some_and(|node| !node.enters);
    if init == Init::Own && has_child && rng.chance(35) {
        nodes[0].leaves_with_child = true;
        nodes[1].early = false;
        nodes[1].leaves_with_child = false;
        // The first child of the first process; it ends, whoever ends it.
        nodes[1]
            .acts
            .retain(|(_, act)| !matches!(act, Act::Exit(_)));
        nodes[1].acts.push((at, Act::Exit(code(rng))));
    } else if init != Init::Own && rng.chance(25) {
        nodes[0]
            .acts
            .retain(|(_, act)| !matches!(act, Act::Kill(_)));
        nodes[0].acts.push((at, Act::Kill(0)));
    } else {
        nodes[0].acts.push((at, Act::Exit(code(rng))));
    }
}

fn after(rng: &mut Rng) -> Option<u32> {
    match rng.below(100) {
        0..20 => None,
        20..50 => Some(0),
        _ => Some(rng.between(1, 60)),
    }
}

fn code(rng: &mut Rng) -> u8 {
    rng.pick(&[(6, 0), (2, 143), (1, 1), (1, 137)])
}

fn threads(rng: &mut Rng) -> u32 {
    rng.pick(&[(75, 0), (15, 1), (10, 3)])
}

fn forward(rng: &mut Rng) -> Forward {
    rng.pick(&[
        (10, Forward::Nobody),
        (25, Forward::Child),
        (35, Forward::Children),
        (10, Forward::ChildGroup),
        (10, Forward::OwnGroup),
        (10, Forward::All),
    ])
}

#[cfg(test)]
mod tests {
    use crate::{generate, plan};

    #[test]
    fn a_seed_is_one_plan_and_processes_read_what_was_planned() {
        for seed in 0..2000 {
            let made = generate::plan(seed);
            assert_eq!(made, generate::plan(seed));
            assert_eq!(plan::read(&made.text()).as_ref(), Ok(&made.nodes), "{made}");
        }
    }
}
