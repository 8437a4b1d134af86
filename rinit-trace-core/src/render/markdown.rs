//! Articles as a page of documentation: `docs/verdicts.md`.

use std::fmt::Write as _;

use crate::knowledge::{Article, Fix, Group, Topic};

/// All of it.
pub(super) fn articles() -> String {
    let mut page = Page(String::from(
        "# What a report says, and what to do about it\n\n\
         Every word of a report that means something: what happened, the rule of the kernel behind it, how to see it without \
         rinit-trace,\nwhat to change, and where it may be wrong. `rinit-trace explain ID` shows the same on a terminal.\n\n\
         This page is made of `rinit-trace-core/src/knowledge` by `cargo xtask docs`; change it there.\n",
    ));
    page.contents();
    for group in Group::ALL {
        page.block(&format!("## {}", title(*group)));
        for topic in group.topics() {
            page.article(topic);
        }
    }
    page.0
}

/// `Causes, in order of precedence (cause.id)`.
fn title(group: Group) -> String {
    let title = group.title();
    let (first, rest) = title.split_at(1);
    format!("{}{rest} (`{}`)", first.to_ascii_uppercase(), group.field())
}

struct Page(String);

impl Page {
    /// A paragraph, after an empty line.
    fn block(&mut self, text: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "\n{text}\n");
    }

    fn contents(&mut self) {
        for group in Group::ALL {
            self.block(&format!("**{}**\n\n| | |\n|---|---|", title(*group)));
            for topic in group.topics() {
                let (id, line) = (topic.id(), topic.article().line);
                let _ = writeln!(self.0, "| [`{id}`](#{}) | {line} |", anchor(topic));
            }
        }
    }

    fn heading(&mut self, topic: Topic) {
        let (id, line) = (topic.id(), topic.article().line);
        // A word may mean two things, and then has two headings.
        self.block(&format!("<a id=\"{}\"></a>\n### `{id}`", anchor(topic)));
        self.block(&format!("*{line}*"));
    }

    fn article(&mut self, topic: Topic) {
        let article = topic.article();
        self.heading(topic);
        self.block(article.what);
        self.kernel(article);
        self.see(article);
        self.shown_by(article);
        self.fixes(article.fixes);
        if !article.limits.is_empty() {
            self.block("**Limits**\n");
            for limit in article.limits {
                let _ = writeln!(self.0, "- {limit}");
            }
        }
        if let Some(close) = &article.close {
            self.block(&format!(
                "**Close to it, and another cause:** `rinit-trace demo {}`: {}",
                close.scenario, close.why
            ));
        }
    }

    fn kernel(&mut self, article: &Article) {
        if article.kernel.is_empty() {
            return;
        }
        self.block("**What the kernel did**\n");
        for rule in article.kernel {
            let since = rule
                .since
                .map_or_else(String::new, |since| format!(" ({since})"));
            let _ = writeln!(
                self.0,
                "- `{}` in `{}`{since}: {}",
                rule.function, rule.file, rule.says
            );
        }
    }

    fn see(&mut self, article: &Article) {
        if article.see.is_empty() {
            return;
        }
        self.block("**How to see it**\n");
        for look in article.see {
            let _ = writeln!(self.0, "- `{}`: {}", look.run, look.shows);
        }
    }

    fn shown_by(&mut self, article: &Article) {
        if article.shown_by.is_empty() {
            return;
        }
        self.block("**What of the report shows it**\n\n| field | says |\n|---|---|");
        for (field, value) in article.shown_by {
            let _ = writeln!(self.0, "| `{field}` | {value} |");
        }
    }

    fn fixes(&mut self, fixes: &[&Fix]) {
        if fixes.is_empty() {
            return;
        }
        self.block("**What to change**");
        for fix in fixes {
            self.block(&format!("- {}", fix.example()));
            for diff in fix.diffs {
                let _ = write!(self.0, "\n  {}:\n\n  ```diff\n", diff.file);
                for line in diff.lines {
                    let _ = writeln!(self.0, "  {line}");
                }
                self.0.push_str("  ```\n");
            }
        }
    }
}

/// Unique among the headings.
fn anchor(topic: Topic) -> String {
    let id = topic.id();
    match topic.group() {
        Group::Killers => format!("by-{id}"),
        _ => id.to_owned(),
    }
}
