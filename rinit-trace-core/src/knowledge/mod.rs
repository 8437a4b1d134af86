//! What is known about stops: an article for every word of a report, and what to change.
//!
//! One source. The rules of the diagnosis take their advice from here, `rinit-trace explain` shows
//! the articles, and `docs/verdicts.md` is made of them. An article is plain data; how it looks is
//! up to `render`.

pub mod causes;
mod fix;
mod kernel;
mod killers;
mod outcomes;
pub mod remarks;
#[cfg(test)]
mod tests;
mod topic;
mod verdicts;

pub use fix::{Diff, Fix};
pub use topic::{Group, Topic};

/// What is known about one word of a report.
#[derive(Debug)]
pub struct Article {
    /// In a list of all of them.
    pub line: &'static str,
    /// What happened.
    pub what: &'static str,
    /// What the kernel did.
    pub kernel: &'static [KernelRule],
    /// How to see it without rinit-trace.
    pub see: &'static [Look],
    /// Fields of the report that show it, with what they say.
    pub shown_by: &'static [(&'static str, &'static str)],
    /// What to change.
    pub fixes: &'static [&'static Fix],
    /// When it may be wrong, and what it cannot know.
    pub limits: &'static [&'static str],
    /// A stop that looks alike and has another cause.
    pub close: Option<Close>,
}

/// A rule of the kernel.
#[derive(Debug)]
pub struct KernelRule {
    /// Where it is written.
    pub function: &'static str,
    /// The file with it.
    pub file: &'static str,
    /// The rule.
    pub says: &'static str,
    /// Which kernels have it; `None` where nobody looked it up.
    pub since: Option<&'static str>,
}

/// A command, and what it shows.
#[derive(Debug)]
pub struct Look {
    /// For a shell on the host.
    pub run: &'static str,
    /// What to look for.
    pub shows: &'static str,
}

/// A scenario of the demo that is close to a cause and is not.
#[derive(Debug)]
pub struct Close {
    /// Its name.
    pub scenario: &'static str,
    /// The difference.
    pub why: &'static str,
}

impl Article {
    /// For those that leave something out.
    const NONE: Self = Self {
        line: "",
        what: "",
        kernel: &[],
        see: &[],
        shown_by: &[],
        fixes: &[],
        limits: &[],
        close: None,
    };
}
