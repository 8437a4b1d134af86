//! Something says how the container is called, and is not believed: its names are left out.

use crate::{
    diagnose::Rule,
    knowledge::remarks::unverified_identity::ASK_BY_PID,
    model::{ClosedStop, Confidence, Finding, FindingId, NameDoubt},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::UnverifiedIdentity,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let summary = match stop.facts.name_doubt? {
        NameDoubt::Delegated => {
            "its cgroup has the name of a container, and is in one that was delegated to a user, who may give any name: names, image and grace period are left out"
        }
        NameDoubt::Contradicted => {
            "what is known of a container with this id does not fit this one (another main process, another pod, or a monitor that is not root's): what that says is left out"
        }
    };
    Some(Finding {
        id: RULE.id,
        confidence: Confidence::Certain,
        summary: summary.to_owned(),
        fix: vec![ASK_BY_PID.plain()],
        pids: vec![stop.report.workload.init.pid],
        evidence: Vec::new(),
    })
}
