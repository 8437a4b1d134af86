//! What some trees have beside their members.

use crate::{
    drive::Ran,
    generate::{Init, Stop, keeps_first_thread, member},
    notes,
    plan::{self, Act, Meets, Node, Place, Tracer, Tracing, Waits},
    rng::Rng,
    signals::REAL_TIME,
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

/// Some members are PID 1 of a namespace of their own, within one another.
pub(crate) fn namespaces(rng: &mut Rng, nodes: &mut Vec<Node>) {
    if rng.chance(8) {
        chain(rng, nodes);
    }
    for _ in 0..rng.pick(&[(80, 0), (13, 1), (7, 3)]) {
        let init = rng.below(nodes.len());
        let is_first = init == 0 || nodes[init].enters;
        let mut all = 0..nodes.len();
        if is_first || all.any(|one| depth_with(nodes, one, init) > notes::DEEPEST) {
            continue;
        }
        nest(&mut nodes[init]);
    }
}

/// In some trees a session of the workload has the number of one that came from outside and has ended.
pub(crate) fn reused_numbers(rng: &mut Rng, nodes: &mut Vec<Node>) {
    const MORE: usize = 4;
    let first = nodes.len();
    if !rng.chance(8) || first + MORE > notes::PROCESSES {
        return;
    }
    // It has to be in the namespace in which the number is used again.
    let outer = (0..first).filter(|one| plan::nested_in(nodes, *one).is_none());
    let outer: Vec<usize> = outer.collect();
    let parent = outer[rng.below(outer.len())];
    nodes.push(Node {
        enters: true,
        early: true,
        place: Place::OwnSession,
        ..Node::default()
    });
    for index in first + 1..first + MORE {
        let mut node = member(rng, nodes, index + 1);
        node.dies_with_parent = false;
        // Another process has that number by then.
        node.acts.retain(|(_, act)| *act != Act::Kill(first));
        if index == first + 1 {
            (node.parent, node.place) = (parent, Place::OwnSession);
            node.number_of = Some(first);
            // Its parent may leave with it: not before the stop.
            (node.early, node.leaves_with_child) = (false, false);
        } else {
            // In its session.
            (node.parent, node.place) = (first + 1, Place::Inherited);
        }
        nodes.push(node);
    }
}

/// How deep a process would be in namespaces, if this one were the init of one.
fn depth_with(nodes: &[Node], process: usize, init: usize) -> usize {
    let mut with = nodes.to_vec();
    with[init].nests = true;
    plan::namespaces(&with, process).count()
}

fn nest(node: &mut Node) {
    node.nests = true;
    // Those below it come to be ready.
    (node.early, node.leaves_with_child, node.dies_with_parent) = (false, false, false);
}

/// Inits of namespaces one below another, and members in these.
fn chain(rng: &mut Rng, nodes: &mut Vec<Node>) {
    let first = nodes.len();
    let parent = rng.below(first);
    let depth = rng.between_indexes(2, notes::DEEPEST + 1);
    for index in 0..depth + rng.below(3) {
        let mut node = member(rng, nodes, first + index + 1);
        node.dies_with_parent = false;
        node.parent = match index {
            0 => parent,
            _ if index < depth => first + index - 1,
            _ => rng.between_indexes(first, first + depth),
        };
        if index < depth {
            nest(&mut node);
        }
        nodes.push(node);
    }
}

/// In a few trees a process takes more memory than there is, before the stop or in it.
pub(crate) fn out_of_memory(rng: &mut Rng, stop: &mut Stop, nodes: &mut [Node]) {
    if !rng.chance(4) {
        return;
    }
    // The first two more often than they would be chosen: PID 1, and its main child.
    let eater = match rng.below(100) {
        0..30 => 0,
        30..50 => 1.min(nodes.len() - 1),
        _ => rng.below(nodes.len()),
    };
    // One that comes from outside is in another cgroup.
    if nodes[eater].enters || nodes[eater].early || is_below_exec(nodes, eater) {
        return;
    }
    nodes[eater].acts.push((rng.between(0, 60), Act::Eat));
    if let Stop::Signals { signals, .. } = stop
        && rng.chance(50)
    {
        signals[0].1 = rng.between(1, 80);
    }
}

fn is_below_exec(nodes: &[Node], process: usize) -> bool {
    let node = &nodes[process];
    node.enters || (process > 0 && is_below_exec(nodes, node.parent))
}

/// Some members send another SIGTERM many times, where that is the stop signal anyway.
pub(crate) fn floods(rng: &mut Rng, stop: &Stop, nodes: &mut [Node]) {
    let Stop::Signals { signals, .. } = stop else {
        return;
    };
    // The first comes at once: nobody is asked much earlier.
    let is_term = |(signal, _): &(i32, u32)| *signal == libc::SIGTERM;
    if !signals.iter().all(is_term) || signals[0].1 > 0 || nodes.len() < 3 || !rng.chance(30) {
        return;
    }
    let [from, to] = [(); 2].map(|()| rng.between_indexes(1, nodes.len()));
    let is_replaced = nodes.iter().any(|node| node.number_of == Some(to));
    if from != to && plan::sees(nodes, from, to) && !is_replaced {
        nodes[from].acts.push((rng.between(0, 60), Act::Flood(to)));
    }
}

/// Deepest below the container's.
pub(crate) const CGROUPS: u32 = 3;

/// Some workloads are in the cgroup of a container, with processes that are born below it or move there.
pub(crate) fn cgroups(rng: &mut Rng, nodes: &mut [Node]) {
    let mut acts = nodes.iter().flat_map(|node| &node.acts);
    // Where there is one hierarchy alone, that with a limit of memory is another place.
    let eats = acts.any(|(_, act)| *act == Act::Eat);
    if eats || !rng.chance(20) {
        return;
    }
    for _ in 0..rng.between(1, 4) {
        let process = rng.below(nodes.len());
        let node = &mut nodes[process];
        if rng.chance(60) {
            node.cgroup = Some(rng.between(1, CGROUPS));
        } else {
            // Back to the container's own as well.
            let depth = rng.between(0, CGROUPS);
            node.acts.push((rng.between(0, 80), Act::Move(depth)));
        }
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
        let is_seen = plan::sees(nodes, tracer, target);
        let can_trace = tracer > 0 && tracer != target && can_trace(nodes, tracer);
        let by = if is_seen && can_trace && rng.chance(60) {
            let node = &mut nodes[tracer];
            // It waits for one process alone.
            (node.reaps, node.waits, node.leaves_with_child) = (false, Waits::Nobody, false);
            // Whom it traces may be its parent, and either the end of the other.
            node.dies_with_parent &= !matches!(how, Tracing::Kill(_));
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
        && !node.nests
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

/// What there was in a stop, for the count of a run.
pub(crate) fn of(ran: &Ran) -> impl Iterator<Item = &'static str> {
    let nodes = &ran.plan.nodes;
    let any = |has: fn(&Node) -> bool| nodes.iter().any(has);
    let acts = |wanted: Act| {
        let mut acts = nodes.iter().flat_map(|node| &node.acts);
        acts.any(|(_, act)| *act == wanted)
    };
    let mut all = 0..nodes.len();
    let is_deep = all.any(|process| ran.inits_of(process).count() >= 3);
    let in_thread = |node: &Node| {
        node.leaderless || matches!(node.meets, Meets::HandleInThread | Meets::WaitInThread)
    };
    [
        ("threads", any(|node| node.threads > 0)),
        ("another thread acts", any(in_thread)),
        ("executed from a thread", acts(Act::ExecInThread)),
        ("exec sessions", any(|node| node.enters)),
        ("another container", ran.guest.is_some()),
        (
            "the number of a session that has ended",
            any(|node| node.number_of.is_some()),
        ),
        ("a namespace within", any(|node| node.nests)),
        ("namespaces at a depth of three or more", is_deep),
        ("cgroups below the container's", ran.plan.has_cgroups()),
        ("a flood", ran.is_flooded()),
        ("an unusual stop signal", !ran.plan.is_usual()),
        (
            "a real-time stop signal",
            ran.plan.stop_signal() >= REAL_TIME,
        ),
        ("traced", any(|node| node.traced.is_some())),
        (
            "PID 1 traced",
            ran.own_init().is_some() && nodes[0].traced.is_some(),
        ),
        ("killed by the OOM killer", ran.oom_kills > 0),
    ]
    .into_iter()
    .filter_map(|(name, is_there)| is_there.then_some(name))
}
