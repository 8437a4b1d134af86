//! Holds a report against the truth of its stop.

use rinit_trace_tests::Report;
use serde_json::Value;

use crate::{
    begin::begin,
    causes::causes,
    drive::Ran,
    generate::{Init, Stop},
    notes::Note,
    signals::REAL_TIME,
    times::Known,
    truth::{Fact, Truth},
};

/// What a report says that is not so; empty when all is right.
pub(crate) fn compare(ran: &Ran, truth: &Truth, report: &Report) -> Vec<String> {
    let mut wrong = Wrong::default();
    wrong.check("verdict", report.at("/verdict"), truth.verdicts());
    wrong.check("trigger", report.at("/stop/trigger"), &truth.begin.triggers);
    lost_cleanup(ran, truth, report, &mut wrong);
    stop_signal(ran, truth, report, &mut wrong);
    members(truth, report, &mut wrong);
    cause(ran, truth, report, &mut wrong);
    wrong.0
}

/// What must never be, whatever else is known: a report that says graceful of a stop in which a process below PID 1 that had
/// not entered from outside ended by SIGKILL.
pub(crate) fn hides_a_kill(ran: &Ran, report: &Report) -> Option<String> {
    if report.text("/verdict") != "graceful" {
        return None;
    }
    let begin = begin(ran);
    let killed = (0..ran.plan.nodes.len())
        .filter(|process| Some(*process) != ran.own_init() && !ran.is_exec(*process))
        .filter(|process| ran.is_killed(Some(*process)))
        // One that others of the tree had killed before the stop is not of it.
        .find(|process| {
            let after = ran.killed_after(Some(*process));
            !ran.may_be_killed_inside(*process) || after >= begin.by
        })?;
    let ns_pid = ran.pid(killed, Note::NsPid);
    Some(format!("graceful, and process {ns_pid} was SIGKILLed"))
}

/// What a report with lost records says that is not so. It may say less than the truth: these verdicts, and so many at
/// most whose cleanup was lost.
pub(crate) fn compare_incomplete(verdicts: &[&str], most: u64, report: &Report) -> Vec<String> {
    let mut wrong = Wrong::default();
    let verdict = report.text("/verdict");
    if verdict != "unknown" {
        wrong.check("verdict", report.at("/verdict"), verdicts);
    }
    if verdict == "graceful" {
        wrong.say("graceful, and records were lost".to_owned());
    }
    for finding in report.at("/findings").as_array().unwrap() {
        if finding["confidence"] == "certain" {
            wrong.say(format!(
                "{} is certain, and records were lost",
                finding["id"]
            ));
        }
    }
    if report
        .at("/lost_cleanup")
        .as_u64()
        .is_some_and(|told| told > most)
    {
        wrong.say(format!("lost_cleanup is more than {most}"));
    }
    wrong.0
}

/// What is wrong so far.
#[derive(Debug, Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn say(&mut self, text: String) {
        self.0.push(text);
    }

    fn check(&mut self, what: &str, told: &Value, allowed: &[&str]) {
        if !allowed.iter().any(|one| told == one) {
            self.say(format!("{what} is {told}, not one of {allowed:?}"));
        }
    }
}

fn lost_cleanup(ran: &Ran, truth: &Truth, report: &Report, wrong: &mut Wrong) {
    let (least, most) = truth.lost_cleanup();
    let told = report.at("/lost_cleanup");
    // Handlers of usual signals are known.
    if told.is_null() && !ran.plan.is_usual() {
        return;
    }
    if told
        .as_u64()
        .is_none_or(|told| !(least..=most).contains(&told))
    {
        wrong.say(format!("lost_cleanup is {told}, not {least} to {most}"));
    }
}

/// What the kernel did with the stop signal.
fn stop_signal(ran: &Ran, truth: &Truth, report: &Report, wrong: &mut Wrong) {
    if truth.begin.triggers.len() > 1 {
        return;
    }
    let expected = match ran.plan.stop {
        Stop::Signals { .. } => Value::from(name(ran.plan.stop_signal())),
        Stop::Kill | Stop::Alone => Value::Null,
    };
    if report.at("/stop/signal") != &expected {
        wrong.say(format!(
            "signal is {}, not {expected}",
            report.at("/stop/signal")
        ));
    }
    if ran.signals.is_empty() || ran.plan.init != Init::Own || ran.signals.len() > 1 {
        // A second one may be taken where the first was not.
        return;
    }
    match truth.init().taken {
        Known::Yes => wrong.is("taken", report.at("/stop/taken"), &true.into()),
        Known::No => wrong.is("taken", report.at("/stop/taken"), &false.into()),
        Known::Maybe => {}
    }
}

impl Wrong {
    fn is(&mut self, what: &str, told: &Value, expected: &Value) {
        if told != expected {
            self.say(format!("{what} is {told}, not {expected}"));
        }
    }
}

fn members(truth: &Truth, report: &Report, wrong: &mut Wrong) {
    for fact in &truth.facts {
        let mut told = report.processes().iter();
        let told = told.find(|process| process["pid"] == fact.host_pid);
        match (told, fact.is_member) {
            (Some(_), Known::No) => wrong.say(format!(
                "process {} had ended before and is listed",
                fact.ns_pid
            )),
            (None, Known::Yes) => wrong.say(format!("process {} is not listed", fact.ns_pid)),
            (Some(told), _) => member(fact, told, wrong),
            (None, _) => {}
        }
    }
    for told in report.processes() {
        let is_known = truth.facts.iter().any(|fact| told["pid"] == fact.host_pid);
        if !is_known {
            wrong.say(format!("process {} is none of the stop", told["pid"]));
        }
    }
}

fn member(fact: &Fact, told: &Value, wrong: &mut Wrong) {
    let of = |what: &str| format!("{what} of process {}", fact.ns_pid);
    wrong.is(&of("ns_pid"), &told["ns_pid"], &fact.ns_pid.into());
    wrong.check(&of("role"), &told["role"], &fact.roles);
    wrong.check(&of("outcome"), &told["outcome"], &fact.outcomes);
    for (what, known) in [("pgid", fact.group), ("sid", fact.session)] {
        // Zero is one outside of the namespace.
        let known = known.filter(|number| *number > 0);
        if known.is_some() {
            wrong.is(&of(what), &told[what], &known.into());
        }
    }
    let exit = &told["exit"];
    wrong.is(&of("exit code"), &exit["code"], &fact.code.into());
    let signal = fact.signal.map(name);
    wrong.is(&of("exit signal"), &exit["signal"], &signal.into());
    if fact.is_killed() {
        wrong.check(&of("killed_by"), &told["killed_by"], &fact.killers);
    } else {
        wrong.is(&of("killed_by"), &told["killed_by"], &Value::Null);
    }
}

fn cause(ran: &Ran, truth: &Truth, report: &Report, wrong: &mut Wrong) {
    if report.text("/verdict") != "forced" {
        wrong.is("cause", report.at("/cause"), &Value::Null);
        return;
    }
    if report.at("/cause").is_null() {
        wrong.say("no cause, and somebody was killed".to_owned());
        return;
    }
    let causes = causes(ran, truth);
    let mut allowed = causes.certain;
    let confidence = report.at("/cause/confidence");
    if confidence == "likely" {
        allowed.extend(causes.likely);
    }
    let what = format!("cause ({confidence})");
    wrong.check(&what, report.at("/cause/id"), &allowed);
}

/// Name of a signal that the plans use.
fn name(signal: i32) -> String {
    let name = match signal {
        libc::SIGHUP => "HUP",
        libc::SIGINT => "INT",
        libc::SIGQUIT => "QUIT",
        libc::SIGILL => "ILL",
        libc::SIGABRT => "ABRT",
        libc::SIGFPE => "FPE",
        libc::SIGKILL => "KILL",
        libc::SIGUSR1 => "USR1",
        libc::SIGUSR2 => "USR2",
        libc::SIGALRM => "ALRM",
        libc::SIGTERM => "TERM",
        libc::SIGSTKFLT => "STKFLT",
        libc::SIGXCPU => "XCPU",
        libc::SIGXFSZ => "XFSZ",
        libc::SIGVTALRM => "VTALRM",
        libc::SIGPROF => "PROF",
        libc::SIGWINCH => "WINCH",
        libc::SIGIO => "IO",
        libc::SIGPWR => "PWR",
        libc::SIGSYS => "SYS",
        REAL_TIME => "RTMIN",
        35..=64 => return format!("SIGRTMIN+{}", signal - REAL_TIME),
        other => panic!("no plan has signal {other}"),
    };
    format!("SIG{name}")
}
