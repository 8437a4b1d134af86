//! Random stops on the real kernel, whose truth does not come from tracepoints: it comes from what the processes
//! themselves note down, and from the kernel's process connector. What the program reports of each is held against it.
//!
//! `cargo xtask test --random N --seed S` runs N stops from a seed on, and nothing else. Each stop has a seed of its
//! own: S, S + 1, and so on. A failure names it, and `--random 1 --seed THAT` makes the same plan again.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "used by tests alone, which fail by panics"
)]

mod begin;
mod causes;
mod compare;
mod connector;
mod drive;
mod features;
mod generate;
mod guest;
mod memory;
mod nested;
#[path = "../../workloads/tree/notes.rs"]
mod notes;
mod parents;
#[path = "../../workloads/tree/plan.rs"]
mod plan;
mod rng;
mod self_test;
mod signals;
mod times;
mod traced;
mod truth;

use std::{
    collections::{BTreeMap, HashMap},
    env,
    fmt::Write as _,
    io::{self, Write as _},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use connector::Connector;
use drive::Ran;
use notes::Note;
use rinit_trace_tests::{Cgroup, Kernel, Report, Tracer, may_lose_records, skip, trace_all, wait};
use times::Known;

/// Stops of a usual run.
const STOPS: u64 = 500;
/// Of those with a fault in the kernel side: so many records of one that is left out.
const STOPS_WITH_LOSSES: u64 = 200;
const DROP_ONE_IN: &str = "100";
/// Of a hundred stops so many may be left open,
const MOST_UNKNOWN: u64 = 40;
/// and so many have no report: the one record that showed the end of PID 1 was lost.
const MOST_MISSING: u64 = 5;
/// A stop of which nothing more comes closes after 30 s.
const QUIET: Duration = Duration::from_secs(45);
/// Most of a stop is waiting: several at a time for each processor, and not more than that.
const AT_A_TIME: usize = 3;
const MOST_AT_A_TIME: usize = 6;
/// Stops after which reports are looked at: a failure shows soon, and the program's output stays small.
const ROUND: u64 = 250;
/// Failures that are told in full.
const TOLD: usize = 5;

#[test]
fn random_stops_are_reported_as_they_were() {
    let Some((connector, seeds)) = ready(STOPS) else {
        return;
    };
    let mut failures = Vec::new();
    let mut known = Knowledge::default();
    for round in rounds(seeds) {
        let tracer = trace_all();
        let stops = run_all(round, &connector);
        wait_for_reports(&tracer, &stops, wait::DEADLINE);
        let reports = Reports::of(&tracer.finish());
        for ran in &stops {
            known.add(ran);
            let mut wrong = match reports.of_stop(ran).as_slice() {
                [report] => all_wrong(ran, report),
                none_or_more => vec![format!("{} reports of one stop", none_or_more.len())],
            };
            wrong.extend(reports.of_parts(ran));
            if let Some(guest) = &ran.guest {
                wrong.extend(match reports.of_main(guest.main(), ran).as_slice() {
                    [report] if has_lost(report) && may_lose_records() => {
                        guest.wrong_incomplete(report)
                    }
                    [report] => guest.wrong(report),
                    others => vec![format!("{} reports of the guest", others.len())],
                });
            }
            if !wrong.is_empty() {
                failures.push(told(ran, &wrong, &reports));
            }
        }
    }
    tell(&failures);
    known.is_enough();
}

/// How much of the truth is known for sure, and can be compared: so many of how many.
#[derive(Debug, Default)]
struct Knowledge {
    verdicts: (u32, u32),
    lost_cleanup: (u32, u32),
    causes: (u32, u32),
    members: (u32, u32),
    outcomes: (u32, u32),
    /// Stops in which there was this.
    with: BTreeMap<&'static str, u32>,
}

impl Knowledge {
    fn add(&mut self, ran: &Ran) {
        let truth = truth::truth(ran);
        let note = |count: &mut (u32, u32), is_known: bool| {
            count.0 += u32::from(is_known);
            count.1 += 1;
        };
        for feature in features::of(ran) {
            *self.with.entry(feature).or_default() += 1;
        }
        note(&mut self.verdicts, truth.verdicts().len() == 1);
        let (least, most) = truth.lost_cleanup();
        note(&mut self.lost_cleanup, least == most);
        if truth.verdicts() == ["forced"] {
            note(
                &mut self.causes,
                causes::causes(ran, &truth).certain.len() == 1,
            );
        }
        for fact in &truth.facts {
            note(&mut self.members, fact.is_member != Known::Maybe);
            note(&mut self.outcomes, fact.outcomes.len() == 1);
        }
    }

    /// A truth that nobody knows tests nothing.
    fn is_enough(&self) {
        say(&format!("known for sure, of how many: {self:?}"));
        // A few stops may be of a kind of which little is known.
        let enough = |(known, all): (u32, u32), percent: u32| {
            let percent = if all < 1000 { percent - 10 } else { percent };
            all < 100 || known * 100 >= all * percent
        };
        assert!(enough(self.verdicts, 95), "{self:?}");
        assert!(enough(self.lost_cleanup, 65), "{self:?}");
        assert!(enough(self.causes, 45), "{self:?}");
        assert!(enough(self.members, 90), "{self:?}");
        assert!(enough(self.outcomes, 80), "{self:?}");
    }
}

/// Lost records may leave a verdict open, and a stop without a report; they never make one wrong.
#[test]
fn random_stops_with_lost_records_are_never_reported_wrong() {
    let Some((connector, seeds)) = ready(STOPS_WITH_LOSSES) else {
        return;
    };
    let count = seeds.end - seeds.start;
    let tracer = Tracer::ready(&["-o", "jsonl", "--drop-one-in", DROP_ONE_IN]);
    let stops = run_all(seeds, &connector);
    wait_for_reports(&tracer, &stops, QUIET);
    tracer.interrupt();
    let ended = tracer.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let reports: Vec<Report> = ended.stdout.lines().map(Report::parse).collect();
    let reports = Reports::of(&reports);
    let (mut failures, mut missing, mut unknown, mut incomplete) = (Vec::new(), 0, 0, 0);
    for ran in &stops {
        let wrong = match reports.of_stop(ran).as_slice() {
            [] => {
                missing += 1;
                continue;
            }
            [report] if report.at("/observation/lost_records") == 0 => all_wrong(ran, report),
            [report] => {
                incomplete += 1;
                unknown += u64::from(report.text("/verdict") == "unknown");
                all_wrong_incomplete(ran, report)
            }
            more => vec![format!("{} reports of one stop", more.len())],
        };
        if !wrong.is_empty() {
            failures.push(told(ran, &wrong, &reports));
        }
    }
    say(&format!(
        "{incomplete} of {count} stops with lost records, {unknown} unknown, {missing} without a report"
    ));
    tell(&failures);
    assert!(
        unknown * 100 <= count * MOST_UNKNOWN,
        "{unknown} of {count} are unknown"
    );
    assert!(
        missing * 100 <= count * MOST_MISSING,
        "{missing} of {count} have no report"
    );
    // A run this long that loses nothing has not tested anything.
    assert!(
        incomplete > 0 || count < STOPS_WITH_LOSSES,
        "no record was lost"
    );
}

/// What is needed, and the seeds of this run; `None` where it cannot run.
fn ready(stops: u64) -> Option<(Connector, std::ops::Range<u64>)> {
    Kernel::ready()?;
    let Some(connector) = Connector::listen() else {
        skip("needs the process connector (CONFIG_PROC_EVENTS) in the first network namespace");
        return None;
    };
    let number = |name: &str| {
        let text = env::var(name).ok()?;
        Some(
            text.parse()
                .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        )
    };
    let count = number("RINIT_TRACE_TEST_RANDOM").unwrap_or(stops);
    let seed = number("RINIT_TRACE_TEST_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap().as_secs() * 100_000
    });
    say(&format!("{count} random stops from seed {seed}"));
    Some((connector, seed..seed + count))
}

/// Past the capture of the test runner: a seed is worth most when the run hangs.
fn say(line: &str) {
    writeln!(io::stderr().lock(), "{line}").unwrap();
}

fn rounds(seeds: std::ops::Range<u64>) -> impl Iterator<Item = std::ops::Range<u64>> {
    let end = seeds.end;
    let starts = seeds.step_by(usize::try_from(ROUND).unwrap());
    starts.map(move |start| start..end.min(start + ROUND))
}

/// Runs the stops of these seeds, several at a time.
fn run_all(seeds: std::ops::Range<u64>, connector: &Connector) -> Vec<Ran> {
    let next = AtomicU64::new(seeds.start);
    let done = Mutex::new(Vec::new());
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..MOST_AT_A_TIME.min(processors * AT_A_TIME) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        break;
                    }
                    let plan = generate::plan(seed);
                    let can_run = drive::is_installed(plan.init)
                        && (!plan.eats() || Cgroup::can_limit_memory());
                    if can_run {
                        let ran = drive::run(plan, connector);
                        done.lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(ran);
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|ran| ran.plan.seed);
    done
}

/// Waits until each stop has a report, or the time is over.
fn wait_for_reports(tracer: &Tracer, stops: &[Ran], time: Duration) {
    let mut count = 0;
    wait::within(time, || {
        // Looked at only when there are more.
        let lines = tracer.report_count();
        if lines == count {
            return None;
        }
        count = lines;
        let reports = Reports::of(&tracer.reports());
        let all = stops.iter().all(|ran| {
            let guest = ran.guest.as_ref();
            let has_guest =
                guest.is_none_or(|guest| !reports.of_main(guest.main(), ran).is_empty());
            has_guest && !reports.of_stop(ran).is_empty()
        });
        all.then_some(())
    });
}

/// Reports by the pid of their init.
#[derive(Debug)]
struct Reports(HashMap<u64, Vec<Report>>);

impl Reports {
    fn of(reports: &[Report]) -> Self {
        let mut by_init: HashMap<u64, Vec<Report>> = HashMap::new();
        for report in reports {
            let init = report.at("/workload/init/pid").as_u64().unwrap();
            by_init.entry(init).or_default().push(report.clone());
        }
        Self(by_init)
    }

    /// Those of a stop, and not of another whose init had the same pid at another time.
    fn of_stop(&self, ran: &Ran) -> Vec<&Report> {
        self.of_main(ran.init, ran)
    }

    /// Objections to reports of a namespace within the workload's: it is no workload.
    fn of_parts(&self, ran: &Ran) -> Vec<String> {
        let nodes = ran.plan.nodes.iter().enumerate();
        nodes
            .filter(|(_, node)| node.nests)
            .map(|(process, _)| ran.pid(process, Note::HostPid))
            .filter(|pid| !self.of_main(*pid, ran).is_empty())
            .map(|pid| format!("a report of process {pid}, which is a part of it"))
            .collect()
    }

    /// Those of another container that was there in a stop.
    fn of_main(&self, main: u32, ran: &Ran) -> Vec<&Report> {
        let all = self.0.get(&main.into()).into_iter().flatten();
        all.filter(|report| {
            let started: jiff::Timestamp = report.text("/started_at").parse().unwrap();
            let started = SystemTime::from(started);
            // The program's idea of the wall clock may be a little off.
            let slack = Duration::from_millis(500);
            started + slack >= ran.wall.0 && started <= ran.wall.1 + slack
        })
        .collect()
    }
}

fn all_wrong(ran: &Ran, report: &Report) -> Vec<String> {
    if has_lost(report) && may_lose_records() {
        return all_wrong_incomplete(ran, report);
    }
    let mut wrong = compare::compare(ran, &truth::truth(ran), report);
    if !wrong.is_empty()
        && let Some(other) = parents::as_parents_are_told(ran, report)
    {
        wrong = compare::compare(&other, &truth::truth(&other), report);
    }
    wrong.extend(compare::hides_a_kill(ran, report));
    if has_lost(report) {
        wrong.push("records were lost".to_owned());
    }
    wrong
}

fn all_wrong_incomplete(ran: &Ran, report: &Report) -> Vec<String> {
    let truth = truth::truth(ran);
    let (_, most) = truth.lost_cleanup();
    compare::compare_incomplete(truth.verdicts(), most, report)
}

fn has_lost(report: &Report) -> bool {
    report.at("/observation/lost_records") != 0
}

/// A failure with all that is needed to look into it.
fn told(ran: &Ran, wrong: &[String], reports: &Reports) -> String {
    let mut text = format!("seed {}: {}\n", ran.plan.seed, wrong.join("; "));
    let _ = writeln!(
        text,
        "again: cargo xtask test --random 1 --seed {}",
        ran.plan.seed
    );
    let _ = writeln!(text, "plan: {}", ran.plan);
    let truth = truth::truth(ran);
    let _ = writeln!(text, "begin: {:?}", truth.begin);
    for fact in &truth.facts {
        let _ = writeln!(text, "{fact:?}");
        let _ = writeln!(text, "    {}", ran.timeline(fact.who));
    }
    let _ = writeln!(text, "causes: {:?}", causes::causes(ran, &truth));
    for report in reports.of_stop(ran) {
        // On one line: what shows a long log leaves lines out.
        let _ = writeln!(text, "report: {}", report.at(""));
    }
    if let Some(guest) = &ran.guest {
        for report in reports.of_main(guest.main(), ran) {
            let _ = writeln!(text, "report of the guest: {}", report.at(""));
        }
    }
    text
}

fn tell(failures: &[String]) {
    assert!(
        failures.is_empty(),
        "{} stops were reported wrong:\n{}\n{}",
        failures.len(),
        failures
            .iter()
            .map(|text| text.lines().next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n"),
        failures[..failures.len().min(TOLD)].join("\n")
    );
}
