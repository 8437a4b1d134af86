//! The program that makes containers, for containerd and for podman: another than runc when the tests are asked for it.

use std::{env, fs, path::PathBuf};

use crate::{needs::skip, program::find};

/// Its name in this variable; runc when there is none.
const VARIABLE: &str = "RINIT_TRACE_TEST_RUNTIME";
const USUAL: &str = "runc";
/// It refuses to run where version 1 of cgroups is mounted beside version 2.
const NEEDS_V2: &str = "crun";

/// Where the runtime is that the tests use. `None`, with the reason printed, where it cannot be used.
pub(crate) fn ready() -> Option<PathBuf> {
    let name = env::var(VARIABLE).unwrap_or_else(|_| USUAL.to_owned());
    let Some(program) = find(&name) else {
        skip(&format!(
            "needs {name}; `cargo xtask setup --tests` installs it"
        ));
        return None;
    };
    if name == NEEDS_V2 && !is_v2_alone() {
        skip("needs cgroup v2 alone for crun; `cargo xtask vm --guest containerd` has that");
        return None;
    }
    Some(program)
}

/// Whether there is no other hierarchy of cgroups than that of version 2.
fn is_v2_alone() -> bool {
    fs::exists("/sys/fs/cgroup/cgroup.controllers").unwrap()
}

/// How containerd makes the root of a container: of layers, or where the kernel cannot do that, of a copy.
pub(super) fn snapshotter() -> &'static str {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let has_overlay = known.lines().any(|line| line.ends_with("\toverlay"));
    if has_overlay { "overlayfs" } else { "native" }
}
