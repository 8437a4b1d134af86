//! The daemon as a pod: nothing but one static program, and no right that it does not need.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use rinit_trace_tests::{
    ContainerSpec, Containerd, Endpoint, Image, Pod, PodSpec, skip, trace_all, wait,
};

use crate::{
    counted::is_counted,
    plans::plans,
    run::{new_namespace, run_all},
};

/// What the manifest of the daemon gives it.
const CAPABILITIES: [&str; 3] = ["BPF", "PERFMON", "SYS_PTRACE"];
const PORT: u16 = 9763;

/// The static build: `RINIT_TRACE_STATIC_BIN`, else the one that was packaged last.
fn static_program() -> Option<PathBuf> {
    let path = env::var_os("RINIT_TRACE_STATIC_BIN").map_or_else(
        || {
            let packaged = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/xtask/dist");
            let triple = format!("{}-unknown-linux-gnu", env::consts::ARCH);
            packaged.join(triple).join("dist/rinit-trace")
        },
        PathBuf::from,
    );
    if path.is_file() {
        return Some(path);
    }
    skip(
        "needs a static rinit-trace; `cargo xtask image` builds one, or set RINIT_TRACE_STATIC_BIN",
    );
    None
}

fn capabilities(pid: u32) -> u64 {
    let status = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"));
    let status = status.unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    u64::from_str_radix(line.unwrap().trim(), 16).unwrap()
}

#[test]
fn daemon_as_a_pod_without_privileges_counts_all_the_same() {
    let Some(rinit_trace) = static_program() else {
        return;
    };
    let Some(containerd) = Containerd::start() else {
        return;
    };
    containerd.import_rinit_trace(&rinit_trace);
    let listen = format!("0.0.0.0:{PORT}");
    let arguments = ["daemon", "--listen", &listen, "--node", "worker-3"];
    let agent =
        ContainerSpec::new("agent", Image::RinitTrace, &arguments, 0).locked_down(&CAPABILITIES);
    let agent = PodSpec::new("rinit-trace", "rinit-trace-x2v4q")
        .with(agent)
        .with_host_pids();
    let agent = Pod::run(&containerd, &agent);
    // CAP_SYS_PTRACE, CAP_PERFMON and CAP_BPF.
    assert_eq!(
        capabilities(agent.pid("agent")),
        1 << 19 | 1 << 38 | 1 << 39
    );
    let endpoint = Endpoint::at(&format!("{}:{PORT}", agent.ip()));
    wait::until("the daemon in the pod is ready", || {
        let status = agent.status("agent");
        assert_eq!(
            status.exit_code,
            None,
            "{status:?}: {}",
            agent.said("agent")
        );
        endpoint.get("/readyz").filter(|(status, _)| *status == 200)
    });
    let namespace = new_namespace();
    let mut plans = plans(&namespace);
    plans.retain(|plan| !plan.needs_cri);
    let gone = run_all(&containerd, &plans);
    is_counted(&endpoint, &namespace, &gone);
    let metrics = endpoint.metrics();
    assert_eq!(metrics.count("rinit_trace_records_lost_total", &[]), 0);
    // Its own end is what it asks of others.
    let tracer = trace_all();
    agent.stop("agent", 30);
    let status = agent.ended("agent");
    assert_eq!(status.exit_code, Some(0), "{}", agent.said("agent"));
    let report = tracer.report_of(agent.id("agent"));
    report.says("graceful", "", 0);
    report.is("/stop/signal", "SIGTERM");
    assert!(report.number("/stop/grace_used_ms") < 1e3, "{report}");
}
