//! One file per cause: what it sees, what it cannot know, the check.

pub(super) mod cgroup_killed;
pub(super) mod forwarded;
pub(super) mod forwarded_to_child_only;
pub(super) mod grace_exceeded;
pub(super) mod group_escape;
pub(super) mod init_exited;
pub(super) mod init_exited_early;
pub(super) mod init_ignores_signal;
pub(super) mod init_no_handler;
pub(super) mod killed_inside;
pub(super) mod killed_outside;
pub(super) mod main_child_exited;
pub(super) mod near_miss;
pub(super) mod no_stop_signal;
pub(super) mod not_forwarded;
pub(super) mod oom;
pub(super) mod opaque_sandbox;
pub(super) mod pidns_owner_exited;
pub(super) mod pre_stop_cut;
pub(super) mod signal_blocked;
pub(super) mod signalled_twice;
pub(super) mod startup_window;
pub(super) mod traced;
pub(super) mod unexplained;
pub(super) mod unreaped;
pub(super) mod wrong_stop_signal;
