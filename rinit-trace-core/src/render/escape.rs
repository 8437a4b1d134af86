//! Makes strings from containers safe to show: a process chooses its `comm`, its arguments and often
//! its container's name, and may try to move the cursor, to forge a line of the output, or to
//! reorder and hide what is there.

/// Bound of a command name or the like, in characters as shown. The kernel's `comm` has 15 bytes.
const NAME_MAX: usize = 40;
/// Bound of a container, pod or image name; Kubernetes allows 253 for a pod.
const LABEL_MAX: usize = 100;
/// Bound of a command line: enough to know it by, and still one line of a wide terminal.
const CMDLINE_MAX: usize = 120;
/// Bound of a sentence, which may quote names.
const PROSE_MAX: usize = 600;
/// Characters of an escaped code point behind its `u`, braces included.
const LONGEST_CODE_POINT: usize = 8;

/// Whether a character has no shape of its own or changes the place of others: control, format
/// (bidi, zero width), combining, unassigned, private, and every space but U+0020. The table is
/// that of `char::escape_debug`, so it follows the Unicode version of the compiler.
pub(super) fn is_hidden(c: char) -> bool {
    // Letters and a symbol by category, and yet blank.
    let blank = matches!(
        c,
        '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
    );
    blank || (!matches!(c, '"' | '\'' | '\\') && c.escape_debug().len() > 1)
}

/// A command name, in quotes where it could be taken for the punctuation around it.
pub(super) fn name(text: &str) -> String {
    quoted(text, NAME_MAX)
}

/// A container, pod or image name, a cgroup path.
pub(super) fn label(text: &str) -> String {
    quoted(text, LABEL_MAX)
}

/// A sentence of a finding, which may hold names.
pub(super) fn prose(text: &str) -> String {
    let mut out = Bounded::new(PROSE_MAX);
    // No escaped quotes and backslashes: a sentence is ours, and may show a shell command.
    text.chars().all(|c| out.push(c, &['\\', '"', '\'']));
    out.finish()
}

/// Arguments as one would type them.
pub(super) fn cmdline(arguments: &[String]) -> String {
    let mut out = Bounded::new(CMDLINE_MAX);
    for (index, argument) in arguments.iter().enumerate() {
        let plain = is_plain(argument, "=,+%*?&;");
        let went_in = (index == 0 || out.push(' ', &[]))
            && (plain || out.push('\'', &['\'']))
            && argument.chars().all(|c| out.push(c, &['"']))
            && (plain || out.push('\'', &['\'']));
        if !went_in {
            break;
        }
    }
    out.finish()
}

/// The beginning of a text that is escaped already, of at most `max` bytes with its `…`: cut between
/// characters and never within an escape. The text itself when it fits.
pub(super) fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let Some(room) = max.checked_sub('…'.len_utf8()) else {
        return String::new();
    };
    let mut end = 0;
    while let Some(length) = text.get(end..).and_then(piece) {
        if end + length > room {
            break;
        }
        end += length;
    }
    format!("{}…", &text[..end])
}

/// Length in bytes of the character or the escape that a text begins with; `None` when it is empty.
fn piece(text: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    let (_, first) = chars.next()?;
    if first != '\\' {
        return Some(first.len_utf8());
    }
    let Some((at, second)) = chars.next() else {
        return Some(first.len_utf8());
    };
    let is_code_point = second == 'u' && text[at..].starts_with("u{");
    // The longest is `\u{10ffff}`. What never ends is no escape.
    let end = chars
        .take(LONGEST_CODE_POINT)
        .find(|(_, c)| is_code_point && *c == '}')
        .map_or(at + second.len_utf8(), |(end, _)| end + 1);
    Some(end)
}

fn quoted(text: &str, max: usize) -> String {
    let plain = is_plain(text, "");
    let mut out = Bounded::new(max);
    let went_in = (plain || out.push('"', &['"']))
        && text.chars().all(|c| out.push(c, &['\'']))
        && (plain || out.push('"', &['"']));
    let mut out = out.finish();
    if !went_in && !plain {
        out.push('"');
    }
    out
}

/// Whether it holds nothing that the outputs use as punctuation, so that it may stand unquoted.
fn is_plain(text: &str, also: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| {
            c.is_alphanumeric() || "_-./:@#".contains(c) || also.contains(c) || is_hidden(c)
        })
}

/// A string of at most `max` characters, cut between characters and never within an escape.
struct Bounded {
    text: String,
    length: usize,
    max: usize,
}

impl Bounded {
    fn new(max: usize) -> Self {
        Self {
            text: String::new(),
            length: 0,
            max,
        }
    }

    /// Appends a character, escaped if it is hidden, a quote or a backslash; those of `verbatim` as
    /// they are. False, and the string has its `…`, when it is full.
    fn push(&mut self, c: char, verbatim: &[char]) -> bool {
        let piece: String = if verbatim.contains(&c) {
            c.to_string()
        } else if is_hidden(c) && c.escape_debug().len() == 1 {
            c.escape_unicode().collect()
        } else {
            c.escape_debug().collect()
        };
        let length = piece.chars().count();
        // One character stays free for the `…`.
        if self.length + length >= self.max {
            self.text.push('…');
            return false;
        }
        self.text.push_str(&piece);
        self.length += length;
        true
    }

    fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for text in [
            "sh",
            "nginx:",
            "kworker/0:1",
            "docker-containe",
            "web_1",
            "größer",
            "日本",
        ] {
            assert_eq!(name(text), text);
        }
    }

    #[test]
    fn what_could_be_taken_for_punctuation_is_quoted() {
        assert_eq!(name("tmux: server"), "\"tmux: server\"");
        assert_eq!(name("sh[1]"), "\"sh[1]\"");
        assert_eq!(name("a\"b"), "\"a\\\"b\"");
        assert_eq!(name(""), "\"\"");
    }

    #[test]
    fn control_and_format_characters_show_as_escapes() {
        for (text, shown) in [
            ("a\nb", r"a\nb"),
            ("\x1b[31mred", r#""\u{1b}[31mred""#),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("x\u{202e}y", r"x\u{202e}y"),
            ("x\u{200b}y", r"x\u{200b}y"),
            ("x\u{3164}y", r"x\u{3164}y"),
            ("x\u{301}y", r"x\u{301}y"),
            ("x\u{2028}y", r"x\u{2028}y"),
            ("x\u{e0041}y", r"x\u{e0041}y"),
            ("x\u{fffd}y", "\"x\u{fffd}y\""),
        ] {
            assert_eq!(name(text), shown, "{text:?}");
        }
    }

    #[test]
    fn a_literal_escape_is_not_taken_for_a_real_one() {
        assert_eq!(name(r"\u{202e}"), r#""\\u{202e}""#);
    }

    #[test]
    fn arguments_read_as_one_would_type_them() {
        let arguments = ["/bin/sh", "-c", "echo \"it's\"; sleep 1", ""].map(String::from);
        assert_eq!(
            cmdline(&arguments),
            r#"/bin/sh -c 'echo "it\'s"; sleep 1' ''"#
        );
    }

    #[test]
    fn a_long_command_line_is_cut() {
        let shown = cmdline(&["java".into(), "x".repeat(5000)]);
        assert_eq!(shown.chars().count(), CMDLINE_MAX);
        assert!(shown.ends_with("x…"), "{shown}");
    }

    #[test]
    fn a_cut_never_splits_an_escape() {
        let shown = name(&"\u{202e}".repeat(40));
        assert_eq!(shown, format!("{}…", r"\u{202e}".repeat(4)));
    }

    #[test]
    fn a_cut_in_bytes_is_between_characters_and_escapes() {
        assert_eq!(cut("größe", 7), "größe");
        assert_eq!(cut("größer", 7), "grö…");
        assert_eq!(cut("größer", 6), "gr…");
        assert_eq!(cut(r"ab\u{202e}xyz", 12), "ab…");
        assert_eq!(cut(r"ab\u{202e}wxyz", 13), r"ab\u{202e}…");
        assert_eq!(cut(r"abc\n\n", 6), "abc…");
        assert_eq!(cut(r"a\u{ not an escape", 8), r"a\u{ …");
        assert_eq!(cut("abcdef", 3), "…");
        assert_eq!(cut("abcdef", 2), "");
    }

    proptest! {
        #[test]
        fn a_cut_fits_and_begins_as_the_text(text in any::<String>(), max in 0_usize..64) {
            let text = prose(&text);
            let short = cut(&text, max);
            prop_assert!(short.len() <= max);
            prop_assert!(text.starts_with(short.trim_end_matches('…')));
        }

        #[test]
        fn nothing_hidden_passes_and_everything_is_bounded(text in any::<String>()) {
            for shown in [name(&text), label(&text), prose(&text), cmdline(&[text.clone(), text])] {
                prop_assert!(!shown.chars().any(is_hidden), "{shown:?}");
                prop_assert!(shown.chars().count() <= PROSE_MAX);
            }
        }
    }
}
