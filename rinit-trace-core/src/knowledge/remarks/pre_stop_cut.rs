//! `pre-stop-cut`

use crate::knowledge::{
    Article, Close, Diff, Fix, Look, causes::grace_exceeded::MORE_TIME, kernel,
};

/// The cure.
pub const SHORTER_HOOK: Fix = Fix::new(
    "let the preStop hook end well within the grace period, which begins with it: give what it waits for a limit of its own",
    &[Diff {
        file: "pod.yaml",
        lines: &[
            "   lifecycle:",
            "     preStop:",
            "       exec:",
            "-        command: [\"/drain.sh\"]",
            "+        command: [\"timeout\", \"20\", \"/drain.sh\"]",
        ],
    }],
);

/// What is known.
pub const ARTICLE: Article = Article {
    line: "the preStop hook took all of the grace period and was killed",
    what: "The kubelet runs a preStop hook in the container before its stop, and the grace period begins with it. When that is over the kubelet waits for the hook no longer, does not end it either, and has the container stopped with 2 s left. The hook dies with the container: whatever it was to do was not done, and the program had 2 s.",
    kernel: &[kernel::TEARDOWN],
    see: &[
        Look {
            run: "kubectl get events --field-selector reason=FailedPreStopHook",
            shows: "PreStopHook failed: what the kubelet tells of a hook that did not end by itself",
        },
        Look {
            run: "kubectl get pod web -o jsonpath='{.spec.containers[*].lifecycle.preStop}'",
            shows: "the hook; what it runs has to end within terminationGracePeriodSeconds",
        },
    ],
    shown_by: &[
        ("processes[].role", "exec"),
        (
            "processes[].outcome",
            "killed-unsignalled, or another killed-…",
        ),
        ("stop.grace_source", "pod"),
    ],
    fixes: &[&SHORTER_HOOK, &MORE_TIME],
    limits: &[
        "It is never certain: the host sees a session that was begun in the container, and not what asked for it. It is taken for the hook where a hook is configured and it had begun a whole grace period before the stop signal.",
        "A hook that was cut after another period (`kubectl delete --grace-period`, a sidecar that is stopped late) is not recognised, nor is one whose container ended by itself meanwhile.",
        "That a hook is configured, and the grace period, are known from the runtime's CRI socket alone.",
        "Hooks that are no exec (httpGet, sleep) run in the kubelet.",
    ],
    close: Some(Close {
        scenario: "exec-session",
        why: "a session is killed with its container there as well, and no preStop hook is configured.",
    }),
};
