//! Who or what killed a process, by its SIGKILL.

use super::begin::is_inside;
use crate::model::{KilledBy, Origin, SignalEvent};

/// `is_runtime`: whether a sender from outside is the workload's runtime.
pub(super) fn killed_by(kill: &SignalEvent, is_runtime: bool) -> KilledBy {
    match kill.origin() {
        Origin::PidnsTeardown => KilledBy::PidnsTeardown,
        Origin::CgroupKill => KilledBy::CgroupKill,
        Origin::Oom => KilledBy::Oom,
        Origin::ParentDeath => KilledBy::ParentDeath,
        Origin::Ptrace => KilledBy::Tracer,
        // The sender of a timer's signal is whatever the interrupt hit.
        Origin::Kernel | Origin::Timer | Origin::Terminal => KilledBy::Kernel,
        Origin::User | Origin::Thread if kill.sender.key == kill.target.key => KilledBy::Itself,
        Origin::User | Origin::Thread if is_inside(&kill.sender, &kill.target) => KilledBy::Peer,
        Origin::User | Origin::Thread if is_runtime => KilledBy::Runtime,
        Origin::User | Origin::Thread => KilledBy::External,
    }
}
