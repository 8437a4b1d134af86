//! A report in bounded room: a container decides how many processes it has, and how long their arguments are.

use std::collections::HashMap;

use serde::Serialize;

use crate::model::{Evidence, Finding, Process, Role, Signal, SignalEntry, StopReport};

/// Pids, and pieces of evidence, of a finding in a report that does not fit.
const REFERENCES: usize = 256;

/// The counts of what was left out grow by so many digits at most.
const COUNTS: usize = 60;

/// Of the room that is left, processes may have all but this part, which is for signals.
const FOR_SIGNALS: usize = 4;

/// Leaves out what says least, so that the report is no longer than so many bytes as JSON, as far as its lists make it
/// longer: `observation.unlisted` counts what went. The init stays first, then those that were killed; processes lose
/// their arguments before others are left out. What the report says in words and numbers is of all.
pub fn fit(report: &mut StopReport, bytes: usize) {
    if size(report) <= bytes {
        return;
    }
    for finding in report.cause.iter_mut().chain(&mut report.findings) {
        finding.pids.truncate(REFERENCES);
        finding.evidence.truncate(REFERENCES);
    }
    let processes = std::mem::take(&mut report.processes);
    let signals = std::mem::take(&mut report.signals);
    let room = bytes.saturating_sub(size(report) + COUNTS);
    let (processes_kept, used) = fit_processes(report, processes, room - room / FOR_SIGNALS);
    let signals_kept = fit_signals(report, signals, room.saturating_sub(used));
    for finding in report.cause.iter_mut().chain(&mut report.findings) {
        renumber(finding, &processes_kept, &signals_kept);
    }
}

/// The places in the list of those that are kept, by the former ones, and the bytes that they take.
fn fit_processes(report: &mut StopReport, mut all: Vec<Process>, room: usize) -> (Places, usize) {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|index| rank(&all[*index]));
    let arguments = all.iter_mut().map(|process| process.cmdline.take());
    let mut arguments: Vec<_> = arguments.collect();
    let mut used = 0;
    let mut kept = vec![false; all.len()];
    for index in &order {
        kept[*index] = takes(&mut used, room, &all[*index]);
    }
    for index in order {
        let Some(cmdline) = arguments[index].take() else {
            continue;
        };
        if kept[index] && takes(&mut used, room, &cmdline) {
            all[index].cmdline = Some(cmdline);
        } else {
            report.observation.unlisted.arguments += 1;
        }
    }
    report.observation.unlisted.processes += left_out(&kept);
    let (processes, places) = keep(all, &kept);
    report.processes = processes;
    (places, used)
}

fn fit_signals(report: &mut StopReport, all: Vec<SignalEntry>, room: usize) -> Places {
    let init = report.workload.init.pid;
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|index| {
        let entry = &all[*index];
        (entry.to != init, entry.signal != Signal::KILL)
    });
    let mut used = 0;
    let mut kept = vec![false; all.len()];
    for index in order {
        kept[index] = takes(&mut used, room, &all[index]);
    }
    report.observation.unlisted.signals += left_out(&kept);
    let (signals, places) = keep(all, &kept);
    report.signals = signals;
    places
}

/// By the former place in a list the new one.
type Places = HashMap<usize, usize>;

/// What is kept first: the init, those that were killed, other members.
fn rank(process: &Process) -> (bool, bool, bool) {
    (
        process.role != Role::Init,
        !process.outcome.is_killed(),
        process.role == Role::Exec,
    )
}

/// Takes the room of one more in a list, if there is any.
fn takes(used: &mut usize, room: usize, one: &impl Serialize) -> bool {
    // A comma.
    let with = *used + size(one) + 1;
    let has_room = with <= room;
    if has_room {
        *used = with;
    }
    has_room
}

fn keep<T>(all: Vec<T>, kept: &[bool]) -> (Vec<T>, Places) {
    let mut places = Places::new();
    let all = all.into_iter().enumerate();
    let mut list = Vec::new();
    for (index, one) in all.filter(|(index, _)| kept[*index]) {
        places.insert(index, list.len());
        list.push(one);
    }
    (list, places)
}

fn renumber(finding: &mut Finding, processes: &Places, signals: &Places) {
    let evidence = finding.evidence.iter().filter_map(|evidence| {
        Some(match evidence {
            Evidence::Process(index) => Evidence::Process(*processes.get(index)?),
            Evidence::Signal(index) => Evidence::Signal(*signals.get(index)?),
        })
    });
    finding.evidence = evidence.collect();
}

/// How many were left out.
fn left_out(kept: &[bool]) -> u64 {
    let gone = kept.iter().filter(|kept| !**kept).count();
    u64::try_from(gone).unwrap_or(u64::MAX)
}

/// Bytes as JSON.
fn size(value: &impl Serialize) -> usize {
    // Every report is one: no map has other keys than text.
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Outcome, Unlisted},
        render::samples,
    };

    const ROOM: usize = 64 << 10;

    /// A crowd of which every second process was killed, with long arguments, all of it evidence.
    fn crowded(count: u32) -> StopReport {
        let mut report = samples::not_forwarded();
        let (process, entry) = (report.processes[1].clone(), report.signals[0]);
        for pid in 0..count {
            let mut one = process.clone();
            one.pid = 10_000 + pid;
            one.cmdline = Some(vec!["server".to_owned(), "x".repeat(4000)]);
            if pid % 2 == 0 {
                one.outcome = Outcome::Exited;
            }
            report.processes.push(one);
            report.signals.push(SignalEntry {
                to: 10_000 + pid,
                ..entry
            });
        }
        let of = |length: usize, evidence: fn(usize) -> Evidence| (0..length).map(evidence);
        let finding = &mut report.findings[0];
        finding.pids = report.processes.iter().map(|one| one.pid).collect();
        finding.evidence = of(report.processes.len(), Evidence::Process)
            .chain(of(report.signals.len(), Evidence::Signal))
            .collect();
        report.cause = Some(finding.clone());
        report
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let mut report = crowded(3);
        let before = report.clone();
        fit(&mut report, ROOM);
        assert_eq!(report, before);
    }

    #[test]
    fn a_crowd_is_cut_to_the_room_and_counted() {
        let all = crowded(5000);
        let mut report = all.clone();
        fit(&mut report, ROOM);
        assert!(size(&report) <= ROOM);
        assert!(size(&report) > ROOM / 2, "{}", size(&report));
        let unlisted = report.observation.unlisted;
        let gone = |all: usize, left: usize| u64::try_from(all - left).unwrap();
        assert_eq!(
            unlisted.processes,
            gone(all.processes.len(), report.processes.len())
        );
        assert_eq!(
            unlisted.signals,
            gone(all.signals.len(), report.signals.len())
        );
        assert!(unlisted.arguments > 0);
        // The init and who was killed before those that exited.
        assert_eq!(report.processes[0], all.processes[0]);
        assert!(
            report.processes[1..]
                .iter()
                .all(|one| one.outcome.is_killed())
        );
        assert_eq!(report.lost_cleanup, all.lost_cleanup);
    }

    #[test]
    fn evidence_is_of_what_is_still_there() {
        let all = crowded(5000);
        let mut report = all.clone();
        fit(&mut report, ROOM);
        for finding in report.findings.iter().chain(&report.cause) {
            assert!(finding.evidence.len() <= REFERENCES && finding.pids.len() <= REFERENCES);
            for evidence in &finding.evidence {
                match evidence {
                    Evidence::Process(index) => assert!(*index < report.processes.len()),
                    Evidence::Signal(index) => assert!(*index < report.signals.len()),
                }
            }
        }
        let Evidence::Process(first) = report.findings[0].evidence[0] else {
            panic!("{:?}", report.findings[0].evidence)
        };
        assert_eq!(report.processes[first].pid, all.processes[0].pid);
    }

    #[test]
    fn the_smallest_room_leaves_the_words() {
        let mut report = crowded(100);
        fit(&mut report, 0);
        assert!(report.processes.is_empty() && report.signals.is_empty());
        assert_ne!(report.observation.unlisted, Unlisted::default());
        assert!(report.cause.is_some());
    }
}
