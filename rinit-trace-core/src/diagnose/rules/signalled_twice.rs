//! A process was sent the stop signal more than once, by different senders, and each of them was
//! queued: by the group signal of an init and by its own parent, for example.
//!
//! Repeats by one sender do not count, nor what was dropped or found the first still pending.
//! Senders that are no processes of the report count as one: the runtime has another pid each time.

use std::collections::{HashMap, HashSet};

use crate::{
    diagnose::{
        Rule,
        passed::{Asking, asking, name},
    },
    knowledge::remarks::signalled_twice::{SECOND_IS_NO_ORDER, SIGNAL_ONCE},
    model::{ClosedStop, Confidence, Evidence, Finding, FindingId},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::SignalledTwice,
    check,
};

/// Senders that fit in a sentence.
const MAX_SENDERS: usize = 3;

fn check(stop: &ClosedStop) -> Option<Finding> {
    // Of each process the first signal of each sender, in order of time.
    let mut by_target: HashMap<u32, Vec<Asking>> = HashMap::new();
    let (mut order, mut known) = (Vec::new(), HashSet::new());
    let queued = asking(&stop.report)
        .into_iter()
        .filter(|one| one.is_queued() && one.entry.from != one.entry.to);
    for one in queued {
        let target = one.target.pid;
        if known.insert((target, one.sender.map(|sender| sender.pid))) {
            let signals = by_target.entry(target).or_insert_with(|| {
                order.push(target);
                Vec::new()
            });
            signals.push(one);
        }
    }
    let twice: Vec<&Vec<Asking>> = order
        .iter()
        .filter_map(|pid| by_target.get(pid))
        .filter(|signals| signals.len() > 1)
        .collect();
    let first = twice.first()?;
    Some(Finding {
        id: RULE.id,
        confidence: Confidence::Certain,
        summary: summary(stop, first, twice.len() - 1),
        fix: vec![SIGNAL_ONCE.plain(), SECOND_IS_NO_ORDER.plain()],
        pids: twice
            .iter()
            .filter_map(|signals| signals.first())
            .map(|one| one.target.pid)
            .collect(),
        evidence: twice
            .iter()
            .flat_map(|signals| signals.iter())
            .map(|one| Evidence::Signal(one.index))
            .collect(),
    })
}

/// `worker was sent SIGTERM by PID 1 (tini), and again by app; 2 more processes …`.
fn summary(stop: &ClosedStop, signals: &[Asking], others: usize) -> String {
    let shown = signals.iter().take(MAX_SENDERS).enumerate();
    let mut parts: Vec<String> = shown
        .map(|(nth, one)| {
            let (signal, target) = (one.entry.signal, name(one.target));
            let sender = match one.sender_name(stop) {
                sender if sender == target => format!("another {sender}"),
                sender => sender,
            };
            match nth {
                0 => format!("{target} was sent {signal} by {sender}"),
                _ if signals[0].entry.signal == signal => format!("and again by {sender}"),
                _ => format!("and {signal} by {sender}"),
            }
        })
        .collect();
    match signals.len().saturating_sub(MAX_SENDERS) {
        0 => {}
        1 => parts.push("and by one more".to_owned()),
        more => parts.push(format!("and by {more} more")),
    }
    let first = parts.join(", ");
    match others {
        0 => first,
        1 => format!("{first}; one more process was asked by several, too"),
        others => format!("{first}; {others} more processes were asked by several, too"),
    }
}
