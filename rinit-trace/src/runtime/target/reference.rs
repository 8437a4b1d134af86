//! The words of `--container`.

use std::fmt;

use super::{TargetError, pod::PodReference};

/// Longest reference taken: Docker's names end before, and a pod's of 253, its namespace's and its
/// container's of 63 with two slashes fit.
const MAX_LEN: usize = 381;

/// What the user's text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference<'a> {
    /// `pid:N`
    Process(u32),
    /// `pidns:INUM`
    Namespace(u32),
    /// `POD/CONTAINER`, `NAMESPACE/POD/CONTAINER`
    Pod(PodReference<'a>),
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
            Self::Name => {
                "names are made of letters, digits, `_`, `.` and `-`, with a slash between those of a \
                 namespace, a pod and a container"
            }
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
    if name.is_empty() {
        return Err(bad(Syntax::Empty));
    }
    let parts: Vec<&str> = name.split('/').collect();
    if name.len() > MAX_LEN || !parts.iter().all(|part| is_plain(part)) {
        return Err(bad(Syntax::Name));
    }
    match parts.as_slice() {
        [name] => Ok(Reference::Container(name)),
        [pod, container] => Ok(Reference::Pod(PodReference {
            namespace: None,
            pod,
            container,
        })),
        [namespace, pod, container] => Ok(Reference::Pod(PodReference {
            namespace: Some(namespace),
            pod,
            container,
        })),
        _ => Err(bad(Syntax::Name)),
    }
}

/// What Docker and Kubernetes take for a name.
fn is_plain(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

fn parse_number(text: &str) -> Option<u32> {
    // `parse` would take a plus sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number > 0)
}
