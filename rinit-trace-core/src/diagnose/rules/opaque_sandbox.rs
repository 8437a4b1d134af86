//! The container runs under a kernel of its own. Its processes are not among those of the host, whose
//! signals and exits are those of a virtual machine's monitor, or of gVisor's sentry.

use crate::{
    diagnose::Rule,
    knowledge::remarks::opaque_sandbox::TRACE_INSIDE,
    model::{ClosedStop, Confidence, Finding, FindingId},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::OpaqueSandbox,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let init = &stop.report.workload.init;
    stop.facts.is_opaque.then(|| Finding {
        id: RULE.id,
        confidence: Confidence::Certain,
        summary: format!(
            "its processes run under a kernel of their own, in {}: how they ended cannot be seen from here",
            init.comm
        ),
        fix: vec![TRACE_INSIDE.plain()],
        pids: vec![init.pid],
        evidence: Vec::new(),
    })
}
