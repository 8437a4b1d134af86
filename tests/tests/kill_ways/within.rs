//! What happens within a workload: PID 1 is asked to stop, has a process killed in one way, and exits.

use rinit_trace_tests::{Cgroup, Kernel, Namespace, shared_trace, wait};

use crate::table;

/// System calls. To a thread or to a process, it is the process that dies.
const SENDERS: &str = "
    kill                   victim  user    peer  killed-unsignalled  SIGKILL  forced
    kill-by-parent         victim  user    peer  killed-unsignalled  SIGKILL  forced
    kill-by-itself         victim  user    self  killed-unsignalled  SIGKILL  forced
    kill-group             victim  user    peer  killed-unsignalled  SIGKILL  forced
    kill-own-group         victim  user    peer  killed-unsignalled  SIGKILL  forced
    kill-own-group         killer  user    self  killed-unsignalled  SIGKILL  forced
    kill-all               victim  user    peer  killed-unsignalled  SIGKILL  forced
    kill-all               killer  -       -     exited              0        forced
    kill-all-by-init       victim  user    peer  killed-unsignalled  SIGKILL  forced
    tgkill                 victim  thread  peer  killed-unsignalled  SIGKILL  forced
    tgkill-a-thread        victim  thread  peer  killed-unsignalled  SIGKILL  forced
    tgkill-by-itself       victim  thread  self  killed-unsignalled  SIGKILL  forced
    tkill                  victim  thread  peer  killed-unsignalled  SIGKILL  forced
    sigqueue               victim  user    peer  killed-unsignalled  SIGKILL  forced
    sigqueue-to-a-thread   victim  thread  peer  killed-unsignalled  SIGKILL  forced
    pidfd                  victim  user    peer  killed-unsignalled  SIGKILL  forced
    pidfd-thread           victim  thread  peer  killed-unsignalled  SIGKILL  forced
    pidfd-group            victim  user    peer  killed-unsignalled  SIGKILL  forced
";

/// What the victim is doing when SIGKILL comes.
const VICTIMS: &str = "
    threads                victim  user    peer  killed-unsignalled  SIGKILL  forced
    leader-gone            victim  user    peer  killed-unsignalled  SIGKILL  forced
    stopped                victim  user    peer  killed-unsignalled  SIGKILL  forced
    stopped-and-asked      victim  user    peer  killed-pending      SIGKILL  forced
    blocking               victim  user    peer  killed-pending      SIGKILL  forced
    ignoring               victim  user    peer  killed-ignoring     SIGKILL  forced
    handling               victim  user    peer  killed-handling     SIGKILL  forced
    zombie                 victim  -       -     exited              0        graceful
    dying                  victim  -       -     terminated          SIGTERM  graceful
    # The kernel kills threads by itself: no process is killed.
    exit-with-threads      victim  -       -     exited              7        graceful
    exec-with-threads      quitter -       -     exited              7        graceful
    abort-with-threads     victim  -       -     terminated          SIGABRT  graceful
";

/// The kernel, asked for it by somebody or not.
const KERNEL: &str = "
    rlimit-cpu             victim  kernel  kernel   killed-unsignalled  SIGKILL  forced
    rlimit-rttime          victim  kernel  kernel   killed-unsignalled  SIGKILL  forced
    timer                  victim  timer   kernel   killed-unsignalled  SIGKILL  forced
    timer-to-a-thread      victim  timer   kernel   killed-unsignalled  SIGKILL  forced
    timer-of-cpu-time      victim  timer   kernel   killed-unsignalled  SIGKILL  forced
    exit-signal            victim  kernel  kernel   killed-unsignalled  SIGKILL  forced
    sigio                  victim  kernel  kernel   killed-unsignalled  SIGKILL  forced
    mq-notify              victim  kernel  kernel   killed-unsignalled  SIGKILL  forced
    # It ends its thread without any signal: nothing tells who did it.
    seccomp-strict         victim  -       unknown  killed-unsignalled  SIGKILL  forced
    # By SIGSYS.
    seccomp-kill-process   victim  -       -        terminated          SIGSYS   graceful
    seccomp-kill-thread    victim  -       -        exited              7        graceful
";

/// Parents, inits, and namespaces.
const PARENTS: &str = "
    parent-death              victim  parent-death    parent-death    killed-unsignalled  SIGKILL  forced
    parent-death              parent  -               -               exited              0        forced
    parent-death-by-kill      victim  parent-death    parent-death    killed-unsignalled  SIGKILL  forced
    parent-death-by-kill      parent  user            peer            killed-unsignalled  SIGKILL  forced
    parent-death-of-a-thread  victim  parent-death    parent-death    killed-unsignalled  SIGKILL  forced
    parent-death-of-a-thread  parent  -               -               exited              0        forced
    init-exits                victim  pidns-teardown  pidns-teardown  killed-unsignalled  SIGKILL  forced
    # The namespace goes first: its children have no other parent to get.
    init-exits-as-parent      victim  pidns-teardown  pidns-teardown  killed-unsignalled  SIGKILL  forced
    # waitpid says SIGINT, which the kernel puts there later.
    reboot                    ways    kernel          kernel          killed-handling     SIGKILL  forced
    reboot-by-init            ways    kernel          kernel          killed-handling     SIGKILL  forced
";

/// Tracers, and victims that somebody else kills while they are traced.
const TRACERS: &str = "
    ptrace-kill              victim  ptrace       tracer       killed-unsignalled  SIGKILL  forced
    ptrace-exitkill          victim  ptrace       tracer       killed-unsignalled  SIGKILL  forced
    ptrace-exitkill-by-init  victim  ptrace       tracer       killed-unsignalled  SIGKILL  forced
    # Of PID 1, by one of its own namespace: the kernel drops the one, and forces the other.
    ptrace-kill-of-init      ways    -            -            exited              0        graceful
    ptrace-exitkill-of-init  ways    ptrace       tracer       killed-handling     SIGKILL  forced
    # The tracer makes it die of a signal that nobody has sent.
    ptrace-inject            victim  -            unknown      killed-unsignalled  SIGKILL  forced
    traced                   victim  user         peer         killed-unsignalled  SIGKILL  forced
    traced-by-cgroup:v2      victim  cgroup-kill  cgroup-kill  killed-unsignalled  SIGKILL  forced
";

/// What is done to a cgroup.
const CGROUPS: &str = "
    cgroup-kill:v2               victim  cgroup-kill  cgroup-kill  killed-unsignalled  SIGKILL  forced
    cgroup-kill-threads:v2       victim  cgroup-kill  cgroup-kill  killed-unsignalled  SIGKILL  forced
    cgroup-kill-by-member:v2     victim  cgroup-kill  cgroup-kill  killed-unsignalled  SIGKILL  forced
    cgroup-kill-by-member:v2     killer  cgroup-kill  cgroup-kill  killed-unsignalled  SIGKILL  forced
    frozen:v2                    victim  user         peer         killed-unsignalled  SIGKILL  forced
    oom:memory                   victim  oom          oom          oom-killed          SIGKILL  forced
    # The other one may be next: the memory of the first is not free at once.
    oom-by-another:memory        victim  oom          oom          oom-killed          SIGKILL  forced
    oom-of-shared-memory:memory  victim  oom          oom          oom-killed          SIGKILL  forced
    oom-of-shared-memory:memory  sharer  oom          oom          oom-killed          SIGKILL  forced
";

fn check(table: &str) {
    if let Some(_kernel) = Kernel::ready() {
        table::check(table);
    }
}

#[test]
fn system_calls() {
    check(SENDERS);
}

#[test]
fn victims_in_every_state() {
    check(VICTIMS);
}

#[test]
fn kernel_by_itself() {
    check(KERNEL);
}

#[test]
fn parents_and_inits() {
    check(PARENTS);
}

#[test]
fn tracers() {
    check(TRACERS);
}

#[test]
fn cgroups() {
    check(CGROUPS);
}

#[test]
fn nested_namespace_whose_init_ends() {
    nested(&["nested-exit", "nested-kill"]);
}

/// Nobody is told of the end of the nested init: that the rest is gone as well may be known after half a minute only.
#[test]
fn nested_namespace_that_goes_with_the_outer_one() {
    nested(&["nested-outer"]);
}

/// Whose report tells of the victim is not the point here, but it is one.
fn nested(ways: &[&str]) {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = shared_trace();
    for way in ways {
        let mut namespace = Namespace::start(&[&format!("ways={way}")]);
        namespace.stop(wait::DEADLINE);
        let victim = format!("of-{way}");
        let mut reports = wait::until(&victim, || {
            let mut reports = tracer.reports_with(&victim);
            reports.retain(|report| !report.named(&victim).is_empty());
            (!reports.is_empty()).then_some(reports)
        });
        let report = reports.remove(0);
        assert!(reports.is_empty(), "{way} is reported twice: {report}");
        let row = format!(
            "{way} {victim} pidns-teardown pidns-teardown killed-unsignalled SIGKILL forced"
        );
        if let Some(wrong) = table::by_way(&row)[0][0].wrong(&report) {
            panic!("{wrong}\n{report}");
        }
    }
}

/// Processes that fork all the time while their cgroup is killed, again and again: it kills them all, never a parent its child.
#[test]
fn storm_of_forks() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let Some(cgroup) = Cgroup::v2() else {
        return;
    };
    let tracer = shared_trace();
    let program = format!("ways=cgroup-kill-of-a-storm:{}", cgroup.path());
    let mut namespace = Namespace::start(&[&program]);
    namespace.stop(wait::DEADLINE);
    let report = tracer.report_of(namespace.pid());
    report.is("/verdict", "forced");
    report.is("/observation/lost_records", 0);
    assert_eq!(report.cause(), "cgroup-killed", "{report}");
    let mut killed = 0;
    for forker in report.named("forker") {
        if !forker["killed_by"].is_null() {
            killed += 1;
            assert_eq!(forker["killed_by"], "cgroup-kill", "{report}");
        }
    }
    assert!(killed >= 120, "{killed} were killed: {report}");
}
