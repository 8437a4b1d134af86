//! Whom an init takes for its workload: a main child, and its process group.

use super::{AMPLE, Group, Program, Scenario, Stop};

const TINI_ALONE: &[&str] = &["tini", "--"];
const TINI_GROUP: &[&str] = &["tini", "-s", "-g", "--"];
const DUMB_INIT: &[&str] = &["dumb-init", "--"];

const UPGRADE: &[&str] = &["old-server", "new-server:handles=1000,kills-parent"];
const ESCAPES_AND_STAYER: &[&str] = &[
    "app:handles=0",
    "stayer",
    "new-session:handles=100,own-session",
    "new-group:handles=100,own-group",
];

pub(super) const MAIN_CHILD: Group = Group {
    title: "the main child ends, and nobody was asked to",
    scenarios: &[
        Scenario {
            name: "hot-upgrade",
            about: "a server is replaced by its successor, which kills it: dumb-init leaves, and takes the successor along",
            program: Program::Under(DUMB_INIT, UPGRADE),
            ready: 2,
            stop: Stop::ByItself,
            docker: None,
        },
        Scenario {
            name: "hot-upgrade-default",
            about: "the same with a successor that has no handler: dumb-init's parting SIGTERM ends it",
            program: Program::Under(DUMB_INIT, &["old-server", "new-server:kills-parent"]),
            ready: 2,
            stop: Stop::ByItself,
            docker: None,
        },
        Scenario {
            name: "hot-upgrade-tini",
            about: "the same under tini, which says nothing when it leaves",
            program: Program::Under(TINI_ALONE, UPGRADE),
            ready: 2,
            stop: Stop::ByItself,
            docker: None,
        },
    ],
};

pub(super) const ESCAPES: Group = Group {
    title: "outside the process group",
    scenarios: &[
        Scenario {
            name: "group-escape-tini",
            about: "tini -g signals the group, which one member has left by setsid and one by setpgid",
            program: Program::Under(TINI_GROUP, ESCAPES_AND_STAYER),
            ready: 4,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "group-escape-dumb-init",
            about: "the same under dumb-init",
            program: Program::Under(DUMB_INIT, ESCAPES_AND_STAYER),
            ready: 4,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "group-escape-alone",
            about: "the same under tini -g, and nobody but the main child is left in the group",
            program: Program::Under(
                TINI_GROUP,
                &[
                    "app:handles=0",
                    "new-session:handles=100,own-session",
                    "new-group:handles=100,own-group",
                ],
            ),
            ready: 3,
            stop: AMPLE,
            docker: None,
        },
    ],
};
