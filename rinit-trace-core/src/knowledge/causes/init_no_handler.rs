//! `init-no-handler`

use super::{EVENTS, MASKS};
use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// Of a shell: not to be PID 1.
pub const EXEC_FORM: Fix = Fix::new(
    "use the exec form of ENTRYPOINT, or `exec` the last command of the script",
    &[
        Diff {
            file: "Dockerfile",
            lines: &[
                "-ENTRYPOINT ./server --port 80",
                "+ENTRYPOINT [\"./server\", \"--port\", \"80\"]",
            ],
        },
        Diff {
            file: "entrypoint.sh",
            lines: &["-./server --port 80", "+exec ./server --port 80"],
        },
    ],
);

/// Of a shell: to pass the signal on.
pub const TRAP: Fix = Fix::new(
    "or `trap 'kill -TERM \"$child\"; wait \"$child\"' {trap}` in the script, with the command in the background and `wait`",
    &[Diff {
        file: "entrypoint.sh",
        lines: &[
            "-./server --port 80",
            "+./server --port 80 &",
            "+child=$!",
            "+trap 'kill -TERM \"$child\"; wait \"$child\"' TERM",
            "+wait \"$child\"",
        ],
    }],
);

/// Of a program.
pub const HANDLER: Fix = Fix::new("install a handler for {signal} in the program", &[]);

/// Where it helps.
pub const WITH_INIT: Fix = Fix::new(
    "or run with an init that forwards signals: docker run --init",
    &[
        Diff {
            file: "compose.yaml",
            lines: &["   web:", "     image: shop", "+    init: true"],
        },
        Diff {
            file: "Dockerfile",
            lines: &[
                "+RUN apt-get update && apt-get install -y --no-install-recommends tini",
                "-ENTRYPOINT [\"./server\"]",
                "+ENTRYPOINT [\"tini\", \"--\", \"./server\"]",
            ],
        },
    ],
);

/// Where it does not.
pub const INIT_ALONE_IS_NO_CURE: Fix = Fix::new(
    "docker run --init alone is no cure: the shell dies by {signal}, the init leaves with it, and {names} would be killed all the same",
    &[],
);

/// Of python.
pub const PYTHON_INT: Fix = Fix::new(
    "or set STOPSIGNAL SIGINT: python catches that on its own (KeyboardInterrupt)",
    &[Diff {
        file: "Dockerfile",
        lines: &[
            "+STOPSIGNAL SIGINT",
            " ENTRYPOINT [\"python3\", \"server.py\"]",
        ],
    }],
);

/// Not to be PID 1 at all.
pub const SHARED_NAMESPACE: Fix = Fix::general(
    "in Kubernetes, where the image cannot be changed: let the pod share one pid namespace; the program is not PID 1 then, and the default action of {signal} ends it",
    &[Diff {
        file: "pod.yaml",
        lines: &[" spec:", "+  shareProcessNamespace: true", "   containers:"],
    }],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "PID 1 had no handler, so the kernel dropped the stop signal",
    what: "PID 1 of a container is special: the default action of a signal does not apply to it. A program without a handler, which ends by SIGTERM anywhere else, does not even notice it as PID 1. The runtime waits until the grace period is over and sends SIGKILL; when PID 1 is gone the kernel kills the rest of the pid namespace. Shells, C programs, python and node have no SIGTERM handler unless the program installs one.",
    kernel: &[kernel::UNKILLABLE, kernel::AT_DELIVERY, kernel::TEARDOWN],
    see: &[
        MASKS,
        Look {
            run: "time docker stop web",
            shows: "the whole grace period, 10 s",
        },
        Look {
            run: "docker inspect -f '{{.State.ExitCode}}' web",
            shows: "137, which is 128 + 9 (SIGKILL)",
        },
        EVENTS,
    ],
    shown_by: &[
        ("stop.result", "ignored"),
        ("stop.taken", "false"),
        ("processes[0].stop_signal.disposition", "default"),
        ("processes[0].outcome", "killed-ignoring"),
    ],
    fixes: &[
        &EXEC_FORM,
        &TRAP,
        &HANDLER,
        &WITH_INIT,
        &INIT_ALONE_IS_NO_CURE,
        &PYTHON_INT,
        &SHARED_NAMESPACE,
    ],
    limits: &[
        "It is likely, not certain, when PID 1 outlived the signal and ended by itself later: why it ended then is not known.",
        "A PID 1 under 10 s old may still have been starting: startup-window (likely) follows as a finding then.",
        "Which signal the runtime means is read from Docker. Where it is not known (CRI), SIGTERM is taken for it.",
    ],
    close: Some(Close {
        scenario: "shell-trap",
        why: "the same shell with a trap, and the command in the background: it takes the signal, and the stop is graceful.",
    }),
};
