//! A stop in some sentences, for a place with little room: the note of a Kubernetes Event.

use super::{
    escape, text,
    words::{self, word},
};
use crate::model::StopReport;

pub(super) fn note(report: &StopReport, max_bytes: usize) -> String {
    let workload = &report.workload;
    let whose = match &workload.pod {
        Some(pod) => escape::label(&pod.container),
        None => words::workload(workload),
    };
    let verdict = word(&report.verdict);
    let cause = report.cause.as_ref().map_or_else(String::new, |cause| {
        format!(", {} ({})", cause.id, word(&cause.confidence))
    });
    let lost = match report.lost_cleanup {
        None | Some(0) => String::new(),
        Some(lost) => format!("; lost cleanup: {}", words::could_not_finish(lost)),
    };
    let headline = text::headline(report);
    let note = format!("container {whose}: {verdict}{cause}: {headline}{lost}");
    // Half an advice may be a wrong one, and half a command a dangerous one.
    let fix = report.cause.as_ref().and_then(|cause| cause.fix.first());
    let advised = fix.map(|fix| format!("{note}. Change: {}", escape::prose(fix)));
    match advised {
        Some(advised) if advised.len() <= max_bytes => advised,
        _ => escape::cut(&note, max_bytes),
    }
}
