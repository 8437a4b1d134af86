//! How processes ended as their parents are told it, where that differs from what the process connector tells.

use rinit_trace_tests::{Report, is_at_least};

use crate::{connector::ThreadExit, drive::Ran, times::Who};

/// Before 5.16 a process of one thread that is SIGKILLed while it exits has ended by that for its parent
/// (kernel/exit.c `wait_task_zombie()`: its group has an exit code now, and before it had none), and by its own code for
/// the process connector. The same stop with those ends that may have been so, and that the report tells so.
pub(crate) fn as_parents_are_told(ran: &Ran, report: &Report) -> Option<Ran> {
    if is_at_least(5, 16) {
        return None;
    }
    let mut other = ran.clone();
    let mut is_other = false;
    for who in ran.everybody() {
        let pid = exits(&mut other, who)[0].tid;
        let is_told_killed = report
            .processes()
            .iter()
            .any(|process| process["pid"] == pid && process["exit"]["signal"] == "SIGKILL");
        let may_be_killed =
            ran.signal_of(who).is_none() && ran.killed_after(who) < ran.ended_by(who);
        if let ([end], true) = (exits(&mut other, who), is_told_killed && may_be_killed) {
            end.status = libc::SIGKILL.unsigned_abs();
            is_other = true;
        }
    }
    is_other.then_some(other)
}

fn exits(ran: &mut Ran, who: Who) -> &mut [ThreadExit] {
    match who {
        None => &mut ran.init_exits,
        Some(process) => &mut ran.exits[process],
    }
}
