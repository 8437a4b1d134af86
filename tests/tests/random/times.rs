//! When things happened in a stop, as bounds: from notes before and after what a process did, the driver's own
//! clock, and the connector, which tells an exit late. What lies between two bounds is not known, and said so.

use crate::{
    drive::{Ran, is_of_the_end},
    generate::{Init, Stop},
    notes::{self, Note},
    plan::{Act, Forward},
};

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Known {
    No,
    Maybe,
    Yes,
}

/// Notes that are times, with their names.
const TIMES: [(Note, &str); 14] = [
    (Note::Ready, "ready"),
    (Note::Taken, "taken"),
    (Note::ForwardBegin, "forward"),
    (Note::ForwardEnd, "forwarded"),
    (Note::KillBegin, "kill"),
    (Note::KillEnd, "killed"),
    (Note::HandleBegin, "handle"),
    (Note::HandleEnd, "handles"),
    (Note::ExecBegin, "exec"),
    (Note::ExecEnd, "executed"),
    (Note::Exiting, "exiting"),
    (Note::EatBegin, "eats"),
    (Note::FloodBegin, "flood"),
    (Note::FloodEnd, "flooded"),
];

/// By the tracer of a process.
const TRACER_TIMES: [(Note, &str); 3] = [
    (Note::Seized, "seized"),
    (Note::Stopped, "stopped"),
    (Note::TracerLeaves, "tracer leaves"),
];

fn known(is_so: bool) -> Known {
    if is_so { Known::Yes } else { Known::No }
}

/// A process of the tree by its index; `None` is a PID 1 that is no process of the tree.
pub(crate) type Who = Option<usize>;

/// Signals that ask to end, sent by a process to others.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) from: Who,
    pub(crate) begin: u64,
    /// Not known when the sender was killed in the middle.
    pub(crate) end: Option<u64>,
    pub(crate) to: Vec<Who>,
}

impl Ran {
    /// PID 1.
    pub(crate) fn own_init(&self) -> Who {
        (self.plan.init == Init::Own).then_some(0)
    }

    /// All processes, PID 1 first.
    pub(crate) fn everybody(&self) -> Vec<Who> {
        let tree = (0..self.plan.nodes.len()).map(Some);
        let foreign = (self.plan.init != Init::Own).then_some(None);
        foreign.into_iter().chain(tree).collect()
    }

    /// How it ended, as wait(2) tells it.
    pub(crate) fn status(&self, who: Who) -> u32 {
        let told = match who {
            None => self.init_exits.first(),
            Some(process) => self.exits[process]
                .iter()
                .rev()
                .find(|exit| is_of_the_end(self, process, exit)),
        };
        let Some(told) = told else {
            panic!(
                "seed {}: no end of {who:?} among {:?}",
                self.plan.seed,
                who.map(|process| &self.exits[process])
            );
        };
        told.status
    }

    pub(crate) fn is_killed(&self, who: Who) -> bool {
        self.signal_of(who) == Some(libc::SIGKILL)
    }

    /// The signal that ended it.
    pub(crate) fn signal_of(&self, who: Who) -> Option<i32> {
        let signal = i32::try_from(self.status(who) & 0x7f).unwrap();
        (signal > 0).then_some(signal)
    }

    /// It had ended by then.
    pub(crate) fn ended_by(&self, who: Who) -> u64 {
        let exits = match who {
            None => &self.init_exits,
            Some(process) => &self.exits[process],
        };
        exits.iter().map(|exit| exit.at).max().unwrap()
    }

    /// Whether it came from outside, or is a descendant of one that did.
    pub(crate) fn is_exec(&self, process: usize) -> bool {
        let node = &self.plan.nodes[process];
        node.enters || (process > 0 && self.is_exec(node.parent))
    }

    /// Whether it was a child of PID 1 when it ended.
    pub(crate) fn is_child_of_init(&self, process: usize) -> Known {
        let exits = self.exits[process].iter();
        let told = exits.max_by_key(|exit| exit.at).unwrap().parent;
        let parent = self.plan.nodes[process].parent;
        if self.plan.nodes[process].enters {
            Known::No
        } else if told > 0 {
            known(told == self.init)
        } else if self.inits_around(process).next().is_some() {
            Known::No
        } else if process == 0 || Some(parent) == self.own_init() {
            // It was reaped before the connector told of it, which cannot name the parent then.
            Known::Yes
        } else if self.ended_by(Some(parent)) < self.ended_after(process) {
            Known::Yes
        } else if self.ended_after(parent) > self.ended_by(Some(process)) {
            Known::No
        } else {
            Known::Maybe
        }
    }

    /// It was alive then: the last thing that it noted.
    pub(crate) fn alive_at(&self, process: usize) -> u64 {
        TIMES
            .into_iter()
            .filter_map(|(note, _)| self.note(process, note))
            .max()
            .unwrap_or(0)
    }

    /// Who sent a process SIGKILL, or began to. The init of a namespace is killed from outside of it alone.
    pub(crate) fn killers(&self, target: usize) -> impl Iterator<Item = usize> {
        (0..self.plan.nodes.len()).filter(move |killer| {
            let acts = self.plan.nodes[*killer].acts.iter();
            let mut kills = acts.filter(|(_, act)| *act == Act::Kill(target));
            // From inside PID 1 cannot be killed.
            let is_safe = self.plan.nodes[target].nests && self.nested_in(*killer) == Some(target);
            !is_safe
                && self.sees(*killer, target)
                && Some(target) != self.own_init()
                && kills.next().is_some()
                && self.note(*killer, Note::KillBegin).is_some()
        })
    }

    /// Whether somebody else than the end of PID 1, or the driver, may have killed it.
    pub(crate) fn may_be_killed_inside(&self, process: usize) -> bool {
        self.killers(process).next().is_some()
            || self.plan.nodes[process].dies_with_parent
            || self.tracer_left_after(process).is_some()
            || self.oom_killed_after(process).is_some()
            || self.nested_init_ended_after(process).is_some()
    }

    /// Before this no other process of the tree, nor the end of its parent, had killed it.
    fn killed_inside_after(&self, process: usize) -> u64 {
        let killers = self.killers(process);
        let peers = killers.filter_map(|killer| self.note(killer, Note::KillBegin));
        let node = &self.plan.nodes[process];
        let parent = node.dies_with_parent.then(|| self.ended_after(node.parent));
        let tracer = self.tracer_left_after(process);
        let oom = self.oom_killed_after(process);
        let init = self.nested_init_ended_after(process);
        let others = [parent, tracer, oom, init].into_iter().flatten();
        peers.chain(others).min().unwrap_or(u64::MAX)
    }

    /// Before this it had not ended by itself or by one of the tree. What a teardown does is not looked at.
    pub(crate) fn ended_after(&self, process: usize) -> u64 {
        match self.signal_of(Some(process)) {
            None => self.note(process, Note::Exiting).unwrap_or(self.since),
            Some(libc::SIGKILL) => self.killed_inside_after(process),
            // By a stop signal, which all come from the driver in the end, or from a flood; or from dumb-init, on leaving.
            Some(_) => self.asked_after(),
        }
    }

    /// Before this PID 1 had not begun to leave, whoever made it.
    pub(crate) fn init_left_after(&self) -> u64 {
        let by_driver = self.kill.map_or(u64::MAX, |span| span.begin);
        let leaves_by = match self.plan.init {
            Init::ShellExits(_) | Init::ShellBusy(_) => self.signals.first(),
            // It waits for its child in the trap, and a second signal interrupts that.
            Init::ShellForwards(_) => self.signals.get(1),
            _ => None,
        };
        let by_signal = leaves_by.map_or(u64::MAX, |(_, span)| span.begin);
        // An own init has noted it, others leave when their main child has ended.
        by_driver.min(by_signal).min(self.ended_after(0))
    }

    /// Before this nobody had sent it SIGKILL.
    pub(crate) fn killed_after(&self, who: Who) -> u64 {
        if who == self.own_init() {
            let oom = who.and_then(|process| self.oom_killed_after(process));
            let kill = self.kill.map(|span| span.begin);
            return kill.into_iter().chain(oom).min().unwrap_or(u64::MAX);
        }
        let inside = who.map_or(u64::MAX, |process| self.killed_inside_after(process));
        inside.min(self.init_left_after())
    }

    /// What was sent to ask somebody to end, as far as the senders are of the tree or the driver.
    pub(crate) fn sendings(&self) -> Vec<Sending> {
        let from_outside = self.signals.iter().map(|(_, span)| Sending {
            from: None,
            begin: span.begin,
            end: Some(span.end),
            to: vec![self.own_init()],
        });
        let inside = (0..self.plan.nodes.len()).filter_map(|process| {
            Some(Sending {
                from: Some(process),
                begin: self.note(process, Note::ForwardBegin)?,
                end: self.note(process, Note::ForwardEnd),
                to: self.forwarded_to(process),
            })
        });
        from_outside.chain(inside).chain(self.floods()).collect()
    }

    /// To whom a process passed on a signal; some may have ended before.
    fn forwarded_to(&self, process: usize) -> Vec<Who> {
        let nodes = &self.plan.nodes;
        let is_child = |child: &usize| nodes[*child].parent == process && !nodes[*child].enters;
        let children = || (1..nodes.len()).filter(is_child);
        match nodes[process].forward {
            Forward::Nobody => Vec::new(),
            Forward::Child => children().take(1).map(Some).collect(),
            Forward::Children => children().map(Some).collect(),
            Forward::ChildGroup | Forward::OwnGroup => {
                let Some(group) = self.note(process, Note::ForwardGroup) else {
                    return Vec::new();
                };
                let of_tree = (0..nodes.len())
                    .filter(|other| self.note(*other, Note::Group) == Some(group))
                    .map(Some);
                // A foreign PID 1 leads group 1.
                let foreign = (self.own_init().is_none() && group == 2).then_some(None);
                of_tree.chain(foreign).collect()
            }
            // Everybody whom it sees but itself and PID 1 of its namespace.
            Forward::All => (0..nodes.len())
                .filter(|other| *other != process && self.sees(process, *other))
                .filter(|other| match self.nested_in(process) {
                    None => Some(*other) != self.own_init(),
                    Some(init) => *other != init,
                })
                .map(Some)
                .collect(),
        }
    }

    /// Whether a signal that asks to end was sent to a process while it lived and had not been killed.
    pub(crate) fn was_sent(&self, who: Who) -> Known {
        let sendings = self.sendings();
        let by_others = sendings
            .iter()
            .filter(|sending| sending.to.contains(&who))
            .map(|sending| match sending.end {
                Some(end) if end < self.killed_after(who) && end < self.lived_until(who) => {
                    Known::Yes
                }
                _ if sending.begin < self.ended_by(who) => Known::Maybe,
                _ => Known::No,
            });
        by_others
            .chain([self.was_sent_by_foreign_init(who)])
            .max()
            .unwrap_or(Known::No)
    }

    /// It lived until then at least, as far as it was not killed.
    fn lived_until(&self, who: Who) -> u64 {
        match who {
            Some(process) => self.ended_after(process),
            None => self.init_left_after(),
        }
    }

    /// What a PID 1 that is not of the tree sends is not noted by it; but who has taken a signal was sent one.
    fn was_sent_by_foreign_init(&self, who: Who) -> Known {
        let Some(process) = who else { return Known::No };
        if self.note(process, Note::Taken).is_some() {
            return Known::Yes;
        }
        match self.plan.init {
            Init::Own | Init::Shell(_) | Init::ShellExits(_) | Init::ShellBusy(_) => Known::No,
            Init::ShellForwards(_) if process > 0 || self.signals.is_empty() => Known::No,
            // dumb-init signals its group also when it leaves by itself.
            Init::ShellForwards(_) | Init::Known(..) => match self.plan.stop {
                Stop::Kill => Known::No,
                Stop::Signals { .. } | Stop::Alone => Known::Maybe,
            },
        }
    }

    /// What is known of a process by time, in milliseconds since the stop began, for people.
    pub(crate) fn timeline(&self, who: Who) -> String {
        let go = self.notes[notes::GO].cast_signed();
        let since = |at: u64| (at.cast_signed() - go) as f64 / 1e6;
        let mut parts = Vec::new();
        if let Some(process) = who.filter(|process| self.nested_in(*process).is_some()) {
            let depth = self.inits_of(process).count();
            let pid = self.notes[notes::number(process, depth)];
            parts.push(format!("pid {pid} in a namespace at depth {depth}"));
        }
        let times = TIMES.into_iter().chain(TRACER_TIMES);
        for (note, name) in times.filter(|_| who.is_some()) {
            let at = who.and_then(|process| self.note(process, note));
            parts.extend(at.map(|at| format!("{name} {:.3}", since(at))));
        }
        let exits = who.map_or(&self.init_exits, |process| &self.exits[process]);
        for exit in exits {
            let (tid, status, parent) = (exit.tid, exit.status, exit.parent);
            let at = since(exit.at);
            parts.push(format!(
                "end of {tid} {at:.3} status {status:#x} parent {parent}"
            ));
        }
        parts.join(", ")
    }
}
