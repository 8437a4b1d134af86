//! What is true of each process of a stop: from its notes and from the process connector, in the words of the report's
//! contract. Nothing here comes from the program under test, and where truth cannot be known all that it may be is
//! listed.

use crate::{
    begin::{Begin, begin},
    drive::Ran,
    generate::Init,
    notes::Note,
    plan::Meets,
    times::{Known, Who},
};

/// What is true of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) who: Who,
    pub(crate) host_pid: u32,
    pub(crate) ns_pid: u32,
    /// Process group and session, in the numbering of the namespace; `None` of a PID 1 that notes nothing.
    pub(crate) group: Option<u32>,
    pub(crate) session: Option<u32>,
    /// What its role may be called.
    pub(crate) roles: Vec<&'static str>,
    /// Whether it was alive at some moment of the stop.
    pub(crate) is_member: Known,
    pub(crate) code: Option<u32>,
    pub(crate) signal: Option<i32>,
    /// What its outcome may be called.
    pub(crate) outcomes: Vec<&'static str>,
    /// Who may have killed it; empty when nobody did.
    pub(crate) killers: Vec<&'static str>,
    /// Whether it would have cleaned up and was not let.
    pub(crate) lost_cleanup: Known,
    /// Whether it was sent a signal that asks to end.
    pub(crate) sent: Known,
    pub(crate) taken: Known,
}

impl Fact {
    pub(crate) fn is_killed(&self) -> bool {
        self.signal == Some(libc::SIGKILL)
    }

    /// It counts for the verdict.
    pub(crate) fn counts_as_killed(&self) -> Known {
        match self.roles.as_slice() {
            _ if !self.is_killed() => Known::No,
            ["exec"] => Known::No,
            [_] => self.is_member,
            _ => self.is_member.min(Known::Maybe),
        }
    }
}

/// What is true of a stop.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) begin: Begin,
    /// PID 1 first.
    pub(crate) facts: Vec<Fact>,
}

/// The truth of a stop that is over.
pub(crate) fn truth(ran: &Ran) -> Truth {
    let begin = begin(ran);
    let facts = ran
        .everybody()
        .into_iter()
        .map(|who| fact(ran, &begin, who))
        .collect();
    Truth { begin, facts }
}

fn fact(ran: &Ran, begin: &Begin, who: Who) -> Fact {
    let signal = ran.signal_of(who);
    let is_killed = signal == Some(libc::SIGKILL);
    let is_init = who == ran.own_init();
    let sent = ran.was_sent(who);
    let taken = taken(ran, who, sent);
    // Whether an unusual one asks to end nobody knows, nor then which signal it is that a handler counts for. What a flood
    // has led to may be older than the stop, whose first signal a busy machine sends late.
    let most = if ran.plan.is_usual() && !ran.may_be_asked_before(who, begin) {
        Known::Yes
    } else {
        Known::Maybe
    };
    let (sent, taken) = (sent.min(most), taken.min(most));
    Fact {
        who,
        host_pid: who.map_or(ran.init, |process| ran.pid(process, Note::HostPid)),
        ns_pid: who.map_or(1, |process| ran.pid(process, Note::NsPid)),
        group: numbered(ran, who, Note::Group),
        session: numbered(ran, who, Note::Session),
        roles: match who {
            Some(process) if ran.is_exec(process) => vec!["exec"],
            _ if is_init => vec!["init"],
            _ => vec!["member"],
        },
        is_member: if is_init {
            Known::Yes
        } else {
            membership(ran, begin, who)
        },
        code: signal.is_none().then(|| ran.status(who) >> 8),
        signal,
        outcomes: match signal {
            None => vec!["exited"],
            Some(libc::SIGKILL) => killed_outcomes(ran, who, sent, taken),
            Some(_) => vec!["terminated"],
        },
        killers: if is_killed {
            killers(ran, who)
        } else {
            Vec::new()
        },
        lost_cleanup: if is_killed {
            lost_cleanup(ran, who, taken).min(most)
        } else {
            Known::No
        },
        sent,
        taken,
    }
}

/// A process group or a session, which are noted as one more.
fn numbered(ran: &Ran, who: Who, note: Note) -> Option<u32> {
    ran.pid(who?, note).checked_sub(1)
}

fn membership(ran: &Ran, begin: &Begin, who: Who) -> Known {
    let Some(process) = who else {
        return Known::Yes;
    };
    let is_child = begin.child == Some(process);
    let is_killed = ran.is_killed(who);
    // Whoever PID 1 took along was there at its end, and with it after the begin.
    let was_torn_down = is_killed && !ran.may_be_killed_inside(process);
    let killed_later = is_killed && ran.killed_after(who) >= begin.by;
    let is_terminated = matches!(ran.signal_of(who), Some(signal) if signal != libc::SIGKILL);
    // Else nobody sends these before the stop.
    let was_terminated = is_terminated && !ran.is_asked_early();
    let alive_later = ran.alive_at(process) >= begin.by;
    // Until PID 1 is asked, signals others or ends, an exit with a code of others than its own children is not
    // observed; no end by a signal is missed.
    let is_asked = matches!(begin.triggers.as_slice(), ["stop-signal" | "sigkill"]);
    let is_unseen = !is_asked
        && !is_killed
        && !is_terminated
        && ran.is_child_of_init(process) != Known::Yes
        && ran.alive_at(process) < ran.ended_by(ran.own_init());
    if is_unseen && alive_later {
        Known::Maybe
    } else if is_child || was_torn_down || killed_later || was_terminated || alive_later {
        Known::Yes
    } else if ran.ended_by(who) < begin.after {
        Known::No
    } else {
        Known::Maybe
    }
}

/// Whether it took a signal that asks to end.
fn taken(ran: &Ran, who: Who, sent: Known) -> Known {
    let Some(process) = who else {
        // A foreign PID 1 notes nothing.
        return if sent == Known::No {
            Known::No
        } else {
            Known::Maybe
        };
    };
    if ran.note(process, Note::Taken).is_some() {
        return Known::Yes;
    }
    if ran.has_stopped(process) {
        // Dropped after that, it can be called either.
        return if ran.drops(process) {
            Known::Maybe
        } else {
            Known::Yes
        };
    }
    let node = &ran.plan.nodes[process];
    // Its default action is to dump core: SIGKILL can come in the middle of that.
    let dumps = ran.plan.stop_signal() == libc::SIGQUIT
        && matches!(node.meets, Meets::Default | Meets::Late)
        && !ran.is_some_init(who);
    if dumps && sent != Known::No {
        return Known::Maybe;
    }
    let traced = ran.is_traced_in_stop(process);
    let could = match node.meets {
        Meets::Block => false,
        Meets::Default | Meets::Ignore => traced != Known::No,
        Meets::OnlyQuit => ran.plan.stop_signal() == libc::SIGQUIT || traced != Known::No,
        Meets::Late => handles_in_time(ran, who, process) || traced != Known::No,
        _ => true,
    };
    if could && sent != Known::No {
        // On a busy machine it may not have come to run, or have taken it and not come to note that, for a long time.
        Known::Maybe
    } else {
        Known::No
    }
}

/// Whether one that handles signals late may have done so when one came to it.
fn handles_in_time(ran: &Ran, who: Who, process: usize) -> bool {
    let Some(handles) = ran.note(process, Note::HandleBegin) else {
        return false;
    };
    let own_init = ran.own_init();
    // What a foreign PID 1 sent is not noted.
    let is_noted = own_init.is_some() || who.is_none();
    let sendings = ran.sendings();
    let mut to_it = sendings.iter().filter(|sending| sending.to.contains(&who));
    !is_noted || to_it.any(|sending| sending.end.is_none_or(|end| end >= handles))
}

fn killed_outcomes(ran: &Ran, who: Who, sent: Known, taken: Known) -> Vec<&'static str> {
    let mut outcomes = Vec::new();
    match ran.is_oom_killed(who) {
        Known::Yes => return vec!["oom-killed"],
        Known::Maybe => outcomes.push("oom-killed"),
        Known::No => {}
    }
    if sent != Known::Yes {
        outcomes.push("killed-unsignalled");
    }
    if taken != Known::No {
        outcomes.push("killed-handling");
    }
    if sent != Known::No && taken != Known::Yes {
        outcomes.extend(not_taken(ran, who));
    }
    outcomes
}

/// What became of a signal that was sent and not taken.
fn not_taken(ran: &Ran, who: Who) -> &'static [&'static str] {
    const DROPPED: &[&str] = &["killed-ignoring"];
    const QUEUED: &[&str] = &["killed-pending"];
    const EITHER: &[&str] = &["killed-ignoring", "killed-pending"];
    let Some(process) = who else {
        return match ran.plan.init {
            // Shells block signals while they fork, and drop them a moment later.
            Init::Shell(_) => EITHER,
            _ => QUEUED,
        };
    };
    let is_init = ran.is_some_init(who);
    let node = &ran.plan.nodes[process];
    // Queued, for the tracer to see it.
    if ran.drops(process) && ran.is_traced_in_stop(process) != Known::No {
        return EITHER;
    }
    // Its default action is to ignore it; another may have followed.
    let is_harmless = ran.plan.stop_signal() == libc::SIGWINCH;
    let drops_it = match node.meets {
        Meets::Ignore => return DROPPED,
        Meets::Default | Meets::OnlyQuit | Meets::Late if is_harmless => return EITHER,
        Meets::Default => is_init,
        Meets::OnlyQuit => is_init && ran.plan.stop_signal() != libc::SIGQUIT,
        // Until it has its handler; when it is about to have it, nobody knows.
        Meets::Late => match ran.note(process, Note::HandleBegin) {
            None => is_init,
            Some(_) => return if is_init { EITHER } else { QUEUED },
        },
        // Without a handler for the moment in which it executes itself.
        Meets::Handle if is_init && ran.note(process, Note::ExecBegin).is_some() => return EITHER,
        Meets::HandleInThread if is_init && ran.note(process, Note::ExecBegin).is_some() => {
            return EITHER;
        }
        Meets::Block
        | Meets::Handle
        | Meets::HandleInThread
        | Meets::Wait
        | Meets::TimedWait
        | Meets::SignalFd
        | Meets::WaitInThread => false,
    };
    if drops_it { DROPPED } else { QUEUED }
}

fn killers(ran: &Ran, who: Who) -> Vec<&'static str> {
    let by_oom = ran.is_oom_killed(who);
    if by_oom == Known::Yes {
        return vec!["oom"];
    }
    let mut killers = Vec::from_iter((by_oom == Known::Maybe).then_some("oom"));
    if who == ran.own_init() {
        killers.push("runtime");
        return killers;
    }
    let Some(process) = who else {
        return Vec::new();
    };
    let ended_by = ran.ended_by(who);
    let mut is_sure = false;
    for killer in ran.killers(process) {
        if ran
            .note(killer, Note::KillBegin)
            .is_none_or(|begin| begin >= ended_by)
        {
            continue;
        }
        killers.push(if killer == process { "self" } else { "peer" });
        // Before PID 1 had any reason to leave.
        is_sure |= ran
            .note(killer, Note::KillEnd)
            .is_some_and(|end| end < ran.init_left_after());
    }
    let node = &ran.plan.nodes[process];
    if node.dies_with_parent && ran.ended_after(node.parent).min(ran.init_left_after()) < ended_by {
        killers.push("parent-death");
    }
    if ran
        .tracer_left_after(process)
        .is_some_and(|left| left < ended_by)
    {
        killers.push("tracer");
        is_sure |= ran
            .tracer_left_by(process)
            .is_some_and(|left| left < ran.init_left_after());
    }
    let torn_down_inside = ran.is_torn_down_inside(process);
    let torn_down = !is_sure && ran.init_left_after() < ended_by;
    if torn_down || torn_down_inside != Known::No {
        killers.push("pidns-teardown");
    }
    killers
}

/// Whether a process that was SIGKILLed handled the stop signal, or had waited for it and got it.
fn lost_cleanup(ran: &Ran, who: Who, taken: Known) -> Known {
    let Some(process) = who else {
        return match ran.plan.init {
            // A handler for the trap; but shells block signals now and then, and note nothing.
            Init::ShellExits(_) | Init::ShellForwards(_) | Init::ShellBusy(_) => Known::Maybe,
            // No handler, or nothing to clean up.
            Init::Shell(_) | Init::Known(..) | Init::Own => Known::No,
        };
    };
    let executes = ran.note(process, Note::ExecBegin).is_some()
        && ran
            .note(process, Note::ExecEnd)
            .is_none_or(|end| end > ran.killed_after(who));
    let handles = match ran.plan.nodes[process].meets {
        Meets::Handle | Meets::HandleInThread => Known::Yes,
        Meets::OnlyQuit if ran.plan.stop_signal() == libc::SIGQUIT => Known::Yes,
        Meets::Late => match (
            ran.note(process, Note::HandleBegin),
            ran.note(process, Note::HandleEnd),
        ) {
            (None, _) => Known::No,
            (Some(_), Some(end)) if end < ran.killed_after(who) => Known::Yes,
            _ => Known::Maybe,
        },
        Meets::Wait | Meets::TimedWait | Meets::SignalFd | Meets::WaitInThread => taken,
        Meets::OnlyQuit | Meets::Default | Meets::Ignore | Meets::Block => Known::No,
    };
    // Handlers are gone, and not yet there again.
    if executes && handles == Known::Yes {
        Known::Maybe
    } else {
        handles
    }
}

impl Truth {
    /// PID 1.
    pub(crate) fn init(&self) -> &Fact {
        &self.facts[0]
    }

    /// How many would have cleaned up, from and to.
    pub(crate) fn lost_cleanup(&self) -> (u64, u64) {
        let count = |at_least: Known| {
            let lost = self
                .facts
                .iter()
                .filter(|fact| fact.lost_cleanup.min(fact.counts_as_killed()) >= at_least);
            u64::try_from(lost.count()).unwrap()
        };
        (count(Known::Yes), count(Known::Maybe))
    }

    /// What the verdict may be.
    pub(crate) fn verdicts(&self) -> &'static [&'static str] {
        match self.facts.iter().map(Fact::counts_as_killed).max() {
            Some(Known::Yes) => &["forced"],
            Some(Known::Maybe) => &["forced", "graceful"],
            _ => &["graceful"],
        }
    }
}
