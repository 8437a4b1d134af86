//! Text of others in our messages.

/// On one line and without characters that have no shape of their own. An apostrophe stays one: it
/// stands in many a message, and never in quotes of ours.
pub(crate) fn visible(text: impl Iterator<Item = char>) -> String {
    let mut shown = String::new();
    for c in text {
        match c {
            '\'' => shown.push(c),
            c => shown.extend(c.escape_debug()),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_apostrophe_stays_and_the_rest_is_escaped() {
        let shown = visible("can't \\ \"a\" \n\u{1b}[2Jé".chars());
        assert_eq!(shown, r#"can't \\ \"a\" \n\u{1b}[2Jé"#);
    }
}
