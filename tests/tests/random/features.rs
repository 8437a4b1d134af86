//! What some trees have beside their members.

use crate::{
    generate::{Init, keeps_first_thread, member},
    plan::{Act, Meets, Node, Place, Tracer, Tracing, Waits},
    rng::Rng,
};

/// Processes from outside, each with some below it.
pub(crate) fn exec_sessions(rng: &mut Rng, nodes: &mut Vec<Node>) {
    for _ in 0..rng.pick(&[(80, 0), (14, 1), (6, 2)]) {
        exec_session(rng, nodes);
    }
}

fn exec_session(rng: &mut Rng, nodes: &mut Vec<Node>) {
    let first = nodes.len();
    let count = rng.pick(&[(40, 1), (30, 2), (20, 3), (10, 4)]);
    for index in first..first + count {
        // It may kill any that is there by now, and itself.
        let mut node = member(rng, nodes, index + 1);
        if index == first {
            node.parent = 0;
            node.enters = true;
            // As runtimes do.
            node.place = Place::OwnSession;
        } else {
            node.parent = rng.between_indexes(first, index);
        }
        node.dies_with_parent =
            !node.enters && keeps_first_thread(&nodes[node.parent]) && rng.chance(5);
        nodes.push(node);
    }
}

/// Some processes are traced, by others of the tree or from outside.
pub(crate) fn tracers(rng: &mut Rng, init: Init, nodes: &mut [Node]) {
    for _ in 0..rng.pick(&[(86, 0), (10, 1), (4, 2)]) {
        // PID 1 more often than it would be chosen.
        let target = if rng.chance(30) {
            0
        } else {
            rng.below(nodes.len())
        };
        let is_traced = nodes[target].traced.is_some();
        let is_tracer = tracers_of(nodes).any(|tracer| tracer == target);
        if is_traced || is_tracer || !can_be_traced(&nodes[target]) {
            continue;
        }
        let is_init = target == 0 && init == Init::Own;
        let how = match rng.pick(&[(35, 0), (25, 1), (25, 2), (if is_init { 0 } else { 15 }, 3)]) {
            0 => Tracing::Pass,
            1 => Tracing::Delay(rng.between(5, 60)),
            2 => Tracing::Hold,
            _ => Tracing::Kill(rng.between(0, 100)),
        };
        let tracer = rng.below(nodes.len());
        let by = if tracer > 0 && tracer != target && can_trace(nodes, tracer) && rng.chance(60) {
            let node = &mut nodes[tracer];
            // It waits for one process alone.
            (node.reaps, node.waits, node.leaves_with_child) = (false, Waits::Nobody, false);
            Tracer::Inside(tracer)
        } else {
            Tracer::Outside
        };
        nodes[target].traced = Some((by, how));
    }
}

/// One thread is traced: the process must have no other.
fn can_be_traced(node: &Node) -> bool {
    let mut acts = node.acts.iter();
    let in_threads = [Meets::HandleInThread, Meets::WaitInThread];
    node.threads == 0
        && !node.leaderless
        && !in_threads.contains(&node.meets)
        // It is there, and traced, when the stop begins.
        && !node.early
        && !node.leaves_with_child
        && acts.all(|(_, act)| *act != Act::ExecInThread)
}

/// The thread that traces must stay.
fn can_trace(nodes: &[Node], process: usize) -> bool {
    let node = &nodes[process];
    let mut acts = node.acts.iter();
    !node.early
        && node.traced.is_none()
        && tracers_of(nodes).all(|tracer| tracer != process)
        && acts.all(|(_, act)| !matches!(act, Act::Exec | Act::ExecInThread))
}

fn tracers_of(nodes: &[Node]) -> impl Iterator<Item = usize> {
    nodes.iter().filter_map(|node| match node.traced {
        Some((Tracer::Inside(tracer), _)) => Some(tracer),
        _ => None,
    })
}
