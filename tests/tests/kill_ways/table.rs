//! Tables of ways, and how a report is compared with a row.

use rinit_trace_tests::{Cgroup, Namespace, Report, refuses, shared_trace, skip, wait};
use serde_json::Value;

/// Memory that the ways with the OOM killer run into.
const MEMORY: u64 = 32 << 20;

/// What is expected of one process of a way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) way: &'a str,
    pub(crate) process: &'a str,
    origins: &'a str,
    killed_by: &'a str,
    outcome: &'a str,
    end: &'a str,
    verdict: &'a str,
}

impl<'a> Row<'a> {
    fn parse(line: &'a str) -> Self {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [way, process, origins, killed_by, outcome, end, verdict] = fields[..] else {
            panic!("not seven fields: {line}");
        };
        Self {
            way,
            process,
            origins,
            killed_by,
            outcome,
            end,
            verdict,
        }
    }

    /// What the report says in this row's terms.
    fn told(&self, report: &'a Report) -> Self {
        let word = |value: &'a Value| value.as_str().unwrap_or("-");
        let mut told = Self {
            origins: "-",
            killed_by: "-",
            outcome: "missing",
            end: "-",
            verdict: report.text("/verdict"),
            ..*self
        };
        let [process] = report.named(self.process)[..] else {
            return told;
        };
        let kills = report.signals("SIGKILL", &process["pid"]);
        let mut kills = kills.iter().filter(|kill| kill["result"] != "ignored");
        told.origins = kills.next().map_or("-", |kill| word(&kill["origin"]));
        if kills.next().is_some() {
            told.origins = "several";
        }
        told.killed_by = word(&process["killed_by"]);
        told.outcome = word(&process["outcome"]);
        told.end = match process["exit"]["code"].as_u64() {
            Some(0) => "0",
            Some(7) => "7",
            Some(_) => "another-code",
            None => word(&process["exit"]["signal"]),
        };
        told
    }

    /// What is wrong with the report, if anything is.
    pub(crate) fn wrong(&self, report: &Report) -> Option<String> {
        let (expected, told) = (format!("{self:?}"), format!("{:?}", self.told(report)));
        (expected != told)
            .then(|| format!("{}:\n  expected {expected}\n  told     {told}", self.way))
    }
}

/// The rows of a table, by way.
pub(crate) fn by_way(table: &str) -> Vec<Vec<Row<'_>>> {
    let rows: Vec<Row> = table
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .map(Row::parse)
        .collect();
    let groups = rows.chunk_by(|one, other| one.way == other.way);
    groups.map(<[Row]>::to_vec).collect()
}

/// Runs each way of a table in a stop of its own, and fails with all that are reported wrong.
pub(crate) fn check(table: &str) {
    let tracer = shared_trace();
    let mut runs = Vec::new();
    for rows in by_way(table) {
        let Some((program, cgroup)) = program("ways", rows[0].way) else {
            continue;
        };
        let mut namespace = Namespace::start(&[&program]);
        namespace.stop(wait::DEADLINE);
        runs.push((rows, namespace, cgroup));
    }
    assert!(!runs.is_empty(), "no way of this table can be run here");
    let mut wrong = Vec::new();
    for (rows, namespace, _cgroup) in &runs {
        let report = tracer.report_of(namespace.pid());
        wrong.extend(wrong_with(rows, &report));
    }
    fail_with(&wrong);
}

/// The program that runs a way, and the cgroup that it needs. `None`, with the reason printed, where there is none.
pub(crate) fn program(name: &str, way: &str) -> Option<(String, Option<Cgroup>)> {
    if let Some(why) = refuses(way) {
        skip(&format!("{way} ({why})"));
        return None;
    }
    let (plain, needs) = way.split_once(':').unwrap_or((way, ""));
    let cgroup = match needs {
        "v2" => Cgroup::v2()?,
        "memory" => Cgroup::with_memory(MEMORY)?,
        _ => return Some((format!("{name}={way}"), None)),
    };
    let program = format!("{name}={plain}:{}", cgroup.path());
    Some((program, Some(cgroup)))
}

/// What is wrong with the report of one run.
fn wrong_with(rows: &[Row], report: &Report) -> Vec<String> {
    let way = rows[0].way;
    let mut wrong: Vec<String> = rows.iter().filter_map(|row| row.wrong(report)).collect();
    let is_about_init = rows.iter().any(|row| row.process == "ways");
    let init = report.process("ways");
    if !is_about_init && init["exit"]["code"] != 0 {
        wrong.push(format!("{way}: its PID 1 has not exited with 0"));
    }
    if *report.at("/observation/lost_records") != 0 {
        wrong.push(format!("{way}: records were lost"));
    }
    if *report.at("/stop/trigger") != "stop-signal" {
        wrong.push(format!("{way}: the trigger is not its stop signal"));
    }
    if !allows(rows, report.cause()) {
        wrong.push(format!("{way}: the cause cannot be {}", report.cause()));
    }
    if let Some(last) = wrong.last_mut() {
        *last = format!("{last}\n{report}");
    }
    wrong
}

/// Whether a cause can be that of these kills. `unexplained` is never wrong, a cause of another story is.
fn allows(rows: &[Row], cause: &str) -> bool {
    let is_graceful = rows.iter().all(|row| row.verdict == "graceful");
    match cause {
        "" => is_graceful,
        "unexplained" => !is_graceful,
        cause => rows.iter().any(|row| match row.killed_by {
            "peer" | "parent-death" | "self" => cause == "killed-inside",
            "tracer" => ["killed-inside", "traced"].contains(&cause),
            "cgroup-kill" => cause == "cgroup-killed",
            "oom" => cause == "oom",
            "pidns-teardown" => cause == "not-forwarded",
            _ => false,
        }),
    }
}

/// Fails with all that is wrong, if anything is.
pub(crate) fn fail_with(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
