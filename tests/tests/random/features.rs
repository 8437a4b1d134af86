//! What some trees have beside their members.

use crate::{
    generate::{keeps_first_thread, member},
    plan::{Node, Place},
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
