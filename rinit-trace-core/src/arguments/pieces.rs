//! Words of a text as a shell sees them: quotes hold one together.

use std::ops::Range;

/// What ends a word of a script, beside white space.
const OPERATORS: &str = ";|&()<>`";

/// Where the words are. What is between them holds nothing of anybody.
pub(super) fn words(text: &str, is_script: bool) -> Vec<Range<usize>> {
    let ends = |c: char| c.is_whitespace() || (is_script && OPERATORS.contains(c));
    let mut words = Vec::new();
    let mut begin = None;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if ends(c) {
            words.extend(begin.take().map(|begin| begin..at));
            at += c.len_utf8();
        } else {
            begin.get_or_insert(at);
            at = after(text, at, c);
        }
    }
    words.extend(begin.map(|begin| begin..text.len()));
    words
}

/// A part of a word.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Without the quotes.
    pub(super) range: Range<usize>,
    /// `None` outside of quotes.
    pub(super) quote: Option<char>,
}

/// The parts of a word; those outside of quotes are not empty.
pub(super) fn parts(word: &str) -> Vec<Part> {
    let part = |range, quote| Part { range, quote };
    let mut parts = Vec::new();
    let (mut plain, mut at) = (0, 0);
    while let Some(c) = word[at..].chars().next() {
        let next = after(word, at, c);
        if is_quote(c) && next > at + 1 {
            parts.extend((plain < at).then(|| part(plain..at, None)));
            parts.push(part(at + 1..next - 1, Some(c)));
            plain = next;
        }
        at = next;
    }
    parts.extend((plain < at).then(|| part(plain..at, None)));
    parts
}

/// What a shell makes of a text in quotes of that kind.
pub(super) fn unescape(quote: char, text: &str) -> String {
    if quote == '\'' {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some('"' | '\\' | '$' | '`') if c == '\\' => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

/// The reverse, as far as a reader needs it: not for a shell to read again.
pub(super) fn escape(quote: char, text: &str) -> String {
    if quote == '\'' {
        return text.to_owned();
    }
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

pub(super) fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'')
}

/// Where what begins here is over: a character, one behind a backslash, a text in quotes. A quote that
/// nothing closes is a character.
fn after(text: &str, at: usize, c: char) -> usize {
    let next = at + c.len_utf8();
    match c {
        '\\' => next + text[next..].chars().next().map_or(0, char::len_utf8),
        '\'' | '"' => closing(&text[next..], c).map_or(next, |end| next + end + 1),
        _ => next,
    }
}

fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices()
        .find(|(_, c)| {
            let is_it = *c == quote && !escaped;
            escaped = *c == '\\' && !escaped && quote == '"';
            is_it
        })
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, is_script: bool) -> Vec<&str> {
        let words = words(text, is_script).into_iter();
        words.map(|word| &text[word]).collect()
    }

    #[test]
    fn words_end_where_a_shell_ends_them() {
        let cases: [(&str, &[&str]); 8] = [
            ("a  b\tc\n", &["a", "b", "c"]),
            ("a 'b c' d", &["a", "'b c'", "d"]),
            (r#"A="b \" c"d e"#, &[r#"A="b \" c"d"#, "e"]),
            (r"a\ b c", &[r"a\ b", "c"]),
            ("it's b c", &["it's", "b", "c"]),
            ("a;b&&c|d", &["a", "b", "c", "d"]),
            ("\\", &["\\"]),
            ("", &[]),
        ];
        for (text, words) in cases {
            assert_eq!(of(text, true), words, "{text}");
        }
        assert_eq!(of("a;b c", false), ["a;b", "c"]);
    }

    #[test]
    fn parts_of_a_word_are_quoted_or_not() {
        let word = r#"a"b \" c"d''"#;
        let parts = parts(word).into_iter();
        let parts: Vec<_> = parts.map(|part| (&word[part.range], part.quote)).collect();
        let (double, single) = (Some('"'), Some('\''));
        let expected = [
            ("a", None),
            (r#"b \" c"#, double),
            ("d", None),
            ("", single),
        ];
        assert_eq!(parts, expected);
        assert_eq!(unescape('"', r#"b \" \\ \n"#), r#"b " \ \n"#);
    }
}
