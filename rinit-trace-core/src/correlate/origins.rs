//! SIGKILLs whose own fingerprint has two meanings: the facts around them say which.

use std::time::Duration;

use super::{
    episode::{Episode, SKEW, is_effective_kill},
    oom::OomMarks,
};
use crate::model::{BootTime, CgroupIds, Origin, SignalEvent, SignalInfo};

/// How long the OOM killer may take from its victim to who shares the victim's memory: it prints
/// between the two. That took 3 to 7 ms where it was measured, with a serial console that nobody
/// else printed on.
const PRINTS: Duration = Duration::from_secs(1);

/// A SIGKILL that tells what others near it are.
struct Near {
    at: BootTime,
    /// The thread that ran.
    by: u32,
    cgroups: CgroupIds,
}

/// Settles the origins of an episode, whose facts are in the order of time.
pub(super) fn settle(episode: &mut Episode, oom: &OomMarks) {
    settle_all(episode, |event, episode| {
        is_chosen(event, episode, oom).then_some(Origin::Oom)
    });
    let of_oom = near(episode, Origin::Oom);
    settle_all(episode, |event, _| {
        shares_memory(event, &of_oom).then_some(Origin::Oom)
    });
    let of_cgroup = near(episode, Origin::CgroupKill);
    settle_all(episode, |event, _| {
        is_of_cgroup(event, &of_cgroup).then_some(Origin::CgroupKill)
    });
}

fn settle_all(episode: &mut Episode, settled: impl Fn(&SignalEvent, &Episode) -> Option<Origin>) {
    let found: Vec<(usize, Origin)> = episode
        .signals
        .iter()
        .enumerate()
        .filter(|(_, event)| is_effective_kill(event))
        .filter_map(|(index, event)| Some((index, settled(event, episode)?)))
        .collect();
    for (index, origin) in found {
        episode.signals[index].settled = Some(origin);
    }
}

fn near(episode: &Episode, origin: Origin) -> Vec<Near> {
    let kills = episode.signals.iter();
    kills
        .filter(|event| is_effective_kill(event) && event.origin() == origin)
        .map(|event| Near {
            at: event.at,
            by: event.sender.tid,
            cgroups: event.target.cgroups,
        })
        .collect()
}

/// The OOM killer's SIGKILL is one of the kernel like others. Its mark tells, or the exit where that
/// probe could not be attached.
fn is_chosen(event: &SignalEvent, episode: &Episode, oom: &OomMarks) -> bool {
    let by_exit = || {
        let exit = episode.exit_of(event.target.key);
        exit.is_some_and(|exit| exit.state.oom)
    };
    is_of_kernel(event) && (oom.is_marked(event) || by_exit())
}

/// Who shares the memory of a victim is killed after it by the same thread, and not marked
/// (`__oom_kill_process()` in `mm/oom_kill.c`).
fn shares_memory(event: &SignalEvent, of_oom: &[Near]) -> bool {
    let may_be_before = of_oom.partition_point(|kill| kill.at <= event.at);
    is_of_kernel(event)
        && of_oom[..may_be_before]
            .iter()
            .rev()
            .take_while(|kill| event.at.since(kill.at) <= PRINTS)
            .any(|kill| kill.by == event.sender.tid)
}

fn is_of_kernel(event: &SignalEvent) -> bool {
    event.group && event.origin() == Origin::Kernel
}

/// `cgroup.kill` where it looks like something else (`__cgroup_kill()` and `cgroup_post_fork()` in
/// `kernel/cgroup/cgroup.c`): to its own writer, as if by a security module; and to a process that
/// was just being forked, as if by its parent.
fn is_of_cgroup(event: &SignalEvent, of_cgroup: &[Near]) -> bool {
    if event.info != SignalInfo::NoInfo || event.origin() == Origin::CgroupKill {
        return false;
    }
    let by_itself = event.sender.key == event.target.key;
    let is_newborn = event.at.since(BootTime(event.target.key.start)) <= SKEW
        && event.target.ppid == event.sender.key.tgid;
    let was_forked = event.group && (is_newborn || by_itself);
    let may_be_writer = !event.group && by_itself;
    if !was_forked && !may_be_writer {
        return false;
    }
    around(of_cgroup, event.at).any(|kill| {
        let is_writer = may_be_writer && kill.by == event.sender.tid;
        kill.cgroups == event.target.cgroups && (is_writer || was_forked)
    })
}

/// Those within the skew of a moment; they are in the order of time, like all facts.
fn around(near: &[Near], at: BootTime) -> impl Iterator<Item = &Near> {
    let first = near.partition_point(|kill| at.since(kill.at) > SKEW);
    near.iter()
        .skip(first)
        .take_while(move |kill| kill.at.since(at) <= SKEW)
}
