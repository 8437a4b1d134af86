//! `wrong-stop-signal`

use super::MASKS;
use crate::knowledge::{Article, Close, Diff, Fix, Look, kernel};

/// The signal that it handles.
pub const SET_STOPSIGNAL: Fix = Fix::new(
    "set STOPSIGNAL {other} in the Dockerfile (docker run --stop-signal {other}), if that ends the program",
    &[
        Diff {
            file: "Dockerfile",
            lines: &["+STOPSIGNAL SIGQUIT", " CMD [\"./server\"]"],
        },
        Diff {
            file: "compose.yaml",
            lines: &["   web:", "     image: shop", "+    stop_signal: SIGQUIT"],
        },
    ],
);

/// The other way round.
pub const OR_HANDLER: Fix = Fix::new("or install a handler for {signal}", &[]);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "PID 1 handles another usual stop signal, and not this one",
    what: "The runtime sent a signal that PID 1 has no handler for, and PID 1 handles another one by which programs are asked to end: SIGQUIT (nginx, php-fpm), SIGWINCH (Apache httpd), SIGRTMIN+3 (systemd), SIGINT. Or PID 1 is systemd, to which SIGTERM means to execute itself again.",
    kernel: &[kernel::UNKILLABLE],
    see: &[
        MASKS,
        Look {
            run: "docker inspect -f '{{.Config.StopSignal}}' web",
            shows: "the signal that `docker stop` sends; empty means SIGTERM",
        },
    ],
    shown_by: &[
        ("stop.signal", "the signal that was sent"),
        ("stop.result", "ignored"),
        ("cause.summary", "which other signal PID 1 handles"),
    ],
    fixes: &[&SET_STOPSIGNAL, &OR_HANDLER],
    limits: &[
        "It is likely, not certain, except for systemd: what the handler of the other signal does is not seen.",
        "A handler for SIGINT says nothing of shells, python and ruby, which catch it on their own, nor one for SIGWINCH of shells and node, which watch their terminal.",
    ],
    close: Some(Close {
        scenario: "python-alone",
        why: "python handles SIGINT as well, but does so whatever the program in it does: init-no-handler.",
    }),
};
