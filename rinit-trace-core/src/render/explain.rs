//! Articles for people: a list of all of them, and one in full.

use std::fmt::Write as _;

use super::layout::{BAD, DIM, GOOD, Paint, STRONG};
use crate::knowledge::{Article, Diff, Fix, Group, Topic};

/// Columns of a line of text. Commands and diffs are never broken.
const WIDTH: usize = 96;

/// Every word with one line, in groups.
pub(super) fn list(paint: Paint) -> String {
    let mut out = String::new();
    let ids = Topic::all().map(|topic| topic.id().len());
    let width = ids.max().unwrap_or_default();
    for group in Group::ALL {
        out.push_str(&paint.apply(STRONG, group.title()));
        out.push_str(&paint.apply(DIM, &format!("  ({})", group.field())));
        out.push('\n');
        for topic in group.topics() {
            let (id, line) = (topic.id(), topic.article().line);
            // Writing to a String cannot fail.
            let _ = writeln!(out, "  {id:width$}  {line}");
        }
        out.push('\n');
    }
    out.push_str(
        "`rinit-trace explain ID` has the rule of the kernel, how to see it, and what to change.\n",
    );
    out
}

/// One word: its heading, and what is known.
pub(super) fn topic(topic: Topic, paint: Paint) -> String {
    let mut page = Page {
        out: String::new(),
        paint,
    };
    let article = topic.article();
    let id = paint.apply(STRONG, topic.id());
    let field = paint.apply(DIM, topic.group().field());
    page.line(0, &format!("{id}  {field}"));
    page.text(2, "", article.line);
    page.section("what happened");
    page.text(4, "", article.what);
    kernel(&mut page, article);
    see(&mut page, article);
    shown_by(&mut page, article);
    fixes(&mut page, article.fixes);
    if !article.limits.is_empty() {
        page.section("limits");
        for limit in article.limits {
            page.text(4, "- ", limit);
        }
    }
    if let Some(close) = &article.close {
        page.section("close to it, and another cause");
        page.command(&format!("rinit-trace demo {}", close.scenario));
        page.text(6, "", close.why);
    }
    page.out
}

fn kernel(page: &mut Page, article: &Article) {
    if article.kernel.is_empty() {
        return;
    }
    page.section("what the kernel did");
    for rule in article.kernel {
        let since = rule
            .since
            .map_or_else(String::new, |since| format!(" ({since})"));
        let place = format!("{}, {}{since}", rule.function, rule.file);
        page.text(4, "", &place);
        page.text(6, "", rule.says);
    }
}

fn see(page: &mut Page, article: &Article) {
    if article.see.is_empty() {
        return;
    }
    page.section("how to see it");
    for look in article.see {
        page.command(look.run);
        page.text(6, "", look.shows);
    }
}

fn shown_by(page: &mut Page, article: &Article) {
    if article.shown_by.is_empty() {
        return;
    }
    page.section("what of the report shows it");
    let widths = article.shown_by.iter().map(|(field, _)| field.len());
    let width = widths.max().unwrap_or_default();
    for (field, value) in article.shown_by {
        page.line(4, &format!("{field:width$}  {value}"));
    }
}

fn fixes(page: &mut Page, fixes: &[&Fix]) {
    if fixes.is_empty() {
        return;
    }
    page.section("what to change");
    for fix in fixes {
        page.text(4, "- ", &fix.example());
        for diff in fix.diffs {
            page.diff(diff);
        }
    }
}

/// The output so far. All of it is our own text: nothing of it comes from a container.
struct Page {
    out: String,
    paint: Paint,
}

impl Page {
    fn line(&mut self, indent: usize, text: &str) {
        self.out.push_str(&" ".repeat(indent));
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn section(&mut self, title: &str) {
        self.out.push('\n');
        let title = self.paint.apply(STRONG, title);
        self.line(2, &title);
    }

    fn command(&mut self, command: &str) {
        self.line(4, &format!("$ {command}"));
    }

    /// Words in lines; what follows the first is indented under it.
    fn text(&mut self, indent: usize, bullet: &str, text: &str) {
        let indent_after = indent + bullet.len();
        let mut line = bullet.to_owned();
        let mut is_empty = true;
        for word in text.split(' ') {
            let is_full = indent + line.chars().count() + 1 + word.chars().count() > WIDTH;
            if is_full && !is_empty {
                self.line(indent, &line);
                line = " ".repeat(indent_after - indent);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.line(indent, &line);
    }

    fn diff(&mut self, diff: &Diff) {
        let file = self.paint.apply(DIM, diff.file);
        self.line(8, &file);
        for line in diff.lines {
            let line = match line.as_bytes().first() {
                Some(b'-') => self.paint.apply(BAD, line),
                Some(b'+') => self.paint.apply(GOOD, line),
                _ => (*line).to_owned(),
            };
            self.line(10, &line);
        }
    }
}
