//! Facts of a stop → the observed part of its report.

use std::{collections::HashSet, time::Duration};

use jiff::Timestamp;

use super::{
    Config,
    begin::{self, is_inside},
    episode::{is_effective_kill, is_to_dying},
    facts,
    losses::NobodysLosses,
    members::{self, Member},
    oom::OomMarks,
    origins, roles,
    scene::Scene,
    terminal::is_of_terminal,
    workload::Workload,
};
use crate::model::{
    Arguments, BootTime, ClosedStop, Init, InitKind, Kill, Observation, Outcome, PidnsTeardown,
    Process, ProcessKey, Role, SCHEMA, Sender, SignalEntry, SignalEvent, StopDetails, StopReport,
    Trigger, Unlisted, Verdict, WorkloadNames, millis,
};

/// Stands for the pid of the sender where no process sent the signal.
const NOBODY: u32 = 0;

/// Docker's grace period, where none is known.
const USUAL_GRACE: Duration = Duration::from_secs(10);

/// The stop of a workload whose facts are complete; `None` when its init's end was not seen.
pub(super) fn closed_stop(
    workload: &mut Workload,
    oom: &OomMarks,
    nobodys: &NobodysLosses,
    config: &Config,
) -> Option<ClosedStop> {
    workload.episode.sort();
    begin::forget_old(workload);
    origins::settle(&mut workload.episode, oom);
    let workload = &*workload;
    let begin = begin::find(workload)?;
    let gap = begin::chain_gap(workload.names.as_ref());
    let lost_records = workload.lost_since(nobodys, begin.at, gap);
    let is_incomplete = lost_records > 0 || workload.episode.dropped > 0;
    let scene = Scene::new(workload, begin, is_incomplete, config);
    let members = members::collect(&scene);
    let processes: Vec<Process> = members
        .iter()
        .zip(roles::roles(workload, &members))
        .map(|(member, role)| member.report(&scene, role))
        .collect();
    let facts = facts::of_stop(&scene, &members, config);
    let ended = workload.ended_at().max(begin.at);
    let names = workload.names.clone().unwrap_or_default();
    let report = StopReport {
        schema: SCHEMA.to_owned(),
        node: config.node.clone(),
        started_at: wall(begin.at, config),
        ended_at: wall(ended, config),
        duration_ms: millis(ended.since(begin.at)),
        stop: details(&scene, &members, &names),
        verdict: verdict(&scene, &processes, began_unseen(&scene, config)),
        // The diagnosis counts: it knows which inits have nothing to clean up.
        lost_cleanup: None,
        cause: None,
        findings: Vec::new(),
        signals: signals(&scene, &members),
        observation: Observation {
            // Confirmed for this very namespace, or inferred.
            pidns_teardown: if workload.teardown_seen {
                config.teardown
            } else {
                PidnsTeardown::Inferred
            },
            lost_records,
            left_out: workload.episode.dropped,
            unlisted: Unlisted::default(),
            arguments: Some(Arguments::Full),
        },
        workload: describe(workload, names, &members),
        processes,
    };
    Some(ClosedStop { report, facts })
}

fn details(scene: &Scene, members: &[Member], names: &WorkloadNames) -> StopDetails {
    let (workload, begin) = (scene.workload, scene.begin);
    let outside_kill = begin
        .kill
        .filter(|kill| !is_inside(&kill.sender, &kill.target));
    // Not known while somebody is left.
    let last_gone = || {
        members
            .iter()
            .map(|member| member.exit.map(|exit| exit.at))
            .try_fold(begin.at, |last, at| Some(last.max(at?)))
    };
    let until = outside_kill.map(|kill| kill.at).or_else(last_gone);
    StopDetails {
        trigger: begin.trigger,
        signal: begin.signal.and_then(|event| event.signal),
        result: begin.signal.map(|event| event.result),
        taken: begin.signal.and_then(|event| {
            members
                .iter()
                .find(|member| member.key == workload.init)?
                .taken(scene, event.signal)
        }),
        sender: begin.signal.map(sender),
        kill: begin.kill.map(|event| Kill {
            at_ms: millis(event.at.since(begin.at)),
            sender: sender(event),
        }),
        grace_ms: names.grace.map(|grace| millis(grace.period)),
        grace_source: names.grace.map(|grace| grace.source),
        grace_used_ms: begin
            .signal
            .zip(until)
            .map(|(event, until)| millis(until.since(event.at))),
    }
}

pub(super) fn sender(event: &SignalEvent) -> Sender {
    let task = &event.sender;
    if is_of_terminal(event) {
        return Sender {
            pid: NOBODY,
            comm: "terminal".to_owned(),
            parent_comm: String::new(),
            inside: false,
        };
    }
    Sender {
        pid: task.key.tgid,
        comm: task.comm.clone(),
        parent_comm: task.parent_comm.clone(),
        inside: is_inside(task, &event.target),
    }
}

/// What was observed: nothing of what runs under a kernel of its own; never graceful while a record of this namespace is missing, while somebody
/// who was sent SIGKILL is still there, or when the stop may have begun before the trace.
fn verdict(scene: &Scene, processes: &[Process], began_unseen: bool) -> Verdict {
    let counted = || {
        processes
            .iter()
            .filter(|process| process.role != Role::Exec)
    };
    let names = scene.workload.names.as_ref();
    if names.is_some_and(|names| names.is_opaque) {
        Verdict::Unknown
    } else if counted().any(|process| process.outcome.is_killed()) {
        Verdict::Forced
    } else if scene.is_incomplete
        || began_unseen
        || is_somebody_unknown_left(scene, processes)
        || counted().any(|process| process.outcome == Outcome::Alive)
    {
        Verdict::Unknown
    } else {
        Verdict::Graceful
    }
}

/// Whether a stop that nobody was seen to ask for may have been asked for before the trace, and
/// members killed in it: one that is under way ends within its grace period.
fn began_unseen(scene: &Scene, config: &Config) -> bool {
    let configured = scene.workload.names.as_ref().and_then(|names| names.grace);
    let grace = configured.map_or(USUAL_GRACE, |grace| grace.period);
    scene.begin.trigger != Trigger::StopSignal
        && scene.workload.init.start < config.started.0
        && scene.begin.at.since(config.started) < grace
}

/// Whether the namespace counts more than what is known to have ended and not been reaped.
fn is_somebody_unknown_left(scene: &Scene, processes: &[Process]) -> bool {
    let zombies: HashSet<ProcessKey> = scene
        .workload
        .episode
        .signals
        .iter()
        .filter(|event| is_to_dying(event))
        .map(|event| event.target.key)
        .collect();
    if scene.workload.id.is_shared() {
        // Nothing counts them; when the cgroup is gone they are.
        return scene.workload.gone_at().is_none();
    }
    let left = usize::try_from(scene.workload.left()).unwrap_or(usize::MAX);
    left > processes.len().saturating_sub(1) + zombies.len()
}

/// Signals since the begin, and those shortly before it that ended a member: SIGKILLs, and signals of
/// its terminal.
fn signals(scene: &Scene, members: &[Member]) -> Vec<SignalEntry> {
    let begin = scene.begin.at;
    let before: HashSet<(ProcessKey, BootTime)> = members
        .iter()
        .flat_map(|member| member.kill.into_iter().chain(member.ended_by_terminal))
        .filter(|ended| ended.at < begin)
        .map(|ended| (ended.target.key, ended.at))
        .collect();
    let is_shown = |event: &&SignalEvent| {
        let may_have_ended = is_effective_kill(event) || is_of_terminal(event);
        event.at >= begin || (may_have_ended && before.contains(&(event.target.key, event.at)))
    };
    scene
        .workload
        .episode
        .signals
        .iter()
        .filter(is_shown)
        .filter_map(|event| {
            Some(SignalEntry {
                at_ms: millis(event.at.since(begin)) - millis(begin.since(event.at)),
                signal: event.signal?,
                from: if is_of_terminal(event) {
                    NOBODY
                } else {
                    event.sender.key.tgid
                },
                to: event.target.key.tgid,
                result: event.result,
                origin: event.origin(),
                to_dead: Some(is_to_dying(event)),
            })
        })
        .collect()
}

fn describe(
    workload: &Workload,
    names: WorkloadNames,
    members: &[Member],
) -> crate::model::Workload {
    let init = members.iter().find(|member| member.key == workload.init);
    let cmdline = workload
        .names_of(workload.init)
        .map(|names| names.cmdline.clone())
        .filter(|cmdline| !cmdline.is_empty())
        .or(names.init_cmdline);
    crate::model::Workload {
        runtime: names.runtime,
        container_id: names.container_id,
        name: names.name,
        image: names.image,
        pod: names.pod,
        pid_namespace: workload.id.ns.inum,
        cgroup: names
            .cgroup
            .or_else(|| (!workload.leaf.is_empty()).then(|| workload.leaf.clone())),
        init: Init {
            pid: workload.init.tgid,
            ns_pid: init.map_or(1, |member| member.task.ns_tgid),
            comm: init
                .map(|member| member.comm().to_owned())
                .unwrap_or_default(),
            cmdline,
            kind: InitKind::Unknown,
        },
    }
}

/// Wall time of a boot time.
fn wall(at: BootTime, config: &Config) -> Timestamp {
    let nanoseconds = i128::from(at.0) + i128::from(config.wall_offset);
    Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}
