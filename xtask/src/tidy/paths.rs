//! The paths in code, with `use` trees spelled out: `use a::{b, c::{self, d}}` names `a::b`, `a::c`, `a::c::d`.

/// All paths of at least two parts in blanked code, each with the line of its last part.
pub(super) fn paths(code: &str) -> Vec<(usize, String)> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        at = path(&tokens, at, "", &mut found);
    }
    found.retain(|(_, path)| path.contains("::"));
    found
}

/// Whether the path is the module or in it.
pub(super) fn is_in(path: &str, module: &str) -> bool {
    path.strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Reads what starts at a token, a path or not, and says where to go on.
fn path(
    tokens: &[(usize, &str)],
    start: usize,
    prefix: &str,
    found: &mut Vec<(usize, String)>,
) -> usize {
    let mut name = prefix.to_owned();
    let mut at = start;
    while let Some(&(line, token)) = tokens.get(at) {
        let part = token == "*" || token.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if token == "{" && at > start {
            return group(tokens, at + 1, &name, found);
        }
        if !part {
            return at + 1;
        }
        if token != "self" || name.is_empty() {
            name = if name.is_empty() {
                token.to_owned()
            } else {
                format!("{name}::{token}")
            };
        }
        if tokens.get(at + 1).map(|(_, next)| *next) != Some("::") {
            found.push((line, name));
            return at + 1;
        }
        at += 2;
    }
    at
}

/// Reads the members of a group after its `{`.
fn group(
    tokens: &[(usize, &str)],
    start: usize,
    prefix: &str,
    found: &mut Vec<(usize, String)>,
) -> usize {
    let mut at = start;
    while let Some(&(_, token)) = tokens.get(at) {
        match token {
            "}" => return at + 1,
            "," => at += 1,
            // The new name is no path.
            "as" => at += 2,
            _ => at = path(tokens, at, prefix, found),
        }
    }
    at
}

/// Words, `::`, and single other characters, each with its line from 1.
fn tokens(code: &str) -> Vec<(usize, &str)> {
    let mut tokens = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            let length = match word {
                0 if rest.starts_with("::") => 2,
                0 => first.len_utf8(),
                length => length,
            };
            let (token, after) = rest.split_at(length);
            tokens.push((number, token));
            rest = after.trim_start();
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(code: &str) -> Vec<String> {
        paths(code)
            .into_iter()
            .map(|(line, path)| format!("{line} {path}"))
            .collect()
    }

    #[test]
    fn use_trees_are_spelled_out() {
        assert_eq!(
            all("use a::{b, c::{self, d as e},\n f::*};\nfn g() {}"),
            ["1 a::b", "1 a::c", "1 a::c::d", "2 a::f::*"]
        );
    }

    #[test]
    fn paths_in_expressions_are_found() {
        assert_eq!(
            all("let x = std::fs::read(y)?;\nlet z: &a::B = w;"),
            ["1 std::fs::read", "2 a::B"]
        );
        assert_eq!(
            all("match x { A::B => {} C::D { e } => {} }"),
            ["1 A::B", "1 C::D"]
        );
    }

    #[test]
    fn a_module_holds_its_members() {
        assert!(is_in("std::fs::read", "std::fs"));
        assert!(is_in("std::fs", "std::fs"));
        assert!(!is_in("std::fsx", "std::fs"));
    }
}
