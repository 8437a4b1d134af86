//! Files stay small enough to be read at once.

use super::{Finding, source::SourceFile};

/// Tests included.
const MOST_LINES: usize = 450;

/// Rust files have at most 450 lines.
pub(super) fn lines(file: &SourceFile) -> Vec<Finding> {
    let count = file.text.lines().count();
    if !file.is_rust() || count <= MOST_LINES {
        return Vec::new();
    }
    let text =
        format!("{count} lines, more than {MOST_LINES}; split the file by what its parts are for");
    vec![Finding::new(file, MOST_LINES + 1, text)]
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;
    use super::*;

    #[test]
    fn long_files_are_found() {
        assert!(findings(lines, "a.rs", &"\n".repeat(450)).is_empty());
        assert!(findings(lines, "a.md", &"\n".repeat(451)).is_empty());
        let found = findings(lines, "a.rs", &"\n".repeat(451));
        assert_eq!(
            found,
            ["451: 451 lines, more than 450; split the file by what its parts are for"]
        );
    }
}
