//! Twenty pods and more, no two of a kind, and what must be said of each of their containers.

use rinit_trace_tests::{ContainerSpec, Image, PodSpec, Report};

/// What must be said of a container.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) container: &'static str,
    pub(crate) verdict: &'static str,
    /// Empty is none.
    pub(crate) cause: &'static str,
    pub(crate) lost_cleanup: u64,
    /// Ended by itself, with nobody killed: no stop.
    pub(crate) is_self_exit: bool,
}

impl Expected {
    /// Panics unless a report says it.
    pub(crate) fn is_said_by(self, report: &Report) {
        report.says(self.verdict, self.cause, self.lost_cleanup);
        let is_asked = report.text("/stop/trigger") == "stop-signal";
        let is_by_itself = self.is_self_exit || ASKED_BY_NOBODY.contains(&self.cause);
        assert_eq!(is_asked, !is_by_itself, "{self:?}: {report}");
    }
}

/// Causes of stops that no stop signal began.
const ASKED_BY_NOBODY: [&str; 3] = ["oom", "init-exited", "no-stop-signal"];

/// What happens to a pod before it is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    Nothing,
    /// Its containers end by themselves.
    Ends,
    /// They do, when the file `/go` is written to.
    EndsWhenTold,
    /// A probe leaves a process behind.
    Exec,
}

/// A pod, and what comes of it.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) spec: PodSpec,
    pub(crate) before: Before,
    /// Seconds that it is given when it is deleted.
    pub(crate) grace: u32,
    pub(crate) expected: Vec<Expected>,
    /// What is said rests on the image's STOPSIGNAL, which containerd tells by CRI alone.
    pub(crate) needs_cri: bool,
}

impl Plan {
    /// A pod that is given more than enough time.
    fn new(spec: PodSpec) -> Self {
        Self {
            spec: spec.label("pod-template-hash", "7d9f5c6b8"),
            before: Before::Nothing,
            grace: 30,
            expected: Vec::new(),
            needs_cri: false,
        }
    }

    /// A pod that outlasts its grace period.
    fn short(spec: PodSpec) -> Self {
        Self {
            grace: 1,
            ..Self::new(spec.grace(1))
        }
    }

    fn before(mut self, before: Before) -> Self {
        self.before = before;
        self
    }

    fn graceful(self, container: &'static str) -> Self {
        self.expect(container, "graceful", "", 0, false)
    }

    fn self_exit(self, container: &'static str) -> Self {
        self.expect(container, "graceful", "", 0, true)
    }

    fn forced(self, container: &'static str, cause: &'static str, lost_cleanup: u64) -> Self {
        self.expect(container, "forced", cause, lost_cleanup, false)
    }

    fn expect(
        mut self,
        container: &'static str,
        verdict: &'static str,
        cause: &'static str,
        lost_cleanup: u64,
        is_self_exit: bool,
    ) -> Self {
        self.expected.push(Expected {
            container,
            verdict,
            cause,
            lost_cleanup,
            is_self_exit,
        });
        self
    }
}

/// All of them, in a namespace of Kubernetes that no other test has.
pub(crate) fn plans(namespace: &str) -> Vec<Plan> {
    let one = |pod: &str, container| {
        let name = format!("{pod}-7d9f5c6b8-x2v4q");
        PodSpec::new(namespace, &name).with(container)
    };
    let mut plans = shells(&one);
    plans.extend(inits(&one));
    plans.extend(programs(&one));
    plans.extend(ends(&one));
    plans.extend(several(&one));
    plans
}

/// With one container each, which is called `web`.
type One<'a> = &'a dyn Fn(&str, ContainerSpec) -> PodSpec;

fn shells(one: One) -> Vec<Plan> {
    let shell = |script, ready| ContainerSpec::shell("web", script, ready);
    let trap = "sleep 1000 & trap 'kill $!; wait; exit 0' TERM; echo ready; wait";
    let usr1 = "sleep 1000 & trap 'kill $!; wait; exit 0' USR1; echo ready; wait";
    let leaves = "trap 'exit 0' TERM; /workload server & wait";
    let usr1 = ContainerSpec::new("web", Image::StoppedBy("SIGUSR1"), &["sh", "-c", usr1], 1);
    let usr1 = Plan {
        needs_cri: true,
        ..Plan::new(one("usr1", usr1))
    };
    let deaf_to_usr1 = ContainerSpec::new(
        "web",
        Image::StoppedBy("SIGUSR1"),
        &["/workload", "sleeper"],
        1,
    );
    vec![
        Plan::short(one("no-exec", shell("/workload server; true", 1))).forced(
            "web",
            "init-no-handler",
            1,
        ),
        Plan::new(one("exec", shell("exec /workload waiter server=20", 2))).graceful("web"),
        Plan::new(one("trap", shell(trap, 1))).graceful("web"),
        Plan::new(one("trap-leaves", shell(leaves, 1))).forced("web", "not-forwarded", 1),
        usr1.graceful("web"),
        Plan::short(one("usr1-no-handler", deaf_to_usr1)).forced("web", "init-no-handler", 0),
    ]
}

fn inits(one: One) -> Vec<Plan> {
    let init = |image, programs: &[&str]| {
        let args = [&["/workload"], programs].concat();
        ContainerSpec::new("web", image, &args, programs.len())
    };
    let group = ["/tini", "-g", "--", "/workload", "server=100", "stubborn"];
    let group = ContainerSpec::new("web", Image::Shell, &group, 2);
    let leaders = "setsid /workload server & exec /workload leaver";
    let leaders = ["/tini", "-g", "--", "sh", "-c", leaders];
    let leaders = ContainerSpec::new("web", Image::Shell, &leaders, 2);
    vec![
        Plan::new(one("tini", init(Image::Tini, &["waiter", "server=50"]))).graceful("web"),
        Plan::new(one("tini-child", init(Image::Tini, &["leaver", "server"]))).forced(
            "web",
            "forwarded-to-child-only",
            1,
        ),
        Plan::new(one("tini-group", group)).forced("web", "init-exited-early", 1),
        Plan::new(one("tini-leaders", leaders)).forced("web", "group-escape", 1),
        Plan::new(one(
            "dumb-init",
            init(Image::DumbInit, &["waiter", "server=50"]),
        ))
        .graceful("web"),
        Plan::new(one(
            "dumb-init-race",
            init(Image::DumbInit, &["server=100", "stubborn"]),
        ))
        .forced("web", "init-exited-early", 1),
    ]
}

fn programs(one: One) -> Vec<Plan> {
    let workload = |programs: &[&str]| ContainerSpec::workload("web", programs);
    let zero = Plan {
        grace: 0,
        ..Plan::new(one("zero-grace", workload(&["server", "server"])))
    };
    let hook = r#"{"exec":{"command":["/workload","server"]}}"#;
    let hooked = workload(&["waiter", "server=20"]).pre_stop(hook);
    vec![
        Plan::short(one("ignoring", workload(&["deaf", "deaf"]))).forced(
            "web",
            "init-ignores-signal",
            0,
        ),
        Plan::short(one("slow", workload(&["server=8000"]))).forced("web", "grace-exceeded", 1),
        Plan::short(one("stubborn", workload(&["stubborn"]))).forced("web", "grace-exceeded", 1),
        Plan::new(one("leaver", workload(&["leaver", "server", "sleeper"]))).forced(
            "web",
            "not-forwarded",
            1,
        ),
        Plan::short(one("hostile", workload(&["hostile"]))).forced("web", "init-no-handler", 0),
        zero.forced("web", "no-stop-signal", 2),
        Plan::new(one("pre-stop", hooked)).graceful("web"),
        Plan::new(one("probe", workload(&["waiter", "server=20"])))
            .before(Before::Exec)
            .graceful("web"),
    ]
}

fn ends(one: One) -> Vec<Plan> {
    let hungry = "echo ready; exec dd if=/dev/zero of=/dev/null bs=200M";
    let hungry = ContainerSpec::shell("web", hungry, 1).memory(64 << 20);
    let hungry = Plan::new(one("hungry", hungry)).before(Before::Ends);
    let told = |pod, before: &str, ready, code| {
        let script = format!("mkfifo /go; {before} read told </go; exit {code}");
        let container = ContainerSpec::shell("web", &script, ready);
        Plan::new(one(pod, container)).before(Before::EndsWhenTold)
    };
    let leaves = "/workload server & /workload sleeper &";
    vec![
        hungry.forced("web", "oom", 0),
        told("job", "echo ready;", 1, 0).self_exit("web"),
        told("failed", "echo ready;", 1, 3).self_exit("web"),
        told("crash", leaves, 2, 1).forced("web", "init-exited", 1),
    ]
}

fn several(one: One) -> Vec<Plan> {
    let workload = ContainerSpec::workload;
    let mixed = one("mixed", workload("web", &["waiter", "server=20"]))
        .with(workload("proxy", &["sleeper", "server"]))
        .with(workload("log", &["deaf"]));
    let shared = one("shared", workload("web", &["leaver", "server=500"]))
        .with(workload("proxy", &["waiter", "server=20"]))
        .sharing_pids();
    vec![
        Plan::short(mixed)
            .graceful("web")
            .forced("proxy", "init-no-handler", 1)
            .forced("log", "init-ignores-signal", 0),
        Plan::new(shared)
            .forced("web", "cgroup-killed", 1)
            .graceful("proxy"),
    ]
}
