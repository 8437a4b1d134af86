//! The id of a container in the name of its cgroup.

/// Length of a container id: SHA-256 as lower-case hex, the same in all four runtimes.
pub const ID_LEN: usize = 64;

/// Splits the name of a cgroup, `docker-ID.scope`, `libpod-ID`, `x.slice:cri-containerd:ID` or `ID`,
/// into what is before the id and the id; `None` when it has none.
pub fn split_container_id(name: &str) -> Option<(&str, &str)> {
    let name = name.strip_suffix(".scope").unwrap_or(name);
    let (prefix, id) = name.split_at_checked(name.len().checked_sub(ID_LEN)?)?;
    let separated = prefix.is_empty() || prefix.ends_with(['-', ':']);
    // `crio-conmon-ID.scope` and `libpod-conmon-ID.scope` hold the monitor, not the container.
    let monitor = prefix.ends_with("conmon-");
    (is_container_id_prefix(id) && separated && !monitor).then_some((prefix, id))
}

/// Whether a text could be an id or the beginning of one.
pub fn is_container_id_prefix(text: &str) -> bool {
    (1..=ID_LEN).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
