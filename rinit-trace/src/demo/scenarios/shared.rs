//! Containers that share a pid namespace, and namespaces within a container's.

use std::time::Duration;

use super::{AMPLE, DockerForm, First, Group, Guest, Program, SHORT, Scenario, Stop};

const SECONDS: Duration = Duration::from_secs(10);

/// The owner ends in order; the guest would, too.
const OWNER: &[&str] = &["owner:handles=0"];
const GUEST: Guest = Guest {
    programs: &["web:handles=100", "worker:handles=100"],
    script: "echo -n web >/proc/$$/comm; trap 'exit 0' TERM; \
             sh -c 'echo -n worker >/proc/$$/comm; trap \"exit 0\" TERM; sleep 600 & echo ready; wait' & \
             echo ready; wait",
    ready: 2,
    first: First::Owner,
    grace: SECONDS,
};

const IN_DOCKER: DockerForm = DockerForm {
    script: "echo -n owner >/proc/$$/comm; trap 'kill $!; exit 0' TERM; sleep 600 & echo ready; wait",
    ready: 1,
    init: false,
    grace: SECONDS,
};

pub(super) const SHARED: Group = Group {
    title: "shared pid namespaces",
    scenarios: &[
        Scenario {
            name: "shared-owner-first",
            about: "a container shares the pid namespace of another, which is stopped first: its end takes the guest along",
            program: Program::Own(OWNER),
            ready: 1,
            stop: Stop::Guest(GUEST),
            docker: None,
        },
        Scenario {
            name: "docker-pid-container",
            about: "the same by `docker run --pid=container:X` and `docker stop X`",
            program: Program::Docker,
            ready: 1,
            stop: Stop::Guest(GUEST),
            docker: Some(IN_DOCKER),
        },
        Scenario {
            name: "shared-guest-first",
            about: "the guest is stopped first, and leaves a worker: the runtime kills that, since no namespace ends",
            program: Program::Own(OWNER),
            ready: 1,
            stop: Stop::Guest(Guest {
                programs: &["web:handles=0", "worker:handles=100"],
                first: First::Guest,
                ..GUEST
            }),
            docker: None,
        },
        Scenario {
            name: "shared-cgroup-kill",
            about: "the same where the runtime kills through cgroup.kill",
            program: Program::Own(OWNER),
            ready: 1,
            stop: Stop::Guest(Guest {
                programs: &["web:handles=0", "worker:handles=100"],
                first: First::GuestByCgroupKill,
                ..GUEST
            }),
            docker: None,
        },
        Scenario {
            name: "shared-guest-alone",
            about: "the guest leaves nobody: not being PID 1 it needs no handler to end by SIGTERM",
            program: Program::Own(OWNER),
            ready: 1,
            stop: Stop::Guest(Guest {
                programs: &["web"],
                ready: 1,
                first: First::Guest,
                ..GUEST
            }),
            docker: None,
        },
        Scenario {
            name: "pid-host",
            about: "a container in the host's pid namespace waits for its worker",
            program: Program::OnHost(&[
                "web:handles=0,outlives-term",
                "worker:handles=0,own-session",
            ]),
            ready: 2,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "pid-host-leaves",
            about: "one that leaves it: the runtime kills the worker",
            program: Program::OnHost(&["web:handles=0", "worker:handles=100"]),
            ready: 2,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "pid-host-below",
            about: "the same where the runtime has a cgroup for the processes below that of the container (crun)",
            program: Program::OnHostBelow(&["web:handles=0", "worker:handles=100"]),
            ready: 2,
            stop: AMPLE,
            docker: None,
        },
    ],
};

pub(super) const NESTED: Group = Group {
    title: "pid namespaces within a container",
    scenarios: &[
        Scenario {
            name: "nested",
            about: "a browser has a sandbox in a pid namespace of its own, and tells everybody to end: one report of all",
            program: Program::Own(&[
                "browser:handles=0,passes-on",
                "broker:handles=0,nests>sandbox:handles=300>tab:handles=0",
            ]),
            ready: 4,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "nested-torn-down",
            about: "the init of the sandbox leaves before the tab is done: that is torn down with the inner namespace",
            program: Program::Own(&[
                "browser:handles=0,passes-on",
                "broker:handles=0,nests>sandbox:handles=300>tab:handles=600000",
            ]),
            ready: 4,
            stop: AMPLE,
            docker: None,
        },
        Scenario {
            name: "nested-no-handler",
            about: "the init of the sandbox has no handler: SIGTERM is dropped for it as for PID 1, which waits for it in vain",
            program: Program::Own(&[
                "browser:handles=0,passes-on",
                "broker:handles=0,nests>sandbox",
            ]),
            ready: 3,
            stop: SHORT,
            docker: None,
        },
        Scenario {
            name: "docker-in-docker",
            about: "a container within a container, with a cgroup of its own, ends with the outer one: two reports",
            program: Program::OwnWithContainer(&[
                "dockerd:handles=0",
                "shim:nests>web:handles=100,joins=CGROUP",
            ]),
            ready: 3,
            stop: AMPLE,
            docker: None,
        },
    ],
};
