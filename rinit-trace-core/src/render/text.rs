//! The report for people: verdict first, then the timeline, then why and what to change.

use super::{
    escape,
    layout::{self, BAD, DIM, GOOD, Paint, STRONG, WARN},
    processes, timeline,
    words::{self, Names, duration, offset, word},
};
use crate::model::{
    Arguments, Evidence, Finding, FindingId, InitKind, Outcome, PidnsTeardown, Role, StopReport,
    Unlisted, Verdict,
};

/// Evidence shown of one finding; the JSON has all of it.
const EVIDENCE_MAX: usize = 3;

/// Findings that say nothing which the timeline does not have: they are for programs.
const IN_THE_TIMELINE: &[FindingId] = &[FindingId::Forwarded];

pub(super) fn render(report: &StopReport, paint: Paint) -> String {
    let names = Names::of(report);
    let mut page = Page {
        out: String::new(),
        paint,
    };
    header(&mut page, report);
    page.section("timeline");
    layout::table(&mut page.out, paint, &timeline::rows(report, &names));
    page.section("processes");
    layout::table(&mut page.out, paint, &processes::rows(report));
    lost_cleanup(&mut page, report);
    why(&mut page, report, &names);
    page.out
}

/// The output so far. Everything it is given is escaped already.
struct Page {
    out: String,
    paint: Paint,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn section(&mut self, title: &str) {
        let title = self.paint.apply(STRONG, title);
        self.line(&format!("\n  {title}"));
    }

    /// A line with a key in front, or, with an empty key, one that continues the line above.
    fn field(&mut self, key: &str, text: &str) {
        let space = " ".repeat(9_usize.saturating_sub(key.len()));
        let key = self.paint.apply(STRONG, key);
        self.line(&format!("  {key}{space} {text}"));
    }

    /// Several lines under one key.
    fn list(&mut self, key: &str, lines: impl IntoIterator<Item = String>) {
        for (index, line) in lines.into_iter().enumerate() {
            self.field(if index == 0 { key } else { "" }, &line);
        }
    }
}

fn header(page: &mut Page, report: &StopReport) {
    let paint = page.paint;
    let (style, verdict) = match report.verdict {
        Verdict::Graceful => (GOOD, "GRACEFUL"),
        Verdict::Forced => (BAD, "FORCED"),
        Verdict::Unknown => (WARN, "UNKNOWN"),
    };
    let verdict = paint.apply(style.bold(), verdict);
    let workload = paint.apply(STRONG, &words::workload(&report.workload));
    let why = match &report.cause {
        Some(cause) => paint.apply(style, cause.id.as_str()),
        None => word(&report.stop.trigger),
    };
    let took = duration(report.duration_ms);
    let mut line = format!(
        "{verdict}  {workload} · {why} · {took} · {:.0}",
        report.started_at
    );
    if let Some(node) = &report.node {
        line.push_str(" · ");
        line.push_str(&escape::label(node));
    }
    page.line(&line);
    page.line(&format!("  {}", headline(report)));
    let lost = report.observation.lost_records;
    if lost > 0 {
        let lost = paint.apply(WARN.bold(), &format!("LOST {lost} records"));
        page.line(&format!("  {lost}: what follows has gaps"));
    }
    let left_out = report.observation.left_out;
    if left_out > 0 {
        let left_out = paint.apply(WARN.bold(), &format!("LEFT OUT {left_out} facts"));
        page.line(&format!("  {left_out}: there were more than are kept"));
    }
    let unlisted = report.observation.unlisted;
    if unlisted != Unlisted::default() {
        let Unlisted {
            processes,
            signals,
            arguments,
        } = unlisted;
        page.line(&format!(
            "  not listed, since the report would be too long: {processes} processes, {signals} signals, the arguments of {arguments} processes"
        ));
    }
    page.line(&format!("  {}", paint.apply(DIM, &facts(report))));
}

/// The stop in one sentence.
pub(super) fn headline(report: &StopReport) -> String {
    let killed = |exec: bool| {
        let of_role = |role| (role == Role::Exec) == exec;
        let processes = report.processes.iter();
        processes
            .filter(|process| of_role(process.role) && process.outcome.is_killed())
            .count()
    };
    let alive = report
        .processes
        .iter()
        .filter(|process| process.role != Role::Exec && process.outcome == Outcome::Alive)
        .count();
    let opaque = report
        .findings
        .iter()
        .find(|finding| finding.id == FindingId::OpaqueSandbox);
    match (report.verdict, &report.cause) {
        (Verdict::Unknown, _) if let Some(opaque) = opaque => escape::prose(&opaque.summary),
        (Verdict::Unknown, _) if report.observation.lost_records > 0 => {
            "records were lost: whether anybody was killed cannot be said".to_owned()
        }
        (Verdict::Unknown, _) if report.observation.left_out > 0 => {
            "more happened than is kept of a stop: whether anybody was killed cannot be said"
                .to_owned()
        }
        (Verdict::Unknown, _) if alive > 0 => format!(
            "{} did not end: whether anybody was killed cannot be said",
            words::processes(alive)
        ),
        (Verdict::Unknown, _) => {
            "the tracer came too late: whether anybody was killed cannot be said".to_owned()
        }
        (_, Some(cause)) => escape::prose(&cause.summary),
        (Verdict::Forced, None) => {
            format!("{} ended by SIGKILL", words::processes(killed(false)))
        }
        (Verdict::Graceful, None) if killed(true) > 0 => format!(
            "nobody was killed, apart from {} of an exec session",
            words::processes(killed(true))
        ),
        (Verdict::Graceful, None) => match report.stop.signal {
            Some(signal) if report.is_by_terminal() => {
                format!("nobody was killed; the terminal sent {signal}, and nobody asked to stop")
            }
            _ => "nobody was killed".to_owned(),
        },
    }
}

/// What ran and how long it was given.
fn facts(report: &StopReport) -> String {
    let (workload, stop) = (&report.workload, &report.stop);
    let mut facts = Vec::new();
    if let Some(runtime) = &workload.runtime {
        facts.push(word(runtime));
    }
    if let Some(image) = &workload.image {
        facts.push(format!("image {}", escape::label(image)));
    }
    let (init, kind) = (escape::name(&workload.init.comm), word(&workload.init.kind));
    facts.push(match workload.init.kind {
        InitKind::Unknown => format!("init {init}"),
        _ if init == kind => format!("init {init}"),
        _ => format!("init {init} ({kind})"),
    });
    let used = match (stop.grace_used_ms, stop.signal) {
        (Some(used), _) => format!("{} used", duration(used)),
        (None, None) => "not used".to_owned(),
        (None, Some(_)) => "use not known".to_owned(),
    };
    let configured = match (stop.grace_ms, &stop.grace_source) {
        (Some(grace), Some(source)) => format!("{} configured ({})", duration(grace), word(source)),
        (Some(grace), None) => format!("{} configured", duration(grace)),
        (None, _) => "not known".to_owned(),
    };
    facts.push(format!("grace {configured}, {used}"));
    facts.join(" · ")
}

fn lost_cleanup(page: &mut Page, report: &StopReport) {
    let (style, text) = match report.lost_cleanup {
        Some(0) => return,
        Some(count) => (BAD, words::could_not_finish(count)),
        None => (WARN, "not known".to_owned()),
    };
    let text = page.paint.apply(style, &text);
    page.line(&format!("  lost cleanup: {text}"));
}

/// Cause, other findings, advice. Nothing for a graceful stop without findings.
fn why(page: &mut Page, report: &StopReport, names: &Names<'_>) {
    let cause = report.cause.as_ref();
    let others: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| Some(*finding) != cause && !IN_THE_TIMELINE.contains(&finding.id))
        .collect();
    if cause.is_none() && others.is_empty() && report.verdict == Verdict::Graceful {
        return;
    }
    page.out.push('\n');
    if let Some(cause) = cause {
        let id = page.paint.apply(BAD, cause.id.as_str());
        page.field("why", &format!("{id} ({})", word(&cause.confidence)));
        if report.verdict == Verdict::Unknown {
            // The headline is about the loss there.
            page.field("", &escape::prose(&cause.summary));
        }
        if !cause.evidence.is_empty() {
            page.field("rests on", &evidence(report, names, cause));
        }
    }
    page.list(
        "also",
        others.iter().map(|finding| {
            let (id, confidence) = (finding.id.as_str(), word(&finding.confidence));
            format!("{id} ({confidence}): {}", escape::prose(&finding.summary))
        }),
    );
    // The advice of other findings only where it is all there is: what to change first is one thing.
    let advised = cause.map_or(others, |cause| vec![cause]);
    page.list(
        "change",
        advised.iter().flat_map(|finding| {
            finding
                .fix
                .iter()
                .map(|fix| format!("- {}", escape::prose(fix)))
        }),
    );
    page.field("observed", &page.paint.apply(DIM, &observed(report)));
}

fn evidence(report: &StopReport, names: &Names<'_>, finding: &Finding) -> String {
    let mut parts: Vec<String> = finding
        .evidence
        .iter()
        .take(EVIDENCE_MAX)
        .filter_map(|evidence| match *evidence {
            Evidence::Signal(index) => report.signals.get(index).map(|entry| {
                let to = names.name(entry.to);
                format!("{} → {to} at {}", entry.signal, offset(entry.at_ms))
            }),
            Evidence::Process(index) => report
                .processes
                .get(index)
                .map(|process| format!("{} {}", names.name(process.pid), word(&process.outcome))),
        })
        .collect();
    let more = finding.evidence.len().saturating_sub(EVIDENCE_MAX);
    if more > 0 {
        parts.push(format!("{more} more"));
    }
    parts.join("; ")
}

fn observed(report: &StopReport) -> String {
    let teardown = match report.observation.pidns_teardown {
        PidnsTeardown::Fentry => "by fentry",
        PidnsTeardown::Kprobe => "by kprobe",
        PidnsTeardown::Inferred => "inferred from its signals",
    };
    let lost = match report.observation.lost_records {
        0 => "no records lost".to_owned(),
        lost => format!("{lost} records lost"),
    };
    let left_out = match report.observation.left_out {
        0 => String::new(),
        facts => format!(", {facts} facts left out"),
    };
    let arguments = match report.observation.arguments {
        None | Some(Arguments::Full) => "",
        Some(Arguments::Masked) => ", arguments masked",
        Some(Arguments::None) => ", without arguments",
    };
    format!("pid namespace teardown {teardown}, {lost}{left_out}{arguments}")
}
