//! What to change: the texts that reports give and `explain` shows, and the same as changes of files.

use std::fmt::Display;

/// One thing to change.
#[derive(Debug)]
pub struct Fix {
    /// As a report says it; `{signal}`, `{names}` and the like are filled in.
    pub text: &'static str,
    /// The same as changes of files, one of them for each way to run containers.
    pub diffs: &'static [Diff],
    /// No rule gives it, because no report shows whether it fits: `explain` alone does.
    pub is_general: bool,
}

/// A change of one file.
#[derive(Debug)]
pub struct Diff {
    /// `Dockerfile`, `compose.yaml`, `entrypoint.sh`, `pod.yaml`.
    pub file: &'static str,
    /// Each begins with `-`, `+` or a space.
    pub lines: &'static [&'static str],
}

/// What stands for a value in a text, and what `explain` shows in its place.
const EXAMPLES: &[(&str, &str)] = &[
    ("signal", "SIGTERM"),
    ("trap", "TERM"),
    ("other", "SIGQUIT"),
    ("names", "the server"),
    ("name", "the program"),
];

impl Fix {
    /// One that a rule gives.
    pub(super) const fn new(text: &'static str, diffs: &'static [Diff]) -> Self {
        Self {
            text,
            diffs,
            is_general: false,
        }
    }

    /// One that no rule gives.
    pub(super) const fn general(text: &'static str, diffs: &'static [Diff]) -> Self {
        Self {
            text,
            diffs,
            is_general: true,
        }
    }

    /// Its text, where nothing is to be filled in.
    pub fn plain(&self) -> String {
        self.text.to_owned()
    }

    /// Its text about a signal.
    pub fn about(&self, signal: impl Display) -> String {
        self.with(&[("signal", &signal)])
    }

    /// Its text with these values.
    pub fn with(&self, values: &[(&str, &dyn Display)]) -> String {
        // One pass: a value may look like a name to fill in.
        let mut out = String::new();
        for (literal, name) in pieces(self.text) {
            out.push_str(literal);
            let value = values.iter().find(|(key, _)| Some(*key) == name);
            match (value, name) {
                (Some((_, value)), _) => out.push_str(&value.to_string()),
                (None, Some(name)) => {
                    out.push('{');
                    out.push_str(name);
                    out.push('}');
                }
                (None, None) => {}
            }
        }
        out
    }

    /// Its text with examples for what is to be filled in.
    pub fn example(&self) -> String {
        let values: Vec<(&str, &dyn Display)> = EXAMPLES
            .iter()
            .map(|(name, value)| (*name, value as &dyn Display))
            .collect();
        self.with(&values)
    }

    /// Whether a report's text is this one, with whatever filled in.
    pub fn fits(&self, text: &str) -> bool {
        let mut rest = text;
        let mut is_open = false;
        for (literal, name) in pieces(self.text) {
            let after = match (is_open, name) {
                (false, _) => rest.strip_prefix(literal),
                (true, Some(_)) => rest.split_once(literal).map(|(_, after)| after),
                (true, None) => rest.ends_with(literal).then_some(""),
            };
            let Some(after) = after else {
                return false;
            };
            rest = after;
            is_open = name.is_some();
        }
        rest.is_empty()
    }
}

/// A text as pairs of literal text and the name that follows it; the last has none.
fn pieces(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split_inclusive('}')
        .map(|part| match part.split_once('{') {
            Some((literal, name)) => (literal, name.strip_suffix('}')),
            None => (part, None),
        })
        .chain(text.ends_with('}').then_some(("", None)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAP: Fix = Fix::new("`trap` for {signal}, and again {signal}: {names}", &[]);

    #[test]
    fn values_are_filled_in_and_never_read_again() {
        let text = TRAP.with(&[("signal", &"SIGTERM"), ("names", &"{signal}")]);
        assert_eq!(text, "`trap` for SIGTERM, and again SIGTERM: {signal}");
    }

    #[test]
    fn a_text_fits_with_whatever_was_filled_in() {
        assert!(TRAP.fits(&TRAP.example()));
        assert!(TRAP.fits("`trap` for X, and again Y: java and 2 others"));
        assert!(!TRAP.fits("`trap` for X, and so on: java"));
        assert!(!TRAP.fits(""));
        let plain = Fix::new("as it is", &[]);
        assert!(plain.fits("as it is"));
        assert!(!plain.fits("as it is not"));
        let end = Fix::new("ends with {name} here", &[]);
        assert!(end.fits("ends with a b here"));
        assert!(end.fits("ends with one here here"));
        assert!(!end.fits("ends with a b"));
    }

    #[test]
    fn an_example_has_nothing_left_to_fill_in() {
        for (name, value) in EXAMPLES {
            let text = format!("{{{name}}}");
            let fix = Fix::new(text.leak(), &[]);
            assert_eq!(fix.example(), *value);
        }
    }
}
