//! When a stop began, and by what: the contract's words on it, with bounds.

use crate::{
    drive::Ran,
    generate::{Init, Stop},
    signals,
    times::Known,
};

/// An init that leaves within this time after its last child has ended may have left for that; the contract names
/// no age, and what is near it is not compared.
const RECENT: std::ops::Range<u64> = 900_000_000..1_100_000_000;

/// The begin of a stop.
#[derive(Clone, Debug)]
pub(crate) struct Begin {
    /// Not before,
    pub(crate) after: u64,
    /// and not after.
    pub(crate) by: u64,
    /// What the report may call it.
    pub(crate) triggers: Vec<&'static str>,
    /// The child whose end it is, when that is sure.
    pub(crate) child: Option<usize>,
}

/// When a stop began.
pub(crate) fn begin(ran: &Ran) -> Begin {
    if let (Stop::Signals { .. }, Some((_, first)), false) =
        (&ran.plan.stop, ran.signals.first(), ran.plan.is_usual())
    {
        return signals::begin_of_unusual(ran, *first);
    }
    let (trigger, span) = match (&ran.plan.stop, ran.signals.first(), ran.kill) {
        (Stop::Signals { .. }, Some((_, span)), _) => ("stop-signal", *span),
        (_, _, Some(span)) => ("sigkill", span),
        _ => return own_end(ran),
    };
    let mut begin = Begin {
        // A member that is flooded may pass that on to the group of PID 1.
        after: ran
            .floods()
            .map(|flood| flood.begin)
            .fold(span.begin, u64::min),
        by: span.end,
        triggers: vec![trigger],
        child: None,
    };
    // It may have been leaving by itself when the first signal came.
    if left_by_itself_after(ran) <= span.end {
        let own = own_end(ran);
        begin.after = begin.after.min(own.after);
        begin.by = begin.by.max(own.by);
        begin.triggers.extend(own.triggers);
        // A signal to a process that is dying is none: what came later then was no stop signal either.
        begin.triggers.push("sigkill");
    }
    begin
}

/// Before this PID 1 had no reason of its own to leave.
fn left_by_itself_after(ran: &Ran) -> u64 {
    match ran.signal_of(Some(0)) {
        // By a stop signal: that came from outside.
        Some(signal) if signal != libc::SIGKILL && !ran.is_flooded() => u64::MAX,
        _ => ran.ended_after(0),
    }
}

/// Not before this an init that leaves by itself began its stop.
fn own_end_after(
    ran: &Ran,
    last: Option<usize>,
    before: &[usize],
    unclear: &[usize],
    left_by: u64,
) -> u64 {
    let left_after = ran.init_left_after();
    let after = last.map_or(left_after, |child| {
        before
            .iter()
            .map(|child| ran.ended_after(*child))
            .filter(|after| *after < u64::MAX)
            .max()
            .unwrap_or(0)
            .min(ran.ended_after(child))
            .min(left_after)
    });
    // Who may have been its child may have been the last one.
    let unclear = unclear
        .iter()
        .filter(|child| left_by.saturating_sub(ran.ended_by(Some(**child))) < RECENT.end)
        .map(|child| ran.ended_after(*child));
    unclear.fold(after, u64::min)
}

/// The end of PID 1, or of its last child before it.
pub(crate) fn own_end(ran: &Ran) -> Begin {
    let init = ran.own_init();
    if let Some(after) = init.and_then(|init| ran.ate_too_much_after(init)) {
        return Begin {
            after,
            by: ran.ended_by(init),
            triggers: vec!["oom"],
            child: None,
        };
    }
    let left_after = ran.init_left_after();
    let torn_down = (0..ran.plan.nodes.len())
        .filter(|process| Some(*process) != init && ran.is_killed(Some(*process)))
        .filter(|process| !ran.may_be_killed_inside(*process))
        .map(|process| ran.ended_by(Some(process)));
    let left_by = torn_down.chain([ran.ended_by(init)]).min().unwrap();
    // Of an init that leaves with its main child no other is asked for.
    let asked_for = match ran.plan.init {
        Init::Known(..) => 1,
        _ => ran.plan.nodes.len(),
    };
    let children: Vec<usize> = (0..asked_for)
        .filter(|process| Some(*process) != init && ran.is_child_of_init(*process) != Known::No)
        // The end of an exec session makes nobody leave.
        .filter(|process| !ran.is_exec(*process) && ran.ended_after(*process) < left_by)
        .collect();
    // A foreign init leaves because its main child has ended.
    let is_before = |child: &usize| {
        let ended_before = ran.ended_by(Some(*child)) < left_after;
        let is_main = init.is_none() && *child == 0;
        ran.is_child_of_init(*child) == Known::Yes && (ended_before || is_main)
    };
    let age = |child: usize| left_by.saturating_sub(ran.ended_by(Some(child)));
    let (before, unclear): (Vec<usize>, Vec<usize>) = children.into_iter().partition(is_before);
    let last = before
        .iter()
        .copied()
        .max_by_key(|child| ran.ended_by(Some(*child)));
    let last = last.filter(|child| age(*child) < RECENT.end);
    let is_sure = unclear.is_empty();
    let mut triggers = Vec::new();
    let is_recent = last.is_some_and(|child| age(child) < RECENT.start);
    if last.is_some() || !is_sure {
        triggers.push("main-child-exit");
    }
    if !is_recent {
        triggers.push("init-exit");
    }
    let others_are_before = |last: usize| {
        let mut others = before.iter().filter(|child| **child != last);
        others.all(|child| ran.ended_by(Some(*child)) < ran.ended_after(last))
    };
    Begin {
        after: own_end_after(ran, last, &before, &unclear, left_by),
        by: match last {
            Some(child) if is_sure && is_recent => ran.ended_by(Some(child)),
            _ => left_by,
        },
        triggers,
        child: last.filter(|child| is_sure && is_recent && others_are_before(*child)),
    }
}
