//! Every `unsafe` says why it is sound. Clippy checks that too, but not on the kernel side where its toolchain has none.

use super::Finding;
use super::source::{SourceFile, has_word};

/// Each unsafe block and impl has a comment `SAFETY: …` on the lines before its statement, or on its own line.
pub(super) fn every_unsafe_says_why(file: &SourceFile) -> Vec<Finding> {
    let lines: Vec<(&str, &str)> = file.text.lines().zip(file.code.lines()).collect();
    let mut findings = Vec::new();
    for (at, (_, code)) in lines.iter().enumerate() {
        if opens_unsafe(code) && !is_explained(&lines, at) {
            findings.push(Finding::new(
                file,
                at + 1,
                "unsafe without a reason; say `// SAFETY: …` right before it",
            ));
        }
    }
    findings
}

/// A block or an impl; an `unsafe fn` asks its caller, and `#[unsafe(…)]` is an attribute.
fn opens_unsafe(code: &str) -> bool {
    code.match_indices("unsafe").any(|(at, word)| {
        let after = code[at + word.len()..].trim_start();
        has_word(&code[at..], word) && (after.starts_with('{') || after.starts_with("impl"))
    })
}

fn is_explained(lines: &[(&str, &str)], at: usize) -> bool {
    let says = |index: usize| lines[index].0.contains("SAFETY:");
    if says(at) {
        return true;
    }
    for index in (0..at).rev() {
        let (text, code) = lines[index];
        let is_comment = code.trim().is_empty() && !text.trim().is_empty();
        if is_comment && says(index) {
            return true;
        }
        let code = code.trim();
        // The line before belongs to the same statement unless it ends one or opens a block.
        let ends_statement = code.ends_with([';', '{', '}']) || text.trim().is_empty();
        if !is_comment && !code.starts_with("#[") && ends_statement {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;
    use super::*;

    #[test]
    fn unexplained_unsafe_is_found() {
        let text = "fn f() {\n    // fast\n    let x =\n        unsafe { g() };\n}\nunsafe impl Send for X {}\n";
        let found = findings(every_unsafe_says_why, "a.rs", text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(
            found[0],
            "4: unsafe without a reason; say `// SAFETY: …` right before it"
        );
    }

    #[test]
    fn explained_unsafe_is_fine() {
        let text = "#[unsafe(no_mangle)]\nfn f() {\n    // SAFETY: g is pure,\n    // always.\n    let x =\n        \
                    unsafe { g() };\n    unsafe { h() } // SAFETY: as above\n}\n// SAFETY: no threads\n\
                    unsafe impl Send for X {}\nunsafe fn i() {}\n// unsafe { j() }\n";
        assert_eq!(
            findings(every_unsafe_says_why, "a.rs", text),
            Vec::<String>::new()
        );
    }
}
