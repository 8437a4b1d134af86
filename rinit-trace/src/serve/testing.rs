//! For tests: reports as stops make them, and a wait with a deadline.

use std::time::{Duration, Instant};

use rinit_trace_core::model::{Pod, SCHEMA, StopReport, WorkloadNames};
use serde_json::json;

/// A container id.
pub(super) const WEB: &str = "3d206acf928a4f1d0e1f9bb2a6d1c8f0a5b4c3d2e1f00112233445566778899a";
/// Another.
pub(super) const DB: &str = "3f00c2d3a4958677665544332211ffeeddccbbaa99887766554433221100abcd";

/// A container of Docker that was killed after 10 s, with two processes that the kernel killed.
pub(crate) fn forced(container_id: Option<&str>, name: Option<&str>) -> StopReport {
    let process = |pid: u32, role: &str, killed_by: Option<&str>, outcome: &str| {
        json!({
            "pid": pid, "ns_pid": pid - 8013, "ppid": 8014, "pgid": 1, "sid": 1, "comm": "sh",
            "cmdline": null, "role": role, "killed_by": killed_by, "outcome": outcome, "exit": null,
            "stop_signal": {"disposition": null, "disposition_at_end": null, "received": 0,
                "taken": null, "first_at_ms": null, "result": null, "from": null},
        })
    };
    let cause = json!({"id": "init-no-handler", "confidence": "certain", "summary": "s", "fix": [],
        "pids": [8014], "evidence": []});
    let report = json!({
        "schema": SCHEMA, "node": "worker-3",
        "started_at": "2026-11-22T10:06:20.910222315Z", "ended_at": "2026-11-22T10:06:30.92Z",
        "duration_ms": 10_013.2, "verdict": "forced", "lost_cleanup": 1,
        "workload": {"runtime": "docker", "container_id": container_id, "name": name,
            "image": "shop/web:1.4", "pod": null, "pid_namespace": 4_026_532_281_u32,
            "cgroup": null, "init": {"pid": 8014, "ns_pid": 1, "comm": "sh", "cmdline": null,
                "kind": "shell"}},
        "stop": {"trigger": "stop-signal", "signal": "SIGTERM", "result": "ignored", "taken": false,
            "sender": null, "kill": null, "grace_ms": 10_000.0, "grace_source": "docker",
            "grace_used_ms": 10_001.9},
        "cause": cause, "findings": [cause],
        "processes": [
            process(8014, "init", Some("runtime"), "killed-ignoring"),
            process(8043, "member", Some("pidns-teardown"), "killed-unsignalled"),
            process(8044, "member", Some("pidns-teardown"), "killed-handling"),
            process(8045, "member", None, "exited"),
            process(8046, "exec", Some("pidns-teardown"), "killed-unsignalled"),
        ],
        "signals": [], "observation": {"pidns_teardown": "fentry", "lost_records": 0},
    });
    serde_json::from_value(report).unwrap()
}

/// The same without a kill.
pub(super) fn graceful(container_id: Option<&str>, name: Option<&str>) -> StopReport {
    let mut report = forced(container_id, name);
    report.verdict = rinit_trace_core::model::Verdict::Graceful;
    report.cause = None;
    report.findings.clear();
    report.lost_cleanup = Some(0);
    report.processes.clear();
    report.duration_ms = 200.0;
    report.stop.grace_used_ms = Some(200.0);
    report
}

/// Its pod, as lookups name it.
pub(super) fn pod(namespace: &str, name: &str, container: &str) -> Pod {
    Pod {
        namespace: namespace.into(),
        name: name.into(),
        uid: "0b7c".into(),
        container: container.into(),
        owner: Some("web".into()),
    }
}

/// Names of a container of Docker.
pub(super) fn named(name: &str) -> WorkloadNames {
    WorkloadNames {
        name: Some(name.into()),
        ..WorkloadNames::default()
    }
}

/// Names of a container of a pod.
pub(super) fn in_pod(namespace: &str, name: &str, container: &str) -> WorkloadNames {
    WorkloadNames {
        pod: Some(pod(namespace, name, container)),
        ..WorkloadNames::default()
    }
}

/// Looks until it is so; panics after a minute.
pub(super) fn until(what: &str, mut look: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !look() {
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        std::thread::yield_now();
    }
}
