//! Names come from the containers. None may reach the terminal as more than text.

use std::{process::Command, time::Duration};

use rinit_trace_tests::{
    Docker, DockerApi, Ended, Kernel, Manner, Namespace, Tracer, WORKLOAD, trace_all,
};
use serde_json::json;

/// An argument, a container's name, an image: colours, a title for the window, a line of its own, a C1 sequence, and
/// text that runs backwards.
const HOSTILE: &str = "hostile=\x1b[31m\x1b]0;owned\x07\nFORGED\r\u{9b}2J\u{202e}";

/// Panics when the terminal would do more than show text.
fn is_only_text(ended: &Ended) {
    for text in [&ended.stdout, &ended.stderr] {
        let acts = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!text.contains(acts), "{text:?}");
        // A line break in a name begins no line, nor does the name of the program.
        let forged = |line: &str| line.starts_with("FORGED") || line.starts_with("forced");
        assert!(!text.lines().any(forged), "{text:?}");
    }
}

#[test]
fn names_of_processes_are_printed_as_text() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let mut command = Command::new(WORKLOAD);
    command.args([HOSTILE, HOSTILE, "server"]);
    let mut namespace = Namespace::start_command(command, 3);
    let all = trace_all();
    let target = namespace.target();
    let tracers = [&["-v", "-v"][..], &["-o", "jsonl"]]
        .map(|more| Tracer::ready(&[&["--container", &target], more].concat()));
    namespace.stop(Duration::from_millis(100));
    for tracer in tracers {
        let ended = tracer.ended();
        assert_eq!(ended.code, Some(1), "{ended:#?}");
        is_only_text(&ended);
    }
    let report = all.report_of(namespace.pid());
    report.says("forced", "init-no-handler", 1);
    // Not cut at the line break, and as the kernel has it but for what is no UTF-8.
    let comm = report.text("/workload/init/comm");
    assert!(comm.starts_with("\x1b[2J\nforced\r"), "{comm:?}");
    assert_eq!(report.named(comm).len(), 2, "{report}");
    report.is("/workload/init/cmdline/1", HOSTILE);
}

#[test]
fn names_that_docker_gives_are_printed_as_text() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let container = docker.workload(&["leaver", "server"]);
    let list = json!([{
        "Id": container.id(), "Names": [format!("/{HOSTILE}")], "State": "running"
    }]);
    let inspect = json!({
        "Id": container.id(),
        "Name": format!("/{HOSTILE}"),
        "State": {"Status": "running", "Pid": container.pid()},
        "Config": {"Image": HOSTILE, "StopSignal": HOSTILE},
        "HostConfig": {"PidMode": ""},
    });
    let api = DockerApi::start(Manner::Answers {
        list: list.to_string(),
        inspect: inspect.to_string(),
    });
    let socket = api.socket();
    let tracer = Tracer::ready(&[
        "--container",
        container.id(),
        "--docker-socket",
        socket.to_str().unwrap(),
        "-v",
    ]);
    assert!(tracer.stderr().contains("FORGED"), "{}", tracer.stderr());
    container.stop(10);
    let ended = tracer.ended();
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.stdout.contains("FORGED"), "{ended:#?}");
    is_only_text(&ended);
}
