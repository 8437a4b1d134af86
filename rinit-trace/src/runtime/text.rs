//! Text from containers, made fit for a message.

use crate::escape::visible;

/// Longest piece of foreign text in a message: a full container id and a bit.
const MAX_SHOWN: usize = 80;

/// One line without control characters, however hostile; cut when long.
pub(super) fn escaped(text: &str) -> String {
    let mut shown = visible(text.chars().take(MAX_SHOWN));
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The beginning of at most so many bytes.
pub(super) fn bounded(text: &str, limit: usize) -> String {
    text[..text.floor_char_boundary(limit)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_one_short_line() {
        assert_eq!(escaped("a\n\u{1b}[31mé"), "a\\n\\u{1b}[31mé");
        assert_eq!(escaped(&"x".repeat(500)).chars().count(), MAX_SHOWN + 1);
        assert_eq!(bounded("aé", 2), "a");
    }
}
