//! A kubelet, a runtime and a tracer that go away and come back, also in the middle of a stop.

use std::thread;

use rinit_trace_tests::{ContainerSpec, Containerd, Daemon, Pod, PodSpec};

use super::{Ends, all_told, deleted, tell, told};
use crate::{node::Node, run::new_namespace};

const IGNORED: &str = "rinit_trace_stop_signal_ignored_total";

fn spec(namespace: &str, pod: &str, programs: &[&str]) -> PodSpec {
    let web = ContainerSpec::workload("web", programs);
    PodSpec::new(namespace, pod).with(web)
}

/// A container that says `asked` when it is stopped, and ends when it is told to.
fn working(namespace: &str) -> PodSpec {
    let works = "kill $!; wait $!; echo asked; read told </go; exit 0";
    let works = format!("sleep 1000 & trap '{works}' TERM; echo ready; wait $!");
    PodSpec::new(namespace, "works").with(told("web", &works))
}

/// Pods that a tracer sees, and the one that comes after it.
struct Seen<'a> {
    /// Nobody stops these while no tracer is there.
    polite: Pod<'a>,
    leaver: Pod<'a>,
    /// Those are being stopped by then.
    deaf: Pod<'a>,
    works: Pod<'a>,
}

impl<'a> Seen<'a> {
    fn run(containerd: &'a Containerd, namespace: &str) -> Self {
        let run = |pod, programs: &[&str]| Pod::run(containerd, &spec(namespace, pod, programs));
        Self {
            polite: run("polite", &["waiter", "server=20"]),
            leaver: run("leaver", &["leaver", "server"]),
            deaf: run("deaf", &["deaf"]),
            works: Pod::run(containerd, &working(namespace)),
        }
    }
}

/// Who was not there when a stop began does not make up why a container was killed, or whether one was.
#[test]
fn tracer_that_is_restarted_is_right_of_later_stops_and_has_no_cause_of_those_under_way() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let first = Daemon::start(&[]);
    let seen = Seen::run(&node.containerd, &namespace);
    let second = thread::scope(|scope| {
        // What the runtime says to who asked first is not asked.
        for pod in [&seen.deaf, &seen.works] {
            scope.spawn(|| pod.begin_stop("web", 600, || false));
        }
        let whose = [("namespace", namespace.as_str()), ("pod", "deaf")];
        first.endpoint().wait_metric(IGNORED, &whose, 1);
        seen.works.wait_for("web", "asked", 1);
        let (ended, _) = first.terminate();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        // That one has seen no end.
        assert!(!ended.stdout.contains(&namespace), "{}", ended.stdout);
        let second = Daemon::start(&[]);
        tell(&seen.works, "web");
        seen.works.ended("web");
        // The runtime knows that it has sent the signal, and sends SIGKILL alone.
        seen.deaf.stop("web", 1);
        second
    });
    let report = second.output().only_report_of(seen.works.id("web"));
    report.is("/verdict", "unknown");
    report.is("/cause", ());
    let report = second.output().only_report_of(seen.deaf.id("web"));
    report.says("forced", "unexplained", 0);
    deleted(&second, seen.polite, "web", 30).says("graceful", "", 0);
    deleted(&second, seen.leaver, "web", 30).says("forced", "not-forwarded", 1);
    // The shared tracer was there all the time.
    deleted(&node.daemon, seen.works, "web", 1).says("graceful", "", 0);
    deleted(&node.daemon, seen.deaf, "web", 1).says("forced", "init-ignores-signal", 0);
    let ends = Ends {
        graceful: 2,
        forced: 2,
        alone: 0,
    };
    all_told(&node.daemon, &namespace, ends);
}

/// It asks for the stop again: the runtime has not forgotten that it sent the signal.
#[test]
fn kubelet_that_is_restarted_in_the_middle_of_a_stop_makes_no_other() {
    let Some(node) = Node::shared() else {
        return;
    };
    let namespace = new_namespace();
    let deaf = Pod::run(&node.containerd, &spec(&namespace, "deaf", &["deaf"]));
    let works = Pod::run(&node.containerd, &working(&namespace));
    let endpoint = node.daemon.endpoint();
    let whose = [("namespace", namespace.as_str()), ("pod", "deaf")];
    let is_ignored = || endpoint.metrics().count(IGNORED, &whose) == 1;
    deaf.begin_stop("web", 600, is_ignored).unwrap_err();
    let is_asked = || works.said("web").contains("asked");
    works.begin_stop("web", 600, is_asked).unwrap_err();
    node.daemon.output().no_report_of(deaf.id("web"));
    node.daemon.output().no_report_of_yet(works.id("web"));
    tell(&works, "web");
    deleted(&node.daemon, works, "web", 30).says("graceful", "", 0);
    let report = deleted(&node.daemon, deaf, "web", 1);
    report.says("forced", "init-ignores-signal", 0);
    report.is("/cause/confidence", "certain");
    let ends = Ends {
        graceful: 1,
        forced: 1,
        alone: 0,
    };
    all_told(&node.daemon, &namespace, ends);
}

#[test]
fn runtime_that_is_restarted_in_the_middle_of_a_stop_goes_on_with_it() {
    let (Some(node), Some(containerd)) = (Node::shared(), Containerd::start()) else {
        return;
    };
    let namespace = new_namespace();
    let pod = Pod::run(&containerd, &spec(&namespace, "deaf", &["deaf", "server"]));
    thread::scope(|scope| {
        let asked = scope.spawn(|| pod.begin_stop("web", 600, || false));
        let whose = [("namespace", namespace.as_str())];
        node.daemon.endpoint().wait_metric(IGNORED, &whose, 1);
        containerd.restart();
        asked.join().unwrap().unwrap_err();
    });
    node.daemon.output().no_report_of(pod.id("web"));
    let report = deleted(&node.daemon, pod, "web", 1);
    report.says("forced", "init-ignores-signal", 1);
    report.is("/cause/confidence", "certain");
    let ends = Ends {
        forced: 1,
        ..Ends::default()
    };
    all_told(&node.daemon, &namespace, ends);
}
