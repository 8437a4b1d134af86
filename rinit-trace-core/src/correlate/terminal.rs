//! Signals of a terminal: ^C, a hang-up. Nobody asks a container to stop by them, and yet its init may
//! end by one.

use std::time::Duration;

use super::{begin::init_kind_of, episode::SKEW, workload::Workload};
use crate::model::{BootTime, InitKind, Origin, SendResult, Signal, SignalEvent, Unlinked};

/// An init that ends later than this after a terminal's signal ends for another reason: at a prompt
/// ^C is usual, and means something else.
const SOON: Duration = Duration::from_secs(10);

/// Whether a terminal's signal may make an init end: not one that it drops, nor a change of the
/// window's size or a stop, even where the image has that as its stop signal.
pub(super) fn may_end(event: &SignalEvent) -> bool {
    let is_meant = |signal| matches!(signal, Signal::INT | Signal::QUIT | Signal::HUP);
    event.signal.is_some_and(is_meant) && event.result != SendResult::Ignored
}

pub(super) fn is_of_terminal(event: &SignalEvent) -> bool {
    event.origin() == Origin::Terminal
}

/// The terminal's signal that an init ended by which nobody asked or killed, and when the terminal
/// sent it to the first of the foreground process group.
pub(super) fn begin<'a>(
    workload: &Workload,
    of_terminal: &[&'a SignalEvent],
    end: BootTime,
) -> Option<(&'a SignalEvent, BootTime)> {
    let first = of_terminal.iter().copied().find(|event| {
        // A shell lives on after ^C, and ends with its terminal.
        let is_shell = init_kind_of(workload, &event.target) == InitKind::Shell;
        let may_end_it = !is_shell || event.signal == Some(Signal::HUP);
        may_end_it && end.since(event.at) <= SOON
    })?;
    let signals = workload.episode.signals.iter();
    let same_burst = signals.filter(|event| {
        is_of_terminal(event)
            && event.signal == first.signal
            && event.sender.tid == first.sender.tid
            && event.at <= first.at
            && first.at.since(event.at) <= SKEW
    });
    let at = same_burst.map(|event| event.at).min();
    Some((first, at.unwrap_or(first.at)))
}

/// The last of a terminal's signals that may have ended an init, and is not known to have: the trap of
/// a script may end a shell by ^C.
pub(super) fn unlinked(
    of_terminal: &[&SignalEvent],
    kill: Option<&SignalEvent>,
    end: BootTime,
) -> Option<Unlinked> {
    let last = of_terminal.last().filter(|_| kill.is_none())?;
    let age = end.since(last.at);
    (age <= SOON).then_some(Unlinked {
        signal: last.signal?,
        age,
    })
}
