//! SIGKILL comes from elsewhere, or to no end; several stops at a time.

use std::time::Duration;

use super::{AMPLE, DockerForm, Group, Program, Scenario, Session, Stop, Supervisor};

const SECONDS: Duration = Duration::from_secs(10);

/// PID 1 exits on SIGTERM at once, and its child has a handler.
const EXITS_OVER_SERVER: &[&str] = &["app:handles=0", "server:handles=100"];
/// The same in a container.
const CONTAINER: DockerForm = DockerForm {
    script: "echo -n app >/proc/$$/comm; \
             sh -c 'echo -n server >/proc/$$/comm; trap \"exit 0\" TERM; sleep 600 & echo ready; wait' & \
             trap 'exit 0' TERM; echo ready; wait",
    ready: 2,
    init: false,
    grace: SECONDS,
};

pub(super) const AT_ONCE: Group = Group {
    title: "SIGKILL at once",
    scenarios: &[
        Scenario {
            name: "kill-at-once",
            about: "SIGKILL without a stop signal before: nobody gets to use a handler",
            program: Program::Own(EXITS_OVER_SERVER),
            ready: 2,
            stop: Stop::Kill,
            docker: None,
        },
        Scenario {
            name: "docker-kill",
            about: "the same by `docker kill`",
            program: Program::Docker,
            ready: 2,
            stop: Stop::Kill,
            docker: Some(CONTAINER),
        },
        Scenario {
            name: "docker-rm-force",
            about: "the same by `docker rm -f`",
            program: Program::Docker,
            ready: 2,
            stop: Stop::Remove,
            docker: Some(CONTAINER),
        },
    ],
};

pub(super) const OUT_OF_MEMORY: Group = Group {
    title: "out of memory",
    scenarios: &[
        Scenario {
            name: "oom-init",
            about: "PID 1 is killed by the OOM killer, and its child is torn down",
            program: Program::OwnWithLimit(&["app:handles=0,eats=CGROUP", "server:handles=100"]),
            ready: 2,
            stop: Stop::ByItself,
            docker: None,
        },
        Scenario {
            name: "oom-sharers",
            about: "the same where another process has the memory of PID 1 for its own: both are killed",
            program: Program::OwnWithLimit(&["app:eats-shared=CGROUP"]),
            ready: 1,
            stop: Stop::ByItself,
            docker: None,
        },
        Scenario {
            name: "oom-child",
            about: "a child is killed by the OOM killer, PID 1 lives on, and is stopped later: that stop is graceful",
            program: Program::OwnWithLimit(&[
                "app:handles=0,outlives-children",
                "worker:eats=CGROUP",
            ]),
            ready: 1,
            stop: Stop::ToldFirst(SECONDS),
            docker: None,
        },
    ],
};

pub(super) const SUPERVISORS: Group = Group {
    title: "supervisors",
    scenarios: &[
        Scenario {
            name: "s6-timeout",
            about: "s6-svscan has a service that ignores SIGTERM: its supervisor sends SIGKILL after half a second (timeout-kill)",
            program: Program::Supervisor(Supervisor::S6, "service:ignores"),
            ready: 1,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "s6-in-time",
            about: "the same with a service that ends on SIGTERM: s6-svscan waits for it",
            program: Program::Supervisor(Supervisor::S6, "service:handles=100"),
            ready: 1,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "runsvdir",
            about: "runsvdir exits on SIGTERM and tells nobody: its supervisor and the service are torn down",
            program: Program::Supervisor(Supervisor::Runit, "service:handles=100"),
            ready: 1,
            stop: AMPLE,
            docker: None,
        },
    ],
};

const SESSION: Session = Session {
    programs: &[
        "shell:own-session",
        "job:handles=100",
        "job:handles=100,own-group",
    ],
    script: "echo -n shell >/proc/$$/comm; \
             for _ in 1 2; do \
             sh -c 'echo -n job >/proc/$$/comm; trap \"exit 0\" TERM; sleep 600 & echo ready; wait' & \
             done; echo ready; wait",
    ready: 3,
};

pub(super) const ENTERED: Group = Group {
    title: "sessions that entered from outside",
    scenarios: &[
        Scenario {
            name: "exec-session",
            about: "a shell that entered, with two jobs, is there at the stop: torn down, and the stop is graceful",
            program: Program::Own(&["app:handles=0"]),
            ready: 1,
            stop: Stop::Entered(SESSION, SECONDS),
            docker: None,
        },
        Scenario {
            name: "docker-exec",
            about: "the same by `docker exec`",
            program: Program::Docker,
            ready: 1,
            stop: Stop::Entered(SESSION, SECONDS),
            docker: Some(DockerForm {
                script: "echo -n app >/proc/$$/comm; trap 'kill $!; exit 0' TERM; sleep 600 & echo ready; wait",
                ready: 1,
                init: false,
                grace: SECONDS,
            }),
        },
    ],
};

pub(super) const SEVERAL: Group = Group {
    title: "several stops",
    scenarios: &[
        Scenario {
            name: "restart",
            about: "stopped, started again at once under the same name, stopped again: two reports",
            program: Program::Own(EXITS_OVER_SERVER),
            ready: 2,
            stop: Stop::Restart(SECONDS),
            docker: None,
        },
        Scenario {
            name: "docker-restart",
            about: "the same by `docker restart`",
            program: Program::Docker,
            ready: 2,
            stop: Stop::Restart(SECONDS),
            docker: Some(CONTAINER),
        },
        Scenario {
            name: "crowd",
            about: "fifty are stopped at one instant: fifty reports",
            program: Program::Own(EXITS_OVER_SERVER),
            ready: 2,
            stop: Stop::Crowd(50, SECONDS),
            docker: None,
        },
        Scenario {
            name: "docker-crowd",
            about: "the same with eight containers",
            program: Program::Docker,
            ready: 2,
            stop: Stop::Crowd(8, SECONDS),
            docker: Some(CONTAINER),
        },
    ],
};

pub(super) const NEVER: Group = Group {
    title: "no end",
    scenarios: &[Scenario {
        name: "never-ends",
        about: "a member is frozen (cgroup v1) and cannot die: the report closes after half a minute, and says that it is alive",
        program: Program::OwnWithFreezer(&["app:handles=0", "frozen:handles=100,joins=CGROUP"]),
        ready: 2,
        stop: Stop::Frozen,
        docker: None,
    }],
};
