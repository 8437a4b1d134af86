//! Causes: one file each, with what to change about it.

pub mod cgroup_killed;
pub mod forwarded_to_child_only;
pub mod grace_exceeded;
pub mod group_escape;
pub mod init_exited;
pub mod init_exited_early;
pub mod init_ignores_signal;
pub mod init_no_handler;
pub mod killed_inside;
pub mod killed_outside;
pub mod main_child_exited;
pub mod no_stop_signal;
pub mod not_forwarded;
pub mod oom;
pub mod pidns_owner_exited;
pub mod signal_blocked;
pub mod startup_window;
pub mod traced;
pub mod unexplained;
pub mod wrong_stop_signal;

use super::{Fix, Look};

/// Of causes where PID 1 leaves before the others.
pub const INIT_THAT_WAITS: Fix = Fix::new(
    "or run with an init that leaves only when no child is left",
    &[],
);

/// Of causes where PID 1 took the stop signal and crashed.
pub const WHY_PID_1_CRASHED: Fix = Fix::new(
    "find out why PID 1 died by {signal} before it was done",
    &[],
);

/// The masks of a container's PID 1.
const MASKS: Look = Look {
    run: "grep -E '^Sig(Blk|Ign|Cgt)' /proc/$(docker inspect -f '{{.State.Pid}}' web)/status",
    shows: "masks of PID 1: blocked, ignored, handled; SIGTERM is bit 0x4000, SIGINT 0x2, SIGQUIT 0x4",
};

/// Who is in which group.
const TREE: Look = Look {
    run: "docker top web -o pid,ppid,pgid,sid,comm",
    shows: "parents, process groups and sessions, in the numbering of the host",
};

/// Signals that Docker sent.
const EVENTS: Look = Look {
    run: "docker events --since 10m --until 0s --filter container=web --filter event=kill --filter event=die",
    shows: "the signals that Docker sent by number (15, then 9 when the grace period was over), and the exit code",
};
