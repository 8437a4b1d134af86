//! Which signal decided a stop in which PID 1 was sent several kinds, and how PID 1 met it.

use std::collections::BTreeSet;

use super::{
    begin::{asks_to_end, is_inside, is_runtime},
    members::Member,
    scene::Scene,
    terminal::is_of_terminal,
};
use crate::model::{Asked, SendResult, Signal, SignalEvent, millis};

/// The signal that decided: the stop signal, but of a chain (INT by an operator, then TERM by the
/// runtime) the one that the runtime means to stop it by, unless SIGKILL left no time to take it. A
/// PID 1 that dropped this one and took another, and then ended by itself, ended because of that.
pub(super) fn asked(scene: &Scene, init: &Member) -> Option<Asked> {
    let first = scene.begin.signal?;
    let names = scene.workload.names.as_ref();
    let meant = names
        .and_then(|names| names.stop_signal)
        .unwrap_or(Signal::TERM);
    let chain = || {
        let asking = init.asked.iter().copied();
        asking.filter(|event| asks_to_end(event, names))
    };
    let by_runtime = |event: &&SignalEvent| {
        event.signal == Some(meant)
            && is_runtime(&event.sender, &event.target)
            && !is_of_terminal(event)
    };
    let mut decided = if first.signal == Some(meant) {
        first
    } else {
        let had_time = |event: &&SignalEvent| !init.had_no_time_for(scene, event);
        let by_runtime = chain().find(by_runtime);
        by_runtime.filter(had_time).unwrap_or(first)
    };
    if scene.begin.kill.is_none() && init.taken(scene, decided.signal) == Some(false) {
        let mut kinds = BTreeSet::new();
        let taken = chain()
            .filter(|event| !is_inside(&event.sender, &event.target))
            .filter(|event| kinds.insert(event.signal))
            .find(|event| init.taken(scene, event.signal) == Some(true));
        decided = taken.unwrap_or(decided);
    }
    describe(scene, init, decided)
}

fn describe(scene: &Scene, init: &Member, event: &SignalEvent) -> Option<Asked> {
    let signal = event.signal?;
    let taken = init.taken(scene, Some(signal));
    let dequeued = taken == Some(true);
    let at_once = dequeued && event.result != SendResult::Ignored;
    let end = init.end_state();
    // The program of the end may have been sent it, too.
    let of_its_kind = |other: &&&SignalEvent| other.signal == Some(signal);
    let last = init.asked.iter().rfind(of_its_kind).unwrap_or(&event);
    Some(Asked {
        signal,
        at_ms: millis(event.at.since(scene.begin.at)),
        result: event.result,
        taken,
        disposition: init.disposition(scene, event.disposition, &event.state, signal, at_once),
        disposition_at_end: end
            .filter(|_| rinit_trace_common::DISPOSITION_SIGNALS.contains(&u32::from(signal.0)))
            .map(|end| init.disposition(scene, end.disposition(signal), &end, signal, dequeued)),
        blocks_for_a_moment: end.is_some_and(|end| end.blocks_for_a_moment()),
        unkillable: event.state.is_unkillable(),
        dropped_at_delivery: init.drops_at_delivery(scene, signal) > 0,
        comm: last.target.comm.clone(),
        exec_since: end.map(|end| last.state.exec_id != end.exec_id),
    })
}
