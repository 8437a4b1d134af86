//! What `rinit-trace` reports of pods.

use rinit_trace_tests::{Containerd, trace_all};

use crate::{
    plans::plans,
    run::{new_namespace, run_all},
};

#[test]
fn every_container_is_reported_once_and_right_and_no_sandbox() {
    let Some(containerd) = Containerd::start() else {
        return;
    };
    let tracer = trace_all();
    let mut plans = plans(&new_namespace());
    plans.retain(|plan| !plan.needs_cri);
    let gone = run_all(&containerd, &plans);
    assert!(gone.sandboxes.len() >= 20, "{gone:?}");
    for one in &gone.containers {
        let report = tracer.report_of(one.id.as_str());
        report.is("/workload/runtime", "containerd");
        one.expected.is_said_by(&report);
    }
    tracer.catch_up();
    for one in &gone.containers {
        assert_eq!(tracer.reports_of(one.id.as_str()).len(), 1, "{one:?}");
    }
    for sandbox in &gone.sandboxes {
        tracer.no_report_of_yet(sandbox.as_str());
    }
}
