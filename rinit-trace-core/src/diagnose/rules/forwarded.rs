//! Who inside passed the stop signal on to whom: a process that had been sent it, and sent it on.
//!
//! Who sent what the kernel says. A helper that nobody had signalled (`pkill` in a trap) passes
//! nothing on by this rule, nor does who signals itself.

use std::collections::{HashMap, HashSet};

use crate::{
    diagnose::{
        Rule,
        passed::{Asking, asking, name},
        words,
    },
    model::{ClosedStop, Confidence, Evidence, Finding, FindingId, Process, Role, Signal},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::Forwarded,
    check,
};

/// Senders that fit in a sentence.
const MAX_SENDERS: usize = 4;

/// One process, and whom it passed the signal on to.
struct Edges<'a> {
    sender: &'a Process,
    signal: Signal,
    recipients: Vec<(usize, &'a Process)>,
}

fn check(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let stop_signal = report.stop.signal?;
    let passed = passed_on(&asking(report));
    let (mut edges, mut places) = (Vec::new(), HashMap::new());
    for one in &passed {
        let Some(sender) = one.sender else { continue };
        let place = *places.entry(sender.pid).or_insert_with(|| {
            edges.push(Edges {
                sender,
                signal: one.entry.signal,
                recipients: Vec::new(),
            });
            edges.len() - 1
        });
        edges[place].recipients.push((one.index, one.target));
    }
    if edges.is_empty() {
        return None;
    }
    Some(Finding {
        id: RULE.id,
        confidence: Confidence::Certain,
        summary: summary(&edges, stop_signal),
        fix: Vec::new(),
        pids: passed.iter().map(|one| one.target.pid).collect(),
        evidence: passed
            .iter()
            .map(|one| Evidence::Signal(one.index))
            .collect(),
    })
}

/// The first signal of each sender to each recipient, of those who had been sent one before.
fn passed_on<'a>(asking: &[Asking<'a>]) -> Vec<Asking<'a>> {
    let (mut asked, mut known) = (HashSet::new(), HashSet::new());
    let mut passed = Vec::new();
    for one in asking {
        let sender = one.sender.filter(|sender| {
            // What it sends while the signal is still in its queue has nothing to do with that.
            let may_have_taken = sender.stop_signal.taken != Some(false);
            let is_other = sender.role != Role::Exec && sender.pid != one.target.pid;
            may_have_taken && is_other && asked.contains(&sender.pid)
        });
        if let Some(sender) = sender
            && known.insert((sender.pid, one.target.pid))
        {
            passed.push(*one);
        }
        if one.is_queued() {
            asked.insert(one.target.pid);
        }
    }
    passed
}

/// `PID 1 (tini) passed SIGTERM to app; app passed it to worker and 2 others`.
fn summary(edges: &[Edges], stop_signal: Signal) -> String {
    let mut parts: Vec<String> = edges
        .iter()
        .take(MAX_SENDERS)
        .enumerate()
        .map(|(nth, edge)| {
            let what = match (nth, edge.signal == stop_signal) {
                (0, true) => stop_signal.to_string(),
                (_, true) => "it".to_owned(),
                (0, false) => format!("{stop_signal} on as {}", edge.signal),
                (_, false) => format!("it on as {}", edge.signal),
            };
            let sender = name(edge.sender);
            let names = match words::names(edge.recipients.iter().copied()) {
                names if names == sender => format!("another {names}"),
                names => names,
            };
            format!("{sender} passed {what} to {names}")
        })
        .collect();
    match edges.len().saturating_sub(MAX_SENDERS) {
        0 => {}
        1 => parts.push("one more passed it on".to_owned()),
        more => parts.push(format!("{more} others passed it on")),
    }
    parts.join("; ")
}
