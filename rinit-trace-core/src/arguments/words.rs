//! Masks what looks like a secret in arguments.
//!
//! What is no secret may be masked with it, where telling them apart would take knowing the program: every value
//! after `=` goes, and in an argument that is no script all that follows it.

use std::ops::Range;

use super::{
    names::{self, Short},
    pieces::{self, Part},
};

/// Stands for what is not shown.
const MASK: &str = "***";

/// Masks the arguments of one process.
pub(super) fn mask(arguments: &mut [String]) {
    let mut masker = Masker::default();
    for argument in arguments {
        *argument = masker.argument(argument);
    }
}

/// What the words so far say of the next.
#[derive(Debug, Default)]
struct Masker {
    /// It is a secret.
    is_secret: bool,
    /// It is a script: `sh -c`.
    is_script: bool,
    /// These are arguments of a shell.
    is_shell: bool,
    /// The program that these are arguments of, when its short options are known.
    short: Option<Short>,
}

impl Masker {
    fn argument(&mut self, argument: &str) -> String {
        if std::mem::take(&mut self.is_secret) {
            self.note(argument);
            return MASK.to_owned();
        }
        let is_script = std::mem::take(&mut self.is_script);
        self.text(argument, is_script).0
    }

    /// A text as it may be shown, and whether it ends in a value of which nothing marks the end.
    fn text(&mut self, text: &str, is_script: bool) -> (String, bool) {
        let words = pieces::words(text, is_script);
        let is_alone = words.len() == 1;
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        for range in words {
            let word = &text[range.clone()];
            out.push_str(&text[copied..range.start]);
            copied = range.end;
            let (shown, has_value) = self.word(word);
            out.push_str(&shown);
            if has_value && !is_script {
                if copied < text.len() && !out.ends_with(MASK) {
                    out.push_str(MASK);
                }
                return (out, true);
            }
            self.is_secret |= !is_alone && is_before_secret(word);
        }
        out.push_str(&text[copied..]);
        (out, false)
    }

    /// A word as it may be shown, and whether there is a value at its end.
    fn word(&mut self, word: &str) -> (String, bool) {
        if std::mem::take(&mut self.is_secret) {
            self.note(word);
            return (MASK.to_owned(), false);
        }
        let is_script = std::mem::take(&mut self.is_script);
        if let [
            Part {
                range,
                quote: Some(quote),
            },
        ] = &*pieces::parts(word)
        {
            return self.quoted(*quote, &word[range.clone()], is_script);
        }
        if let Some(option) = self.short.and_then(|short| short.begins(word)) {
            return (format!("{option}{MASK}"), false);
        }
        self.note(word);
        let (word, value) = without_credentials(word);
        let end = value.unwrap_or(word.len());
        let mut shown = String::with_capacity(word.len());
        for Part { range, quote } in pieces::parts(&word) {
            let text = &word[range.start..range.end.min(end).max(range.start)];
            match quote {
                _ if range.start >= end => {}
                None => shown.push_str(text),
                Some(quote) => shown.push_str(&self.quoted(quote, text, is_script).0),
            }
        }
        if end < word.len() {
            shown.push_str(MASK);
        }
        (shown, value.is_some())
    }

    /// What is in quotes, masked as a text of its own.
    fn quoted(&mut self, quote: char, text: &str, is_script: bool) -> (String, bool) {
        let inner = pieces::unescape(quote, text);
        let (masked, has_value) = self.text(&inner, is_script);
        let shown = if masked == inner {
            text.to_owned()
        } else {
            pieces::escape(quote, &masked)
        };
        (format!("{quote}{shown}{quote}"), has_value)
    }

    /// What a word says of the next one.
    fn note(&mut self, word: &str) {
        self.short = Short::of(word).or(self.short);
        let is_short = self.short.is_some_and(|short| short.is_one(word));
        self.is_secret = is_short || names::is_secret_option(word);
        self.is_script = self.is_shell && takes_script(word);
        if !word.starts_with('-') && word != "pipefail" {
            self.is_shell = names::is_shell(word);
        }
    }
}

/// Whether this is an option by which a shell is given a script: `-c`, `-lc`.
fn takes_script(word: &str) -> bool {
    let letters = word.strip_prefix('-').unwrap_or_default();
    letters.ends_with('c') && letters.bytes().all(|letter| letter.is_ascii_alphabetic())
}

/// Whether a text says by this word that the next one is a secret: `password x`, `password = x`,
/// `password: x`; but not the empty variable of `A= program`.
fn is_before_secret(word: &str) -> bool {
    let bare = word.trim_matches(['"', '\'']);
    let is_sign = bare.contains('=') && bare.chars().all(|c| "=!<>:+".contains(c));
    let named = bare.strip_suffix(':').is_some_and(names::ends_in_secret);
    is_sign || named || names::is_bare(bare)
}

/// Where the value in a word begins: outside of quotes, after `=`, or after the name of a secret and a colon.
fn value(word: &str, parts: &[Part]) -> Option<usize> {
    let plain = parts.iter().filter(|part| part.quote.is_none());
    let mut signs = plain.flat_map(|part| {
        let text = &word[part.range.clone()];
        let signs = text.match_indices(['=', ':']);
        signs.map(|(at, sign)| (part.range.start + at, sign))
    });
    let (at, _) = signs.find(|(at, sign)| *sign == "=" || names::ends_in_secret(&word[..*at]))?;
    // `==`
    Some(word.len() - word[at + 1..].trim_start_matches('=').len())
}

/// `scheme://user:***@host`, and where a value begins in it.
fn without_credentials(word: &str) -> (String, Option<usize>) {
    let parts = pieces::parts(word);
    let value = value(word, &parts);
    let Some(Range { start, end }) = credentials(word, &parts) else {
        return (word.to_owned(), value);
    };
    match value {
        // The `@` may be one of the value.
        Some(at) if at <= end => (word.to_owned(), Some(at.min(start))),
        _ => {
            let shown = format!("{}{MASK}{}", &word[..start], &word[end..]);
            let from_end = value.map(|at| word.len() - at);
            let value = from_end.map(|from_end| shown.len() - from_end);
            (shown, value)
        }
    }
}

/// Up to the last `@`: passwords are put in without escaping them.
fn credentials(word: &str, parts: &[Part]) -> Option<Range<usize>> {
    let is_plain = |at: usize| {
        let mut plain = parts.iter().filter(|part| part.quote.is_none());
        plain.any(|part| part.range.contains(&at))
    };
    let end = word.rfind('@').filter(|at| is_plain(*at))?;
    let scheme = word[..end].find("://").filter(|at| is_plain(*at));
    let begin = scheme.map_or(0, |at| at + 3);
    let user = &word[begin..end];
    let secret = match user.find(':') {
        Some(colon) if is_plain(begin + colon) => begin + colon + 1,
        // A token in place of the user, which Git takes; but no `https://host/@scope`.
        None if scheme.is_some_and(|at| is_web(&word[..at])) && !user.ends_with('/') => begin,
        _ => return None,
    };
    (secret < end).then_some(secret..end)
}

fn is_web(scheme: &str) -> bool {
    scheme.ends_with("http") || scheme.ends_with("https")
}
