//! What a report has no field for, and the rules of the diagnosis look at.

use std::collections::HashSet;

use super::{
    Config,
    asked::asked,
    begin,
    begin::is_inside,
    episode::{is_effective_kill, is_to_dying},
    members::Member,
    met,
    scene::Scene,
    workload::Workload,
};
use crate::model::{
    BootTime, InitSettings, KilledFromOutside, Origin, ProcessKey, Signal, SignalEvent, StopFacts,
    TornDown, Trigger, millis,
};

pub(super) fn of_stop(scene: &Scene, members: &[Member], config: &Config) -> StopFacts {
    let (workload, begin) = (scene.workload, &scene.begin);
    let init = members.iter().find(|member| member.key == workload.init);
    let end_state = init.and_then(Member::end_state);
    let names = workload.names.as_ref();
    let gap = begin::chain_gap(names);
    let asked = init.and_then(|init| asked(scene, init));
    let begun_since = asked.as_ref().map_or_else(Vec::new, |asked| {
        let is_younger = |member: &Member| {
            let born = BootTime(member.key.start).since(begin.at);
            member.task.ppid == workload.init.tgid && millis(born) > asked.at_ms
        };
        pids(members, is_younger)
    });
    let older_than_trace = workload.init.start < config.started.0;
    StopFacts {
        init: workload.init,
        processes: members.iter().map(|member| member.key).collect(),
        euids: members.iter().map(|member| member.task.euid).collect(),
        init_age: (workload.init.start > 0).then(|| begin.at.since(BootTime(workload.init.start))),
        init_handles: end_state.map(|state| state.handled),
        init_settings: init_settings(scene),
        main_child: begin
            .child
            .filter(|_| begin.trigger == Trigger::MainChildExit)
            .map(|child| child.task.key.tgid),
        traced: pids(members, met::is_traced),
        killed_from_outside: members
            .iter()
            .filter_map(|member| {
                let kill = member.kill.filter(|kill| is_from_outside(scene, kill))?;
                Some(KilledFromOutside {
                    pid: member.key.tgid,
                    by_comm: kill.sender.comm.clone(),
                    by_container: kill.sender.level > 0 || kill.sender.container != 0,
                })
            })
            .collect(),
        torn_down_by_others: members
            .iter()
            .filter_map(|member| torn_down_by_another(scene, member))
            .collect(),
        shares_namespace: workload.id.is_shared(),
        is_sandbox: names.is_some_and(|names| names.is_sandbox),
        never_ran: begin.kill.is_some_and(begin::is_by_who_made_it) || never_started(scene, config),
        is_opaque: names.is_some_and(|names| names.is_opaque),
        name_doubt: names.and_then(|names| names.doubt),
        unreaped: unreaped(scene),
        asked,
        begun_since,
        killed_by_runtime: begin.kill.is_some_and(begin::is_runtime_kill),
        may_have_missed_begin: older_than_trace && begin.at.since(config.started) < gap,
        stop_signal_unknown: begin.is_assumed
            || (begin.signal.is_none() && was_unknown(workload, begin.at)),
        unlinked: begin.unlinked,
        has_pre_stop: names.is_some_and(|names| names.has_pre_stop),
        dropped_facts: workload.episode.dropped,
    }
}

/// Whether the init ended as what its runtime calls the process that is to become the container's program:
/// it has executed nothing since it was born, and the trace saw all of its life.
fn never_started(scene: &Scene, config: &Config) -> bool {
    let workload = scene.workload;
    let exit = workload.episode.exit_of(workload.init);
    !workload.has_executed
        && config.sees_starts
        && !scene.is_incomplete
        && !workload.id.is_shared()
        && workload.init.start >= config.started.0
        && exit.is_some_and(|exit| begin::is_runtime_still(&exit.task))
}

/// Whether the configured stop signal was not known when a stop began: within the workload it was not
/// recorded then, where it is none of the usual ones.
fn was_unknown(workload: &Workload, begin: BootTime) -> bool {
    let names = workload.names.as_ref();
    let is_usual = names
        .and_then(|names| names.stop_signal)
        .is_none_or(Signal::is_usual_stop);
    let came_later = workload.named_at.is_none_or(|at| at > begin);
    !begin::knows_stop_signal(names) || (!is_usual && came_later)
}

fn pids(members: &[Member], is_meant: impl Fn(&Member) -> bool) -> Vec<u32> {
    let meant = members.iter().filter(|member| is_meant(member));
    meant.map(|member| member.key.tgid).collect()
}

/// A SIGKILL by a host process that is not the runtime.
fn is_from_outside(scene: &Scene, kill: &SignalEvent) -> bool {
    kill.origin().is_sent()
        && !is_inside(&kill.sender, &kill.target)
        && !scene.is_by_runtime(&kill.sender, &kill.target)
}

/// Of a namespace within this one, around it, or shared with it.
fn torn_down_by_another(scene: &Scene, member: &Member) -> Option<TornDown> {
    let kill = member.kill?;
    let by = &kill.sender;
    let is_another = kill.origin() == Origin::PidnsTeardown && by.key != scene.workload.init;
    is_another.then(|| TornDown {
        pid: member.key.tgid,
        by: by.key.tgid,
        by_comm: by.comm.clone(),
        is_inside: is_inside(by, &kill.target),
    })
}

fn init_settings(scene: &Scene) -> InitSettings {
    let workload = scene.workload;
    let seen = workload
        .names_of(workload.init)
        .and_then(|names| names.settings.clone());
    let mut settings = seen.unwrap_or_default();
    if let Some(names) = &workload.names {
        settings.complete(&names.init_settings);
    }
    settings
}

/// Children of the init that had ended before the stop: the dying init SIGKILLs whatever still has
/// a number in its namespace, also who is dead and was never waited for. One whose exit was seen
/// shortly before may be reaped yet.
fn unreaped(scene: &Scene) -> Vec<(u32, String)> {
    let workload = scene.workload;
    let episode = &workload.episode;
    let killed_lately: HashSet<ProcessKey> = episode
        .signals
        .iter()
        .filter(|event| is_effective_kill(event))
        .map(|event| event.target.key)
        .collect();
    let (mut known, mut found) = (HashSet::new(), Vec::new());
    for event in episode.signals.iter().filter(|event| {
        event.at >= scene.begin.at
            && event.origin() == Origin::PidnsTeardown
            && event.signal == Some(Signal::KILL)
            && is_to_dying(event)
            && event.target.ppid == workload.init.tgid
    }) {
        let key = event.target.key;
        let ended_lately = episode.exit_of(key).is_some() || killed_lately.contains(&key);
        if !ended_lately && known.insert(key) {
            found.push((key.tgid, event.target.comm.clone()));
        }
    }
    found
}
