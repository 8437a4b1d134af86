//! The texts of `/proc/PID`. Pure, and total on any bytes.

/// Most arguments that are kept; people read the first few.
const MAX_ARGUMENTS: usize = 64;

/// Longest value of a variable that is kept.
const MAX_VALUE: usize = 64;

/// What `/proc/PID/stat` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::runtime) struct Stat {
    pub(in crate::runtime) comm: String,
    pub(in crate::runtime) ppid: u32,
    pub(super) start_ticks: u64,
    state: u8,
    threads: u64,
}

impl Stat {
    /// A zombie waits for its parent only. One with more threads is a process whose first thread
    /// has left (`pthread_exit` in main) and which runs on.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x') && self.threads <= 1
    }
}

/// `pid (comm) state ppid …`: comm may contain blanks and parentheses, so that only its last
/// closing one counts.
pub(super) fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    let open = bytes.iter().position(|byte| *byte == b'(')?;
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let comm = String::from_utf8_lossy(bytes.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(bytes.get(close + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // proc(5) counts from 1, and field 3 is the first after comm.
    let field = |number: usize| fields.get(number - 3).copied();
    Some(Stat {
        comm,
        state: *field(3)?.as_bytes().first()?,
        ppid: field(4)?.parse().ok()?,
        threads: field(20)?.parse().ok()?,
        start_ticks: field(22)?.parse().ok()?,
    })
}

/// `NSpid:\t4711\t1`: the ids of a line of `/proc/PID/status`, outermost namespace first.
pub(super) fn parse_ns_ids(status: &[u8], field: &str) -> Option<Vec<u32>> {
    let line = status
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(field.as_bytes()))?;
    let ids = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    ids.map(|id| id.parse().ok()).collect()
}

/// `pid:[4026532281]`
pub(super) fn parse_namespace(link: &[u8]) -> Option<u32> {
    let number = link.strip_prefix(b"pid:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// Arguments end in NUL each; what a process wrote over its own need not.
pub(super) fn parse_arguments(bytes: &[u8], limit: usize) -> Vec<String> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    // A byte that is no UTF-8 becomes three: the limit holds for what is kept.
    let mut left = limit;
    let mut arguments = Vec::new();
    for bytes in bytes.split(|byte| *byte == 0).take(MAX_ARGUMENTS) {
        let mut argument = String::from_utf8_lossy(bytes).into_owned();
        argument.truncate(argument.floor_char_boundary(left));
        left -= argument.len();
        arguments.push(argument);
        if left == 0 {
            break;
        }
    }
    arguments
}

/// Of `NAME=value` texts that end in NUL each, the wanted ones. An environment holds passwords:
/// nothing else of it is kept.
pub(super) fn parse_environment(bytes: &[u8], wanted: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for variable in bytes.split(|byte| *byte == 0) {
        let Some(equals) = variable.iter().position(|byte| *byte == b'=') else {
            continue;
        };
        let (name, value) = (&variable[..equals], &variable[equals + 1..]);
        let Some(name) = wanted.iter().find(|wanted| wanted.as_bytes() == name) else {
            continue;
        };
        // `getenv` takes the first.
        if found.iter().all(|(known, _)| known != name) {
            let value = String::from_utf8_lossy(&value[..value.len().min(MAX_VALUE)]);
            found.push(((*name).to_owned(), value.into_owned()));
        }
    }
    found
}
