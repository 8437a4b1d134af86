//! The inits that people use.

use std::time::Duration;

use super::{AMPLE, DockerForm, Group, Program, SHORT, Scenario, Stop};

const TINI_ALONE: &[&str] = &["tini", "--"];
const TINI_GROUP: &[&str] = &["tini", "-s", "-g", "--"];
const DUMB_INIT: &[&str] = &["dumb-init", "--"];

/// The child ends on SIGTERM, and its own child has a handler.
const APP_OVER_SERVER: &[&str] = &["app:handles=0", "server:handles=100"];
/// Nobody has a handler.
const FORKER: &[&str] = &["forker", "worker", "worker"];

pub(super) const TINI: Group = Group {
    title: "tini",
    scenarios: &[
        Scenario {
            name: "tini-child-only",
            about: "tini signals its child alone; the grandchild, with a handler, is torn down",
            program: Program::Under(TINI_ALONE, APP_OVER_SERVER),
            ready: 2,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "tini-group",
            about: "tini -g signals the group; nobody in it has a handler, so all end at once",
            program: Program::Under(TINI_GROUP, FORKER),
            ready: 3,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "tini-slow-handlers",
            about: "tini -g reaches all, and leaves with its child while the others clean up for a second",
            program: Program::Under(
                TINI_GROUP,
                &[
                    "parent:handles=0,waits-for-taken=2",
                    "child:handles=1000,says-taken>grandchild:handles=1000,says-taken",
                ],
            ),
            ready: 3,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "tini-deaf-child",
            about: "tini passes SIGTERM to a child that ignores it, and waits",
            program: Program::Under(TINI_ALONE, &["deaf:ignores"]),
            ready: 1,
            stop: SHORT,
            docker: None,
        },
        Scenario {
            name: "tini-app-oom",
            about: "the one app under tini is killed by the OOM killer: tini exits with a code, nobody else is left",
            program: Program::UnderWithLimit(TINI_ALONE, &["app:eats=CGROUP"]),
            ready: 1,
            stop: Stop::ByItself,
            docker: None,
        },
        Scenario {
            name: "tini-app-killed",
            about: "the one app under tini SIGKILLs itself: tini exits with a code, nobody else is left",
            program: Program::Under(TINI_ALONE, &["app:kills-itself"]),
            ready: 1,
            stop: Stop::ByItself,
            docker: None,
        },
        Scenario {
            name: "docker-init",
            about: "docker run --init is tini without -g: the grandchild is torn down",
            program: Program::Docker,
            ready: 2,
            stop: AMPLE,
            docker: Some(DockerForm {
                script: "echo -n app >/proc/$$/comm; \
                         sh -c 'echo -n server >/proc/$$/comm; trap \"exit 0\" TERM; sleep 600 & echo ready; wait' & \
                         trap 'exit 0' TERM; sleep 600 & echo ready; wait",
                ready: 2,
                init: true,
                grace: Duration::from_secs(10),
            }),
        },
    ],
};

pub(super) const OTHER_INITS: Group = Group {
    title: "dumb-init, catatonit",
    scenarios: &[
        Scenario {
            name: "dumb-init-race",
            about: "dumb-init leaves right after its child; whose handler takes milliseconds may be killed, or not",
            program: Program::Under(
                DUMB_INIT,
                &["forker:handles=2", "worker:handles=2", "worker:handles=2"],
            ),
            ready: 3,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "dumb-init-default",
            about: "dumb-init signals the group; nobody in it has a handler, so all end at once",
            program: Program::Under(DUMB_INIT, FORKER),
            ready: 3,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "catatonit",
            about: "catatonit signals its child alone; the grandchild, with a handler, is torn down",
            program: Program::Under(&["catatonit", "--"], APP_OVER_SERVER),
            ready: 2,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "catatonit-group",
            about: "catatonit -g signals the group; nobody in it has a handler, so all end at once",
            program: Program::Under(&["catatonit", "-g", "--"], FORKER),
            ready: 3,
            stop: AMPLE,
            docker: None,
        },
    ],
};
