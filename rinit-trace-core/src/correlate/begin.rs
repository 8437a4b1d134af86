//! Where a stop begins: which signal was the stop signal.
//!
//! The rules are those of the report contract. Candidates are signals that ask a program to end;
//! walked back from the end, those less than the grace period (at least 60 s) apart form one chain,
//! and its first is the stop signal. A dropped one is linked to a later SIGKILL of the runtime at
//! any age.

use std::{collections::BTreeMap, time::Duration};

use super::{
    episode::{BEFORE_EXIT, Episode, SKEW, found_alive, is_dropped, is_to_dying},
    oom, terminal,
    workload::Workload,
};
use crate::model::{
    BootTime, Disposition, ENGINE_COMMS, ExitEvent, ExitStatus, GraceSource, InitKind, Origin,
    RUNTIME_COMMS, SendResult, Signal, SignalEvent, Task, Trigger, Unlinked, WorkloadNames,
    init_kind,
};

/// Shortest gap that ends a chain.
const MIN_GAP: Duration = Duration::from_mins(1);

/// A runtime's SIGKILL comes a little later than its grace period: without this a stop that used
/// all of a long one would be no stop with a stop signal.
const LATE: Duration = Duration::from_secs(10);

/// A gate that led to nothing closes this long after the grace period.
const GATE_SLACK: Duration = Duration::from_mins(1);

/// Candidates at least this far apart belong to different stops.
pub(super) fn chain_gap(names: Option<&WorkloadNames>) -> Duration {
    grace(names).map_or(MIN_GAP, |grace| grace.saturating_add(LATE).max(MIN_GAP))
}

/// How long a gate stays open for a signal that leads to nothing.
pub(super) fn gate_time(names: Option<&WorkloadNames>) -> Duration {
    grace(names).unwrap_or(MIN_GAP).saturating_add(GATE_SLACK)
}

fn grace(names: Option<&WorkloadNames>) -> Option<Duration> {
    names
        .and_then(|names| names.grace)
        .map(|grace| grace.period)
}

/// Whether a signal to an init asks it to end.
pub(super) fn asks_to_end(event: &SignalEvent, names: Option<&WorkloadNames>) -> bool {
    let Some(signal) = event.signal else {
        return false;
    };
    if signal == Signal::KILL || is_to_dying(event) {
        return false;
    }
    if terminal::is_of_terminal(event) {
        return terminal::may_end(event);
    }
    let inside = is_inside(&event.sender, &event.target);
    if inside && event.result != SendResult::Delivered {
        return false;
    }
    // Another one that would be fatal, sent from outside: HUP or USR1 without a handler. With one it
    // is a reload, and blocked it is passed on by an init that waits for signals (tini).
    let fatal = !inside
        && signal.is_fatal_by_default()
        && event.disposition == Disposition::Default
        && !event.state.is_blocked(signal)
        && event.origin() != Origin::Timer;
    is_meant(signal, names) || fatal
}

/// Whether a signal to an init may ask it to end, as far as is known when it comes: while the
/// configured stop signal is not known yet, any from outside may be it; where no source knows it, any that the
/// runtime sends.
pub(super) fn may_ask_to_end(event: &SignalEvent, names: Option<&WorkloadNames>) -> bool {
    let may_be_meant = || match names {
        None => is_sent_from_outside(event),
        Some(_) => is_assumed(event, names),
    };
    asks_to_end(event, names) || may_be_meant()
}

/// Whether a signal is taken for the stop signal because the runtime sent it, and which one is configured is
/// not known: USR1 stops haproxy, WINCH stops httpd.
fn is_assumed(event: &SignalEvent, names: Option<&WorkloadNames>) -> bool {
    !knows_stop_signal(names)
        && is_sent_from_outside(event)
        && is_runtime(&event.sender, &event.target)
}

fn is_sent_from_outside(event: &SignalEvent) -> bool {
    matches!(event.origin(), Origin::User | Origin::Thread)
        && event.signal != Some(Signal::KILL)
        && !is_to_dying(event)
        && !is_inside(&event.sender, &event.target)
}

/// Whether a runtime means this signal to end a program.
fn is_meant(signal: Signal, names: Option<&WorkloadNames>) -> bool {
    signal.is_usual_stop() || names.and_then(|names| names.stop_signal) == Some(signal)
}

/// Whether a process lives in the workload of another, or in a namespace below it. To the workload of
/// a pid namespace everybody in that is inside, of whichever container: the kernel protects its init
/// from all of them.
pub(super) fn is_inside(task: &Task, other: &Task) -> bool {
    let is_same =
        task.ns == other.ns && (other.container == 0 || task.container == other.container);
    is_same || task.level > other.level
}

/// Whether a sender from outside is the container's runtime: by its name, or because it is the
/// parent of the init or another child of that parent (runc is a child of the shim), or a child of
/// the engine. A process of
/// another container may be that child, too (a pod has one shim), and is none, whatever its name; nor is
/// one that lives in a container, in the same cgroup.
pub(super) fn is_runtime(sender: &Task, init: &Task) -> bool {
    let is_neighbour = sender.container != 0
        || (init.level > 0 && sender.ns == init.ns)
        || (sender.level > 0 && sender.cgroups == init.cgroups);
    if is_inside(sender, init) || is_neighbour {
        return false;
    }
    let related = sender.key.tgid == init.ppid || sender.ppid == init.ppid;
    // The init's parent may have gone and init (host pid 1) adopted it: that relates nobody.
    (related && init.ppid > 1)
        || RUNTIME_COMMS.contains(&sender.comm.as_str())
        || ENGINE_COMMS.contains(&sender.parent_comm.as_str())
}

/// Whether a SIGKILL to the init was sent by the runtime, and not by the kernel while it ran.
pub(super) fn is_runtime_kill(kill: &SignalEvent) -> bool {
    kill.origin().is_sent() && is_runtime(&kill.sender, &kill.target)
}

/// What runc calls the process that becomes the container's, until it does.
const RUNC_INIT: &str = "runc:[";

/// Whether the OCI runtime SIGKILLs its child, which is that runtime still and not the container's
/// program: so it ends what it could not set up.
pub(super) fn is_by_who_made_it(kill: &SignalEvent) -> bool {
    let (runtime, init) = (&kill.sender, &kill.target);
    let is_its_child = init.ppid == runtime.key.tgid;
    let has_its_name = init.comm == runtime.comm || init.comm.starts_with(RUNC_INIT);
    is_its_child && has_its_name && is_runtime_kill(kill) && is_oci_runtime(runtime)
}

/// Whether an init has the name of an OCI runtime's own process. Any program may take it: that it has
/// executed nothing must be known beside.
pub(super) fn is_runtime_still(init: &Task) -> bool {
    // `runc:[2:INIT]`, `youki:[2:INIT]`.
    init.comm.ends_with(":INIT]") || RUNTIME_COMMS.contains(&init.comm.as_str())
}

/// By its name, or by the name of who runs it: a browser kills its own children, too.
fn is_oci_runtime(task: &Task) -> bool {
    [&task.comm, &task.parent_comm]
        .iter()
        .any(|comm| RUNTIME_COMMS.contains(&comm.as_str()))
}

/// How a stop began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin<'a> {
    pub(super) at: BootTime,
    pub(super) trigger: Trigger,
    /// The stop signal.
    pub(super) signal: Option<&'a SignalEvent>,
    /// The first SIGKILL to the init that the kernel accepted.
    pub(super) kill: Option<&'a SignalEvent>,
    /// The child whose end made an unsignalled init leave.
    pub(super) child: Option<&'a ExitEvent>,
    /// A signal that is not counted and may have begun it.
    pub(super) unlinked: Option<Unlinked>,
    /// The stop signal is what the runtime sent; nobody knows which one is configured.
    pub(super) is_assumed: bool,
}

/// Finds the begin of the stop whose facts are at hand; `None` when nothing shows the init's end.
pub(super) fn find(workload: &Workload) -> Option<Begin<'_>> {
    let episode = &workload.episode;
    let exit = episode.exit_of(workload.init);
    let kill = episode
        .kill_of(workload.init)
        .filter(|kill| found_alive(kill, exit));
    // The end of the namespace proves that of an init whose exit record was lost.
    let end = kill
        .map(|kill| kill.at)
        .or(exit.map(|exit| exit.at))
        .or(workload.gone_at())?;
    let names = workload.names.as_ref();
    // No default action is dropped for the main process of a container that has no init.
    let drops = if workload.id.is_shared() {
        BTreeMap::new()
    } else {
        episode.deliveries.last_drops(workload.init)
    };
    let was_dropped_late = |event: &SignalEvent| {
        let drop = event.signal.and_then(|signal| drops.get(&signal));
        event.disposition != Disposition::Handled && drop.is_some_and(|at| *at >= event.at)
    };
    let (of_terminal, candidates): (Vec<&SignalEvent>, Vec<_>) = episode
        .signals
        .iter()
        .filter(|event| event.target.key == workload.init && event.at.since(end) <= SKEW)
        .filter(|event| asks_to_end(event, names))
        // From inside it would have been dropped at once, had it not been blocked for a moment.
        .filter(|event| !is_inside(&event.sender, &event.target) || !was_dropped_late(event))
        .partition(|event| terminal::is_of_terminal(event));
    if let Some((first, at, is_assumed)) = asked(workload, &candidates, &of_terminal, kill, end) {
        return Some(Begin {
            at,
            trigger: Trigger::StopSignal,
            signal: Some(first),
            kill,
            child: None,
            unlinked: None,
            is_assumed,
        });
    }
    let child = exit
        .filter(|_| kill.is_none())
        .and_then(|exit| last_child(workload, exit));
    let (at, trigger) = match (kill, child) {
        (Some(kill), _) => (kill.at, kill_trigger(kill, exit)),
        (None, Some(child)) => (child.at, Trigger::MainChildExit),
        (None, None) => (own_end(workload, end), Trigger::InitExit),
    };
    Some(Begin {
        at,
        trigger,
        signal: None,
        kill,
        child,
        unlinked: unlinked(workload, &candidates, kill, end)
            .or_else(|| terminal::unlinked(&of_terminal, kill, end)),
        is_assumed: false,
    })
}

/// While nobody knew the names, any signal from outside might have been the stop signal, and facts were kept:
/// those that have turned out to be too old are forgotten now.
pub(super) fn forget_old(workload: &mut Workload) {
    let Some(begin) = find(workload) else {
        return;
    };
    let asked = begin.signal.map(|signal| signal.at);
    let stirred = asked.or(workload.stirred_at).unwrap_or(begin.at);
    workload.episode.keep_since(stirred, workload.init);
}

/// The stop signal, when it came, and whether it is only taken for it: of those that ask to end, else of what
/// the runtime sent, else of a terminal's.
fn asked<'a>(
    workload: &'a Workload,
    candidates: &[&'a SignalEvent],
    of_terminal: &[&'a SignalEvent],
    kill: Option<&SignalEvent>,
    end: BootTime,
) -> Option<(&'a SignalEvent, BootTime, bool)> {
    if let Some(first) = chain_start(candidates, kill, end, workload.names.as_ref()) {
        return Some((first, first.at, false));
    }
    if let Some(first) = assumed_start(workload, kill, end) {
        return Some((first, first.at, true));
    }
    let by_terminal = terminal::begin(workload, of_terminal, end).filter(|_| kill.is_none());
    by_terminal.map(|(first, at)| (first, at, false))
}

/// The first of the signals that the runtime sent shortly before the end, where nobody knows which one is
/// configured.
fn assumed_start<'a>(
    workload: &'a Workload,
    kill: Option<&SignalEvent>,
    end: BootTime,
) -> Option<&'a SignalEvent> {
    let names = workload.names.as_ref();
    let exit = workload.episode.exit_of(workload.init);
    let candidates: Vec<&SignalEvent> = workload
        .episode
        .signals
        .iter()
        .filter(|event| event.target.key == workload.init && event.at.since(end) <= SKEW)
        .filter(|event| is_assumed(event, names))
        .filter(|event| {
            // An init that ends by itself ends by no signal that it dropped, nor by one when it crashed.
            let ended_by_it = exit.is_none_or(|exit| match exit.status {
                ExitStatus::Code(_) => true,
                ExitStatus::Signal(signal) => event.signal == Some(signal),
            });
            kill.is_some() || (!is_dropped(event) && ended_by_it)
        })
        .collect();
    chain_start(&candidates, kill, end, names)
}

/// The last signal that may have begun a stop without a stop signal: one that asks to end, too long
/// ago.
fn unlinked(
    workload: &Workload,
    candidates: &[&SignalEvent],
    kill: Option<&SignalEvent>,
    end: BootTime,
) -> Option<Unlinked> {
    let names = workload.names.as_ref();
    let asked = candidates.iter().rfind(|event| {
        // Nobody ends by himself because of a signal that was dropped.
        let may_act = kill.is_some() || !is_dropped(event);
        may_act && event.signal.is_some_and(|signal| is_meant(signal, names))
    });
    asked.and_then(|event| {
        Some(Unlinked {
            signal: event.signal?,
            age: end.since(event.at),
        })
    })
}

/// Whether the configured stop signal is known: the source of an engine's grace period tells it, too, and so
/// does a caller.
pub(super) fn knows_stop_signal(names: Option<&WorkloadNames>) -> bool {
    names.is_some_and(|names| {
        let source = names.grace.map(|grace| grace.source);
        let was_asked = matches!(
            source,
            Some(GraceSource::Docker | GraceSource::Podman | GraceSource::Caller)
        );
        names.stop_signal.is_some() || was_asked
    })
}

/// The first candidate of the chain that leads to the end.
fn chain_start<'a>(
    candidates: &[&'a SignalEvent],
    kill: Option<&SignalEvent>,
    end: BootTime,
    names: Option<&WorkloadNames>,
) -> Option<&'a SignalEvent> {
    let gap = chain_gap(names);
    let by_runtime = kill.is_some_and(is_runtime_kill);
    let leads_to_end = |event: &&SignalEvent| {
        // At any age only what the runtime means: a dropped HUP of last week was no stop signal.
        let waited_for = by_runtime
            && is_dropped(event)
            && event.signal.is_some_and(|signal| is_meant(signal, names));
        end.since(event.at) < gap || waited_for
    };
    let last = candidates.iter().rposition(leads_to_end)?;
    let mut first = candidates[last];
    for candidate in candidates[..last].iter().rev() {
        if first.at.since(candidate.at) >= gap {
            break;
        }
        first = candidate;
    }
    Some(first)
}

fn kill_trigger(kill: &SignalEvent, exit: Option<&ExitEvent>) -> Trigger {
    match kill.origin() {
        Origin::CgroupKill => Trigger::CgroupKill,
        Origin::PidnsTeardown => Trigger::OwnerExit,
        _ if oom::is_victim(Some(kill), exit) => Trigger::Oom,
        _ => Trigger::Sigkill,
    }
}

/// What made an init leave that nobody asked: of its direct children that ended just before, the
/// main child, which such an init started first; of any other init the last one. The end of an exec
/// session does not.
fn last_child<'a>(workload: &'a Workload, exit: &ExitEvent) -> Option<&'a ExitEvent> {
    let episode = &workload.episode;
    let ended_before = |event: &&ExitEvent| {
        event.task.ppid == workload.init.tgid
            && event.task.key != workload.init
            && event.at <= exit.at
            && exit.at.since(event.at) <= BEFORE_EXIT
            && !workload.is_exec(&event.task)
            && !is_torn_down(episode, event)
    };
    let children = || episode.exits.iter().filter(ended_before);
    if init_kind_of(workload, &exit.task).leaves_with_main_child() {
        // Whoever else is its child came to it as an orphan, and is a descendant of the first.
        return children().min_by_key(|event| (event.task.key.start, event.at));
    }
    children().max_by_key(|event| event.at)
}

/// When an init ended that nobody killed: of one with threads the teardown may begin before the last
/// of them shows the end (kernel/exit.c `find_alive_thread()` looks at `PF_EXITING`).
fn own_end(workload: &Workload, shown: BootTime) -> BootTime {
    let signals = workload.episode.signals.iter();
    signals
        .filter(|event| event.sender.key == workload.init)
        .filter(|event| event.origin() == Origin::PidnsTeardown)
        .map(|event| event.at)
        .fold(shown, BootTime::min)
}

/// Whether the end of the init killed it, and so came before.
fn is_torn_down(episode: &Episode, exit: &ExitEvent) -> bool {
    let kill = episode.kill_of(exit.task.key);
    kill.is_some_and(|kill| kill.origin() == Origin::PidnsTeardown)
}

/// What kind of init it is, as far as is known when its stop closes.
pub(super) fn init_kind_of(workload: &Workload, init: &Task) -> InitKind {
    let looked_up = workload.names_of(workload.init).map(|names| &names.cmdline);
    let named = workload.names.as_ref();
    let cmdline = looked_up.or_else(|| named?.init_cmdline.as_ref());
    let exe = named.and_then(|names| names.init_settings.exe.as_deref());
    init_kind(&init.comm, cmdline.map(Vec::as_slice), exe)
}
