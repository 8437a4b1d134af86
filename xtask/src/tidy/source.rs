//! A text file, and its code without comments and the contents of strings.

/// A text file of the project.
pub(super) struct SourceFile {
    /// Relative to the repository's top, with `/`.
    pub(super) path: String,
    /// All of it.
    pub(super) text: String,
    /// For Rust: the text with comments and the contents of strings blanked, line for line. Else empty.
    pub(super) code: String,
}

impl SourceFile {
    pub(super) fn new(path: String, text: String) -> Self {
        let code = if is_rust(&path) {
            blank(&text)
        } else {
            String::new()
        };
        Self { path, text, code }
    }

    pub(super) fn is_rust(&self) -> bool {
        is_rust(&self.path)
    }

    /// Lines with their numbers, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// Lines of code with their numbers, from 1.
    pub(super) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.lines())
    }
}

fn is_rust(path: &str) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, extension)| extension == "rs")
}

/// Whether the line has the word: as a whole, not as a part of another.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

/// Replaces comments and the contents of strings by spaces. Line breaks stay, so that line numbers do.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_word = false;
    while let Some(first) = rest.chars().next() {
        let skipped = if in_word { 0 } else { prefixed_string(rest) };
        let length = match skipped {
            0 => comment(rest).or_else(|| literal(rest)).unwrap_or(0),
            length => length,
        };
        if length == 0 {
            code.push(first);
            in_word = first.is_alphanumeric() || first == '_';
            rest = &rest[first.len_utf8()..];
        } else {
            let (blanked, after) = rest.split_at(length);
            code.extend(blanked.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            in_word = false;
            rest = after;
        }
    }
    code
}

/// Length of the comment at the start.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(text.len())
}

/// Length of the raw string at the start, 0 when there is none. The others' prefixes need no care.
fn prefixed_string(text: &str) -> usize {
    let Some(after) = ["r", "br", "cr"].iter().find_map(|prefix| {
        text.strip_prefix(prefix)
            .filter(|after| after.starts_with(['"', '#']))
    }) else {
        return 0;
    };
    let hashes = after.len() - after.trim_start_matches('#').len();
    let Some(body) = after[hashes..].strip_prefix('"') else {
        return 0;
    };
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len();
    body.find(&end)
        .map_or(text.len(), |at| start + at + end.len())
}

/// Length of the string or character at the start.
fn literal(text: &str) -> Option<usize> {
    if text.starts_with('"') {
        return Some(quoted(text, '"'));
    }
    let after = text.strip_prefix('\'')?;
    let mut chars = after.chars();
    let first = chars.next()?;
    // `'a'` and `'\n'` are characters, `'a` is a lifetime.
    (first == '\\' || chars.next() == Some('\'')).then(|| quoted(text, '\''))
}

/// Length of a literal up to its closing quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        blank(text).split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn comments_and_strings_are_blank() {
        assert_eq!(words("a // b\nc /* d /* e */ f\n*/ g"), ["a", "c", "g"]);
        assert_eq!(words("a \"b \\\" c\" d"), ["a", "d"]);
        assert_eq!(
            words("a r\"b\\\" c r#\"d \" e\"# f br\"g\" h"),
            ["a", "c", "f", "h"]
        );
    }

    #[test]
    fn characters_are_not_lifetimes() {
        assert_eq!(
            words("a '\"' b '\\'' c &'d e '…' f"),
            ["a", "b", "c", "&'d", "e", "f"]
        );
        assert_eq!(words("r#type for\"x\""), ["r#type", "for"]);
    }

    #[test]
    fn lines_stay_where_they_are() {
        let text = "a\n\"b\nc\"\n/* d\n*/ e\n";
        assert_eq!(blank(text).lines().count(), text.lines().count());
        assert_eq!(blank(text).lines().nth(4).map(str::trim), Some("e"));
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("let e: Event = x", "Event"));
        assert!(!has_word("let e: EventKind = MyEvent", "Event"));
    }
}
