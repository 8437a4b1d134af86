//! Views of a [`StopReport`]: text for people, JSON for programs.
//!
//! A view shows what the report says and decides nothing: no rule is applied here. Names in a report
//! come from containers and are hostile; `escape` is the only way by which one of them gets into an
//! output.

mod dropped;
mod escape;
mod explain;
mod fit;
mod json;
mod layout;
mod lines;
mod markdown;
mod note;
mod outside;
mod processes;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod words;

pub use fit::fit;

use crate::{
    knowledge::Topic,
    model::{DroppedSignal, KillsOutsideStop, StopReport},
};

/// How [`text()`] prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// Colour with ANSI escape codes. Without, the output has no control character but `\n`.
    pub color: bool,
}

/// For people: verdict, timeline, processes, why, and what to change. Ends with a newline.
pub fn text(report: &StopReport, options: &TextOptions) -> String {
    text::render(report, layout::Paint::new(options.color))
}

/// `-o json`: one pretty-printed object. Ends with a newline.
pub fn json(report: &StopReport) -> Result<String, serde_json::Error> {
    json::pretty(report)
}

/// `-o jsonl`: one object on one line. Ends with a newline.
pub fn jsonl(report: &StopReport) -> Result<String, serde_json::Error> {
    json::line(report)
}

/// For people, while the stop goes on: which init dropped the stop signal, and whose it was. One
/// line without its end.
pub fn dropped_line(dropped: &DroppedSignal) -> String {
    dropped::line(dropped)
}

/// For people: which container was given up before its program was started, or whose program could not be. One
/// line without its end.
pub fn never_ran_line(report: &StopReport) -> String {
    let whose = words::workload(&report.workload);
    let Some(kill) = &report.stop.kill else {
        return format!("{whose}: the runtime could not start its program: no stop");
    };
    let by = escape::name(kill.sender.name());
    format!("{whose}: the runtime ({by}) gave it up before its program was started: no stop")
}

/// For people who look at a pod: a stop in some sentences without line ends, of at most `max_bytes`
/// bytes. Container, verdict, cause, lost cleanup, and the first thing to change where all of it fits.
pub fn event_note(report: &StopReport, max_bytes: usize) -> String {
    note::note(report, max_bytes)
}

/// For people: who was killed while the workload lives on. One line without its end.
pub fn outside_line(kills: &KillsOutsideStop) -> String {
    outside::line(kills)
}

/// For people who look at a pod: whom the OOM killer took of a container that lives on, of at most
/// `max_bytes` bytes; `None` when it took nobody, or the container is of no pod.
pub fn oom_note(kills: &KillsOutsideStop, max_bytes: usize) -> Option<String> {
    outside::oom_note(kills, max_bytes)
}

/// What a word of a report means, and what to do about it. Ends with a newline.
pub fn article(topic: Topic, options: &TextOptions) -> String {
    explain::topic(topic, layout::Paint::new(options.color))
}

/// All words that have an article, with one line each. Ends with a newline.
pub fn articles(options: &TextOptions) -> String {
    explain::list(layout::Paint::new(options.color))
}

/// All articles as one page of documentation (Markdown). Ends with a newline.
pub fn articles_markdown() -> String {
    markdown::articles()
}
