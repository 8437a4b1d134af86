//! `opaque-sandbox`

use crate::knowledge::{Article, Fix, Look, kernel};

/// The cure.
pub const TRACE_INSIDE: Fix = Fix::new(
    "look at its stop under a runtime that shares the host's kernel (runc, crun), or trace inside of the virtual machine",
    &[],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "it runs under a kernel of its own: Kata Containers, gVisor",
    what: "The runtime of this container gives it a kernel of its own, in a virtual machine (Kata Containers) or as a program (gVisor). The processes that the host sees are what holds it; those of the container, their signals and their exits are inside. So the verdict is unknown, whatever became of what holds it.",
    kernel: &[kernel::SIGKILL],
    see: &[Look {
        run: "kubectl get pod web -o jsonpath='{.spec.runtimeClassName}'",
        shows: "the runtime class; `kubectl get runtimeclass` has its handler",
    }],
    shown_by: &[("findings[].pids", "what holds the container")],
    fixes: &[&TRACE_INSIDE],
    limits: &[
        "It is told by the runtime's shim, or by what conmon was told to run. A runtime with another name is not known, and one that Docker was told of is not either.",
    ],
    close: None,
};
