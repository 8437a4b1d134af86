//! Which causes may be said of a stop: the contract's list, in its order, held against the truth.

use crate::{
    drive::Ran,
    generate::{Init, Stop},
    memory,
    notes::Note,
    plan::{Forward, Meets},
    times::Known,
    traced,
    truth::{Fact, Truth},
};

/// What may be said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Causes {
    /// For sure.
    pub(crate) certain: Vec<&'static str>,
    /// As likely, beside these.
    pub(crate) likely: Vec<&'static str>,
}

/// Causes of a stop in which somebody was killed.
pub(crate) fn causes(ran: &Ran, truth: &Truth) -> Causes {
    let mut causes = of_signals(ran, truth);
    if !ran.plan.is_usual() {
        // The first signal asked it to end, or it did not.
        causes.certain.extend(["wrong-stop-signal", "unexplained"]);
    }
    if ran.is_flooded() {
        // By a member and not by PID 1: whether that counts as signalled the contract leaves open.
        let either = [
            "init-exited-early",
            "not-forwarded",
            "forwarded-to-child-only",
        ];
        causes.certain.extend(either);
        causes.likely.push("group-escape");
    }
    memory::add(ran, truth, traced::add(ran, truth, causes))
}

fn of_signals(ran: &Ran, truth: &Truth) -> Causes {
    if truth.begin.triggers.len() > 1 && ran.plan.stop != Stop::Alone {
        // PID 1 was leaving when it was asked to: which came first, nobody knows.
        let mut both = when_asked(ran, truth);
        both.certain.extend(when_left_alone(ran, truth).certain);
        both.certain.push("no-stop-signal");
        return both;
    }
    match ran.plan.stop {
        Stop::Alone => when_left_alone(ran, truth),
        Stop::Kill => Causes {
            certain: vec!["no-stop-signal"],
            ..Causes::default()
        },
        Stop::Signals { .. } => when_asked(ran, truth),
    }
}

fn when_asked(ran: &Ran, truth: &Truth) -> Causes {
    let unheeded = unheeded_by(ran, truth);
    if truth.init().is_killed() {
        return Causes {
            certain: unheeded,
            ..Causes::default()
        };
    }
    let mut causes = left_behind(ran, truth);
    if truth.init().taken != Known::Yes {
        // It ended by itself later: whether that had to do with the signal nobody can say.
        causes.likely.extend(unheeded);
        causes.certain.push("unexplained");
    }
    let reacts_to_some = matches!(ran.plan.nodes[0].meets, Meets::Late | Meets::OnlyQuit);
    if ran.signals.len() > 1 && ran.plan.init == Init::Own && reacts_to_some {
        // It dropped the first one, and took another.
        causes.likely.extend(unheeded_by(ran, truth));
    }
    if truth.init().taken == Known::No {
        causes
            .certain
            .retain(|id| ["killed-inside", "unexplained"].contains(id));
    }
    causes
}

/// Why a signal did not end PID 1.
fn unheeded_by(ran: &Ran, truth: &Truth) -> Vec<&'static str> {
    let taken = match truth.init().taken {
        Known::Yes => vec!["grace-exceeded"],
        Known::No => vec!["signal-blocked"],
        Known::Maybe => vec!["grace-exceeded", "signal-blocked"],
    };
    if ran.plan.init != Init::Own {
        return match ran.plan.init {
            // Or killed while it blocked signals, to fork.
            Init::Shell(_) => vec!["init-no-handler", "signal-blocked"],
            _ => taken,
        };
    }
    let has_executed = ran.note(0, Note::ExecBegin).is_some();
    let mut causes = match ran.plan.nodes[0].meets {
        Meets::Ignore => return vec!["init-ignores-signal"],
        Meets::Block => return vec!["signal-blocked"],
        Meets::Default => vec!["init-no-handler"],
        Meets::OnlyQuit if ran.plan.stop_signal() != libc::SIGQUIT => vec!["wrong-stop-signal"],
        Meets::Late => late(ran, taken),
        _ => taken,
    };
    if has_executed {
        causes.push("startup-window");
        // Of several signals a later one may have met the new program.
        let mut signals = ran.signals.iter();
        let is_sure = signals.all(|(_, span)| ran.note(0, Note::ExecBegin) > Some(span.end))
            && ran
                .note(0, Note::ExecEnd)
                .is_some_and(|end| end < ran.killed_after(Some(0)));
        let was_dropped = matches!(ran.plan.nodes[0].meets, Meets::Default | Meets::OnlyQuit);
        if is_sure && was_dropped && ran.plan.stop_signal() != libc::SIGQUIT {
            causes.retain(|id| *id == "startup-window");
        }
    }
    causes
}

/// PID 1 had no handler until some moment.
fn late(ran: &Ran, taken: Vec<&'static str>) -> Vec<&'static str> {
    // It may have been killed before any was sent.
    let Some((_, signal)) = ran.signals.first() else {
        return Vec::new();
    };
    match (ran.note(0, Note::HandleBegin), ran.note(0, Note::HandleEnd)) {
        (None, _) => vec!["init-no-handler"],
        (_, Some(end)) if end < signal.begin => taken,
        (Some(begin), Some(end))
            if begin > signal.end && end < ran.killed_after(Some(0)) && ran.signals.len() == 1 =>
        {
            vec!["startup-window"]
        }
        // In between, or sent one more when it had one.
        _ => [vec!["init-no-handler", "startup-window"], taken].concat(),
    }
}

/// PID 1 took the signal and ended.
fn left_behind(ran: &Ran, truth: &Truth) -> Causes {
    let victims: Vec<&Fact> = torn_down(ran, truth, Known::Maybe).collect();
    let exists = |wanted: Known| -> Known {
        // Known::No: one that was sent none; Known::Yes: one that was.
        let fits = victims.iter().map(|fact| {
            let is_victim = fact.counts_as_killed().min(is_torn_down(ran, fact));
            let sent = if wanted == Known::Yes {
                fact.sent
            } else {
                not(fact.sent)
            };
            is_victim.min(sent)
        });
        fits.max().unwrap_or(Known::No)
    };
    let (unsignalled, signalled) = (exists(Known::No), exists(Known::Yes));
    let passed = passed_on(ran, truth);
    let group = unsignalled.min(passed).min(sent_to_group(ran, &victims));
    let mut causes = first_of(&[
        ("killed-inside", killed_inside(ran, truth)),
        ("group-escape", group),
        ("forwarded-to-child-only", unsignalled.min(passed)),
        ("not-forwarded", unsignalled.min(not(passed))),
        ("init-exited-early", signalled),
    ]);
    // One of two words for the same, where a group is not seen.
    if group != Known::No {
        causes.certain.push("forwarded-to-child-only");
    }
    if passed != Known::No {
        causes.likely.push("group-escape");
    }
    causes
}

/// Nobody sent PID 1 a signal, and it ended.
fn when_left_alone(ran: &Ran, truth: &Truth) -> Causes {
    let torn_down = torn_down(ran, truth, Known::Maybe)
        .map(|fact| fact.counts_as_killed().min(is_torn_down(ran, fact)))
        .max()
        .unwrap_or(Known::No);
    let killed_inside = killed_inside(ran, truth);
    let is_known_init = matches!(ran.plan.init, Init::Known(..));
    let mut causes = if is_known_init {
        let child = &truth.facts[1];
        let killed_child = child.counts_as_killed();
        first_of(&[
            ("main-child-exited", torn_down.max(killed_child)),
            ("killed-inside", killed_inside),
        ])
    } else {
        first_of(&[("init-exited", torn_down), ("killed-inside", killed_inside)])
    };
    // Where a member had killed another before, the contract's order names the end of PID 1 first; that the kill inside
    // needs explaining first is as true.
    if killed_inside != Known::No && !is_known_init {
        causes.certain.push("killed-inside");
    }
    causes
}

/// Whom the end of PID 1 may have killed.
fn torn_down<'a>(
    ran: &'a Ran,
    truth: &'a Truth,
    at_least: Known,
) -> impl Iterator<Item = &'a Fact> {
    let killed = truth.facts[1..].iter();
    killed.filter(move |fact| {
        fact.counts_as_killed() >= at_least
            && fact.killers.contains(&"pidns-teardown")
            && torn_down_inside(ran, fact) != Known::Yes
    })
}

/// Whether the end of PID 1 killed it.
fn is_torn_down(ran: &Ran, fact: &Fact) -> Known {
    only(fact, "pidns-teardown").min(not(torn_down_inside(ran, fact)))
}

/// Whether this killed it.
fn only(fact: &Fact, killer: &str) -> Known {
    match fact.killers.as_slice() {
        [only] if *only == killer => Known::Yes,
        several if several.contains(&killer) => Known::Maybe,
        _ => Known::No,
    }
}

/// Whether the end of the init of a namespace within the workload's killed it.
fn torn_down_inside(ran: &Ran, fact: &Fact) -> Known {
    let inside = fact.who.map(|process| ran.is_torn_down_inside(process));
    inside.unwrap_or(Known::No)
}

fn killed_inside(ran: &Ran, truth: &Truth) -> Known {
    let killed = truth.facts[1..].iter().map(|fact| {
        let inside = torn_down_inside(ran, fact);
        let by_others = match only(fact, "pidns-teardown") {
            // The end of a member, if that was PID 1 of a namespace of its own.
            Known::Yes if inside != Known::No => inside,
            _ if inside == Known::Maybe => Known::Maybe,
            _ if fact.killers.is_empty() || fact.killers == ["oom"] => Known::No,
            _ if fact.killers.contains(&"tracer") => Known::Maybe,
            Known::Yes => Known::No,
            Known::Maybe => Known::Maybe,
            Known::No => Known::Yes,
        };
        fact.counts_as_killed().min(by_others)
    });
    killed.max().unwrap_or(Known::No)
}

/// Whether PID 1 passed the signal on to a member.
fn passed_on(ran: &Ran, truth: &Truth) -> Known {
    if ran.plan.init != Init::Own {
        return match ran.plan.init {
            Init::Shell(_) | Init::ShellExits(_) | Init::ShellBusy(_) => Known::No,
            _ => Known::Maybe,
        };
    }
    let sendings = ran.sendings();
    let own = sendings.iter().filter(|sending| sending.from == Some(0));
    let to = own.flat_map(|sending| {
        let facts = truth.facts.iter();
        facts.filter(|fact| fact.who != Some(0) && sending.to.contains(&fact.who))
    });
    // To an exec session is not to a member; that it went to nobody is not so either.
    let sent = to.map(|fact| match fact.roles.as_slice() {
        ["member"] => fact.sent,
        _ => fact.sent.min(Known::Maybe),
    });
    sent.max().unwrap_or(Known::No)
}

/// Whether it was sent to a process group, and all of these who were sent none are outside of it.
fn sent_to_group(ran: &Ran, victims: &[&Fact]) -> Known {
    let group = match ran.plan.init {
        Init::Own => match ran.plan.nodes[0].forward {
            Forward::ChildGroup | Forward::OwnGroup => ran.note(0, Note::ForwardGroup),
            _ => None,
        },
        Init::Known("tini", options) if options.contains(&"-g") => ran.note(0, Note::Group),
        Init::Known("dumb-init", []) => ran.note(0, Note::Group),
        _ => None,
    };
    let Some(group) = group else { return Known::No };
    let inside_and_unsignalled = victims.iter().map(|fact| {
        let is_inside = fact
            .who
            .is_some_and(|who| ran.note(who, Note::Group) == Some(group));
        if is_inside { not(fact.sent) } else { Known::No }
    });
    let all_outside = not(inside_and_unsignalled.max().unwrap_or(Known::No));
    // What a foreign init did is not noted.
    if ran.plan.init == Init::Own {
        all_outside
    } else {
        all_outside.min(Known::Maybe)
    }
}

/// The first that is so, and whatever may be so before it; when none is for sure, there may be no cause.
fn first_of(rules: &[(&'static str, Known)]) -> Causes {
    let mut certain = Vec::new();
    for (id, is_so) in rules {
        if *is_so != Known::No {
            certain.push(*id);
        }
        if *is_so == Known::Yes {
            return Causes {
                certain,
                ..Causes::default()
            };
        }
    }
    certain.push("unexplained");
    Causes {
        certain,
        ..Causes::default()
    }
}

fn not(known: Known) -> Known {
    match known {
        Known::No => Known::Yes,
        Known::Maybe => Known::Maybe,
        Known::Yes => Known::No,
    }
}
