//! How one process ended.

use super::{Article, Look, kernel};

const STATUS: Look = Look {
    run: "grep -E '^Sig(Blk|Ign|Cgt)|^ShdPnd' /proc/PID/status",
    shows: "while it lives: masks of blocked, ignored, handled and pending signals; SIGTERM is bit 0x4000",
};

pub(super) const EXITED: Article = Article {
    line: "ended by itself, whatever its code",
    what: "The process called exit, of its own will or in a handler. The code is in exit.code.",
    shown_by: &[("processes[].exit.code", "a number")],
    limits: &[
        "Many programs exit with 128 plus the signal's number when they were asked to end: 143 is an exit, too.",
    ],
    ..Article::NONE
};

pub(super) const TERMINATED: Article = Article {
    line: "died by the default action of a signal other than SIGKILL",
    what: "It had no handler, and the signal ended it: SIGTERM, or a crash such as SIGSEGV. Of a member that is a plain end; PID 1 does not die that way by a stop signal, whose default action does not apply to it.",
    shown_by: &[("processes[].exit.signal", "the signal, not SIGKILL")],
    ..Article::NONE
};

pub(super) const KILLED_UNSIGNALLED: Article = Article {
    line: "SIGKILLed, and no stop signal had ever been sent to it",
    what: "The first that it heard of the stop was SIGKILL, of which no process hears.",
    kernel: &[kernel::SIGKILL],
    shown_by: &[
        ("processes[].stop_signal.received", "0"),
        ("processes[].exit.signal", "SIGKILL"),
        ("processes[].killed_by", "who or what killed it"),
    ],
    limits: &["What was sent before the trace began was not seen."],
    ..Article::NONE
};

pub(super) const KILLED_IGNORING: Article = Article {
    line: "SIGKILLed after the stop signal was dropped for it",
    what: "It was sent the stop signal, and the kernel dropped it: PID 1 without a handler, or SIG_IGN.",
    kernel: &[kernel::UNKILLABLE, kernel::IGNORED, kernel::AT_DELIVERY],
    see: &[STATUS],
    shown_by: &[
        ("processes[].stop_signal.result", "ignored"),
        ("processes[].stop_signal.disposition", "default or ignored"),
    ],
    ..Article::NONE
};

pub(super) const KILLED_PENDING: Article = Article {
    line: "SIGKILLed with the stop signal queued and not taken",
    what: "The signal was in its queue when SIGKILL came: it blocks it, or did not come to run in between.",
    kernel: &[kernel::BLOCKED],
    see: &[STATUS],
    shown_by: &[
        ("processes[].stop_signal.taken", "false"),
        (
            "processes[].stop_signal.result",
            "delivered: queued, which does not mean taken",
        ),
    ],
    limits: &[
        "Where an init sends a parting SIGTERM and leaves (dumb-init), microseconds are between the two signals.",
    ],
    ..Article::NONE
};

pub(super) const KILLED_HANDLING: Article = Article {
    line: "SIGKILLed after it had taken the stop signal",
    what: "A handler, sigwait or a signalfd had taken the signal, and the process was still there when SIGKILL came.",
    shown_by: &[
        ("processes[].stop_signal.taken", "true"),
        ("lost_cleanup", "counts it"),
    ],
    limits: &[
        "That it took the signal is known from its queue: sent, and no longer pending. What it did with it is not seen.",
    ],
    ..Article::NONE
};

pub(super) const OOM_KILLED: Article = Article {
    line: "victim of the OOM killer",
    what: "The kernel had no memory left for the container's cgroup, or for the machine, and chose this process.",
    kernel: &[kernel::OOM],
    see: &[Look {
        run: "journalctl -k | grep -i 'killed process'",
        shows: "the kernel's own line about each victim",
    }],
    shown_by: &[
        ("processes[].outcome", "oom-killed"),
        ("processes[].killed_by", "oom"),
    ],
    ..Article::NONE
};

pub(super) const ALIVE: Article = Article {
    line: "still there when the report closed",
    what: "It had not ended when 30 seconds had passed without any event: a frozen cgroup, or an uninterruptible wait (D state), in which not even SIGKILL is acted on.",
    see: &[
        Look {
            run: "grep State /proc/PID/status",
            shows: "D (disk sleep)",
        },
        Look {
            run: "cat /proc/PID/stack",
            shows: "where in the kernel it waits",
        },
    ],
    shown_by: &[
        ("processes[].exit", "null"),
        ("verdict", "unknown, unless somebody else was killed"),
    ],
    ..Article::NONE
};
