//! What the processes of a tree note down, each in a slot of a file that all have mapped: 64-bit words, zero while
//! there is nothing to say. Times are of `CLOCK_MONOTONIC`, in nanoseconds, as the process connector's are.
//!
//! Shared as source with the test that reads them.

/// A word of a process's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    HostPid,
    /// In the workload's pid namespace. Its numbers in namespaces within that are behind the notes: see [`number`].
    NsPid,
    /// Process group and session, in the numbering of the workload's namespace; one more than it, for both may be zero.
    Group,
    Session,
    /// It has set up what it is to do, and its children are there.
    Ready,
    /// When it first took a signal.
    Taken,
    /// Around what it does to others, and to itself.
    ForwardBegin,
    ForwardEnd,
    /// The process group that it passed the signal to, one more than it.
    ForwardGroup,
    KillBegin,
    KillEnd,
    HandleBegin,
    HandleEnd,
    ExecBegin,
    ExecEnd,
    /// It is about to exit.
    Exiting,
    /// It begins to take more memory than there is.
    EatBegin,
    /// Around many signals to one process.
    FloodBegin,
    FloodEnd,
    /// By who traces it: it is traced from now on,
    Seized,
    /// it has stopped, having taken a signal that asks to end,
    Stopped,
    /// its tracer from outside is about to exit.
    TracerLeaves,
}

/// Words of a slot.
pub(crate) const SLOT: usize = 32;

/// Most pid namespaces within the workload's that a process is in, one within another.
pub(crate) const DEEPEST: usize = 6;

/// In a slot, behind the notes.
const NUMBERS: usize = SLOT - DEEPEST;

/// Most processes of a tree.
pub(crate) const PROCESSES: usize = 32;

/// When the stop began: the word before the slots. The rest of that page is not used.
pub(crate) const GO: usize = 0;

/// Where the slots begin.
const SLOTS: usize = 512;

/// Words of the whole file.
pub(crate) const WORDS: usize = SLOTS + SLOT * PROCESSES;

/// Where a note of a process is.
pub(crate) fn place(process: usize, note: Note) -> usize {
    SLOTS + SLOT * process + note as usize
}

/// Where the number of a process is in the pid namespace that is so deep within the workload's, which is at 0.
pub(crate) fn number(process: usize, depth: usize) -> usize {
    match depth {
        0 => place(process, Note::NsPid),
        _ => SLOTS + SLOT * process + NUMBERS + depth - 1,
    }
}
