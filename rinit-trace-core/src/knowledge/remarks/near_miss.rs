//! `near-miss`

use crate::knowledge::{
    Article, Close, Look,
    causes::grace_exceeded::{END_SOONER, MORE_TIME},
};

/// What is known.
pub const ARTICLE: Article = Article {
    line: "over 80 % of the configured grace period was used, without a SIGKILL",
    what: "The stop was over just before the runtime would have sent SIGKILL. A slower machine, or one connection more, and it is grace-exceeded.",
    kernel: &[],
    see: &[
        Look {
            run: "time docker stop web",
            shows: "how long it takes",
        },
        Look {
            run: "docker inspect -f '{{.Config.StopTimeout}}' web",
            shows: "the configured grace period in seconds; <nil> means 10",
        },
    ],
    shown_by: &[
        ("stop.grace_used_ms", "over 80 % of stop.grace_ms"),
        ("stop.kill", "null"),
    ],
    fixes: &[&END_SOONER, &MORE_TIME],
    limits: &[
        "It is never certain: `docker stop -t`, and the kubelet, may have used another grace period than the configured one.",
        "A stop that took longer than the configured grace period, and was not killed, had another one: nothing is said of it.",
    ],
    close: Some(Close {
        scenario: "slow-shutdown",
        why: "too slow, and killed: grace-exceeded.",
    }),
};
