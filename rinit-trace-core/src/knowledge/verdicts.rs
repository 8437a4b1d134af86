//! What was observed.

use super::{Article, Look, kernel};

pub(super) const GRACEFUL: Article = Article {
    line: "nobody ended by SIGKILL",
    what: "No process of the container, exec sessions apart, ended by SIGKILL. Exit codes play no part: a program that fails in its shutdown is still let finish it.",
    see: &[Look {
        run: "docker inspect -f '{{.State.ExitCode}}' web",
        shows: "the exit code of PID 1 alone; other processes may have been killed although it is 0",
    }],
    shown_by: &[
        ("verdict", "graceful"),
        (
            "processes[].outcome",
            "exited or terminated for everybody of role init or member",
        ),
    ],
    limits: &[
        "Processes of an exec session (docker exec, exec probes) that are killed are listed and do not make a stop forced.",
        "A workload that ends by itself, with nobody killed, is graceful as well (trigger init-exit).",
    ],
    ..Article::NONE
};

pub(super) const FORCED: Article = Article {
    line: "somebody ended by SIGKILL",
    what: "At least one process of the container ended by SIGKILL, from whomever it came. The cause says why, lost_cleanup how much it hurt: how many had a handler for the stop signal, or waited for it, and were not let finish.",
    kernel: &[kernel::SIGKILL, kernel::TEARDOWN],
    see: &[
        Look {
            run: "docker inspect -f '{{.State.ExitCode}}' web",
            shows: "137 when PID 1 itself was killed; of others it says nothing: with an init, or a shell that traps, it is 0 or 143 while the server is killed",
        },
        Look {
            run: "time docker stop web",
            shows: "as long as the grace period (10 s) when PID 1 did not react",
        },
    ],
    shown_by: &[
        ("verdict", "forced"),
        (
            "processes[].outcome",
            "killed-… or oom-killed for at least one",
        ),
        ("cause.id", "why"),
    ],
    limits: &[
        "A design may want it: s6 ends its stop with SIGKILL to all, and that is forced as well (killed-inside).",
        "lost_cleanup counts handlers, not what they would have done. The Go runtime installs handlers for all signals, so Go programs always count.",
    ],
    ..Article::NONE
};

pub(super) const UNKNOWN: Article = Article {
    line: "neither can be said: records were lost, or the trace began too late",
    what: "A record of this container was lost, more happened in it than is kept of a stop, a process was still there when the report closed, or the trace began when the stop may have been under way. Whether a process was killed of which no record tells cannot be said, and is not guessed.",
    shown_by: &[
        ("verdict", "unknown"),
        ("observation.lost_records", "above 0 when records were lost"),
        (
            "observation.left_out",
            "above 0 when more signals and exits came than are kept",
        ),
        ("processes[].outcome", "alive for who was still there"),
    ],
    limits: &[
        "A workload that was there before the trace, and ends by itself within its grace period of the trace's begin (10 s where none is known), is unknown: its stop may have begun before.",
        "Losses are counted for each pid namespace: a loss of another container does not make this one unknown.",
    ],
    see: &[Look {
        run: "rinit-trace --ring-kib 16384",
        shows: "the same with a larger ring buffer, when records were lost",
    }],
    ..Article::NONE
};
