//! The words of `--container`.

use std::fmt;

use super::TargetError;

/// Longest reference taken; Docker's names end before.
const MAX_LEN: usize = 255;

/// What the user's text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference<'a> {
    /// `pid:N`
    Process(u32),
    /// `pidns:INUM`
    Namespace(u32),
    /// A name without the leading slash, an id, or the beginning of one.
    Container(&'a str),
}

/// What is wrong with the user's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// Nothing was given.
    Empty,
    /// `pid:` without a pid.
    Pid,
    /// `pidns:` without an inode number.
    Namespace,
    /// Neither a name nor an id.
    Name,
}

impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Pid => "after pid: comes the id of a process, as in pid:4711",
            Self::Namespace => {
                "after pidns: comes the number of a pid namespace, as in pidns:4026532281"
            }
            Self::Name => "names are made of letters, digits, `_`, `.` and `-`",
        })
    }
}

/// Names cannot contain a colon, so the prefixes take nothing away from them.
pub(super) fn parse_reference(text: &str) -> Result<Reference<'_>, TargetError> {
    let bad = |why| TargetError::BadSyntax {
        text: text.to_owned(),
        why,
    };
    if let Some(pid) = text.strip_prefix("pid:") {
        return parse_number(pid)
            .map(Reference::Process)
            .ok_or_else(|| bad(Syntax::Pid));
    }
    if let Some(inum) = text.strip_prefix("pidns:") {
        let inum = parse_number(inum);
        return inum
            .map(Reference::Namespace)
            .ok_or_else(|| bad(Syntax::Namespace));
    }
    let name = text.strip_prefix('/').unwrap_or(text);
    let Some(first) = name.bytes().next() else {
        return Err(bad(Syntax::Empty));
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if name.len() > MAX_LEN || !first.is_ascii_alphanumeric() || !name.bytes().all(plain) {
        return Err(bad(Syntax::Name));
    }
    Ok(Reference::Container(name))
}

fn parse_number(text: &str) -> Option<u32> {
    // `parse` would take a plus sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number > 0)
}
