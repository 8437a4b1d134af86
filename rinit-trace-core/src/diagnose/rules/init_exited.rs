//! PID 1 ended by itself while members were left; the kernel killed them with the namespace
//! (`zap_pid_ns_processes()` in `kernel/pid_namespace.c`). Nobody had sent a stop signal, and PID 1 is
//! no init that left because its main child had ended: that is another cause.

use crate::{
    diagnose::{
        Rule,
        view::{init, init_ended_by_itself, torn_down},
        words,
    },
    knowledge::causes::{INIT_THAT_WAITS, init_exited::STOP_CHILDREN},
    model::{ClosedStop, Confidence, Evidence, Finding, FindingId, InitKind, Trigger},
};

pub(in crate::diagnose) const RULE: Rule = Rule {
    id: FindingId::InitExited,
    check,
};

fn check(stop: &ClosedStop) -> Option<Finding> {
    let report = &stop.report;
    let (index, init_process) = init(report)?;
    let by_itself = matches!(
        report.stop.trigger,
        Trigger::InitExit | Trigger::MainChildExit
    ) && init_ended_by_itself(report);
    let kind = report.workload.init.kind;
    // Such an init leaves without a main child only when it fails itself.
    let of_main_child =
        report.stop.trigger == Trigger::MainChildExit && kind.leaves_with_main_child();
    let torn_down: Vec<_> = torn_down(stop).collect();
    if !by_itself || of_main_child || torn_down.is_empty() {
        return None;
    }
    let how = words::how_it_ended(init_process);
    let names = words::names(torn_down.iter().copied());
    let (mut pids, mut evidence) = words::about(report, torn_down.iter().copied());
    pids.insert(0, init_process.pid);
    evidence.insert(0, Evidence::Process(index));
    let (asked, doubt) = words::may_have_been_asked(stop)?;
    Some(Finding {
        id: RULE.id,
        confidence: if kind == InitKind::Unknown {
            Confidence::Likely
        } else {
            asked
        },
        summary: format!(
            "PID 1 ({}) {how} by itself while {names} still ran; the kernel killed what was left with the pid namespace{doubt}",
            init_process.comm
        ),
        fix: vec![STOP_CHILDREN.plain(), INIT_THAT_WAITS.plain()],
        pids,
        evidence,
    })
}
