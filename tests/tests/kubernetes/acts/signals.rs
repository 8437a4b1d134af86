//! Images whose stop signal is another than SIGTERM.

use std::thread;

use rinit_trace_tests::{ContainerSpec, Image, Pod, PodSpec};

use super::{Ends, all_told};
use crate::{node::Node, run::new_namespace};

/// As a shell knows it.
fn in_shell(signal: &str) -> &str {
    match signal {
        "SIGRTMIN+3" => "37",
        other => other.trim_start_matches("SIG"),
    }
}

/// As a container's name.
fn name(signal: &str) -> String {
    signal.to_lowercase().replace('+', "-")
}

fn polite(signal: &'static str) -> ContainerSpec {
    let known = in_shell(signal);
    let script = format!("sleep 1000 & trap 'kill $!; wait; exit 0' {known}; echo ready; wait");
    let args = ["sh", "-c", &script];
    ContainerSpec::new(&name(signal), Image::StoppedBy(signal), &args, 1)
}

fn without_handler(signal: &'static str) -> ContainerSpec {
    let args = ["/workload", "sleeper"];
    ContainerSpec::new(&name(signal), Image::StoppedBy(signal), &args, 1)
}

#[test]
fn stop_signals_of_images_are_known_by_the_socket() {
    let Some(node) = Node::shared() else {
        return;
    };
    let daemon = node.asking();
    let namespace = new_namespace();
    let stopped = |pod, container: fn(&'static str) -> ContainerSpec, grace| {
        let mut spec = PodSpec::new(&namespace, pod).grace(grace);
        for signal in Image::STOP_SIGNALS {
            spec = spec.with(container(signal));
        }
        let pod = Pod::run(&node.containerd, &spec);
        let ids = Image::STOP_SIGNALS.map(|signal| pod.id(&name(signal)).to_owned());
        pod.delete(grace);
        ids.map(|id| daemon.output().only_report_of(id))
    };
    let (polite, dropping) = thread::scope(|scope| {
        let polite = scope.spawn(|| stopped("polite", polite, 30));
        let dropping = stopped("dropping", without_handler, 1);
        (polite.join().unwrap(), dropping)
    });
    for (signal, report) in Image::STOP_SIGNALS.iter().zip(&polite) {
        report.says("graceful", "", 0);
        report.is("/stop/signal", *signal);
    }
    for (signal, report) in Image::STOP_SIGNALS.iter().zip(&dropping) {
        report.says("forced", "init-no-handler", 0);
        report.is("/cause/confidence", "certain");
        report.is("/stop/signal", *signal);
    }
    let ends = Ends {
        graceful: 8,
        forced: 8,
        alone: 0,
    };
    all_told(daemon, &namespace, ends);
}
