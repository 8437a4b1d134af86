//! The comparator itself: it takes a report that is right, and objects to each that is wrong. No kernel is asked.

use rinit_trace_tests::Report;
use serde_json::{Value, json};

use crate::{
    compare::{compare, hides_a_kill},
    connector::ThreadExit,
    drive::{Ran, Span},
    generate::{Init, Plan, Stop},
    notes::{self, Note},
    plan::{Meets, Node},
    truth::truth,
};

const MILLISECOND: u64 = 1_000_000;
/// When PID 1 was sent its signal.
const SENT: u64 = 100 * MILLISECOND;
const INIT: u32 = 8001;
const MEMBER: u32 = 8002;
const SIGKILL: u32 = 9;

fn end(pid: u32, status: u32, at: u64, parent: u32) -> Vec<ThreadExit> {
    vec![ThreadExit {
        tid: pid,
        status,
        at,
        parent,
    }]
}

/// PID 1 handles SIGTERM, exits and tells nobody; the kernel kills a member that has a handler.
fn not_forwarded() -> Ran {
    let handler = Node {
        meets: Meets::Handle,
        after: Some(0),
        ..Node::default()
    };
    let mut ran = Ran {
        plan: Plan {
            seed: 0,
            init: Init::Own,
            stop: Stop::Signals {
                signals: vec![(libc::SIGTERM, 0)],
                grace: 300,
            },
            nodes: vec![handler.clone(), handler],
            guest: None,
        },
        init: INIT,
        since: 1,
        wall: (std::time::UNIX_EPOCH, std::time::UNIX_EPOCH),
        signals: vec![(
            libc::SIGTERM,
            Span {
                begin: SENT,
                end: SENT + 1,
            },
        )],
        kill: None,
        init_exits: Vec::new(),
        exits: vec![
            end(INIT, 0, SENT + 30 * MILLISECOND, 1),
            end(MEMBER, SIGKILL, SENT + 25 * MILLISECOND, INIT),
        ],
        notes: vec![0; notes::WORDS],
        oom_kills: 0,
        guest: None,
    };
    for (process, pid) in [(0, INIT), (1, MEMBER)] {
        note(&mut ran, process, Note::HostPid, pid.into());
        note(&mut ran, process, Note::NsPid, u64::from(pid) - 8000);
        note(&mut ran, process, Note::Group, 2);
        note(&mut ran, process, Note::Session, 1);
        note(&mut ran, process, Note::Ready, SENT - MILLISECOND);
    }
    note(&mut ran, 0, Note::Taken, SENT + MILLISECOND);
    note(&mut ran, 0, Note::Exiting, SENT + 20 * MILLISECOND);
    ran
}

fn note(ran: &mut Ran, process: usize, note: Note, value: u64) {
    ran.notes[notes::place(process, note)] = value;
}

/// Its report.
fn right() -> Value {
    let process = |pid: u32, role: &str, outcome: &str, killed_by: Value, exit: Value| {
        json!({
            "pid": pid, "ns_pid": pid - 8000, "pgid": 1, "sid": null, "role": role,
            "outcome": outcome, "killed_by": killed_by, "exit": exit,
        })
    };
    json!({
        "schema": "rinit-trace.stop/v1",
        "stop": {"trigger": "stop-signal", "signal": "SIGTERM", "taken": true},
        "verdict": "forced",
        "lost_cleanup": 1,
        "cause": {"id": "not-forwarded", "confidence": "certain"},
        "processes": [
            process(INIT, "init", "exited", Value::Null, json!({"code": 0, "signal": null})),
            process(
                MEMBER,
                "member",
                "killed-unsignalled",
                "pidns-teardown".into(),
                json!({"code": null, "signal": "SIGKILL"}),
            ),
        ],
    })
}

fn objections(ran: &Ran, report: &Value) -> Vec<String> {
    compare(ran, &truth(ran), &Report::parse(&report.to_string()))
}

#[test]
fn a_right_report_is_taken() {
    assert_eq!(objections(&not_forwarded(), &right()), Vec::<String>::new());
}

#[test]
fn each_wrong_field_is_objected_to() {
    for (path, wrong) in [
        ("/verdict", json!("graceful")),
        ("/verdict", json!("unknown")),
        ("/lost_cleanup", json!(0)),
        ("/lost_cleanup", json!(2)),
        ("/lost_cleanup", Value::Null),
        ("/cause", Value::Null),
        ("/cause/id", json!("init-exited-early")),
        ("/cause/id", json!("unexplained")),
        ("/stop/trigger", json!("sigkill")),
        ("/stop/signal", json!("SIGINT")),
        ("/stop/signal", Value::Null),
        ("/stop/taken", json!(false)),
        ("/processes/0/outcome", json!("terminated")),
        ("/processes/0/exit/code", json!(143)),
        ("/processes/0/role", json!("member")),
        ("/processes/0/killed_by", json!("runtime")),
        ("/processes/1/outcome", json!("exited")),
        ("/processes/1/outcome", json!("killed-pending")),
        ("/processes/1/outcome", json!("killed-handling")),
        ("/processes/1/killed_by", json!("peer")),
        ("/processes/1/killed_by", Value::Null),
        ("/processes/1/exit/signal", json!("SIGTERM")),
        ("/processes/1/role", json!("exec")),
        ("/processes/1/pid", json!(9000)),
        ("/processes/1/ns_pid", json!(7)),
        ("/processes/1/pgid", json!(2)),
    ] {
        let mut report = right();
        *report.pointer_mut(path).unwrap() = wrong.clone();
        assert!(
            !objections(&not_forwarded(), &report).is_empty(),
            "{path} as {wrong} was taken"
        );
    }
}

#[test]
fn a_kill_that_a_graceful_report_hides_is_objected_to() {
    let hides = |ran: &Ran, verdict: &str| {
        let mut report = right();
        report["verdict"] = json!(verdict);
        hides_a_kill(ran, &Report::parse(&report.to_string())).is_some()
    };
    let mut ran = not_forwarded();
    assert!(hides(&ran, "graceful"));
    assert!(!hides(&ran, "forced") && !hides(&ran, "unknown"));
    ran.plan.nodes[1].enters = true;
    assert!(!hides(&ran, "graceful"), "an exec session may be killed");
}

#[test]
fn a_member_too_many_or_too_few_is_objected_to() {
    let mut report = right();
    let processes = report["processes"].as_array_mut().unwrap();
    let member = processes.pop().unwrap();
    assert!(!objections(&not_forwarded(), &report).is_empty());
    let mut stranger = member.clone();
    stranger["pid"] = json!(8003);
    stranger["ns_pid"] = json!(3);
    report["processes"]
        .as_array_mut()
        .unwrap()
        .extend([member, stranger]);
    assert!(!objections(&not_forwarded(), &report).is_empty());
}

/// One that had ended by itself before the signal is no member, and without it nobody was killed.
#[test]
fn who_ended_before_the_stop_is_no_member() {
    let mut ran = not_forwarded();
    ran.exits[1] = end(MEMBER, 0, SENT - MILLISECOND, INIT);
    note(&mut ran, 1, Note::Exiting, SENT - 2 * MILLISECOND);
    note(&mut ran, 1, Note::Ready, SENT - 2 * MILLISECOND);
    assert!(!objections(&ran, &right()).is_empty());
    let mut report = right();
    report["processes"].as_array_mut().unwrap().pop();
    report["verdict"] = json!("graceful");
    report["lost_cleanup"] = json!(0);
    assert!(!objections(&ran, &report).is_empty(), "a cause of nothing");
    report["cause"] = Value::Null;
    assert_eq!(objections(&ran, &report), Vec::<String>::new());
}

/// What PID 1 passed on was taken by the member, or not: when nobody noted either, both may be said.
#[test]
fn taken_and_pending_are_told_apart_when_it_is_known() {
    let passed_on = |meets: Meets| {
        let mut ran = not_forwarded();
        ran.plan.nodes[0].forward = crate::plan::Forward::Children;
        ran.plan.nodes[1].meets = meets;
        note(&mut ran, 0, Note::ForwardBegin, SENT + 9 * MILLISECOND);
        note(&mut ran, 0, Note::ForwardEnd, SENT + 10 * MILLISECOND);
        ran
    };
    let report = |outcome: &str, lost: u64| {
        let mut report = right();
        report["cause"]["id"] = json!("init-exited-early");
        report["lost_cleanup"] = json!(lost);
        report["processes"][1]["outcome"] = json!(outcome);
        report
    };
    let (handling, pending) = (report("killed-handling", 1), report("killed-pending", 1));
    let unnoted = passed_on(Meets::Handle);
    assert!(objections(&unnoted, &handling).is_empty());
    assert!(objections(&unnoted, &pending).is_empty());
    assert!(!objections(&unnoted, &report("killed-unsignalled", 1)).is_empty());
    let mut taken = unnoted;
    note(&mut taken, 1, Note::Taken, SENT + 12 * MILLISECOND);
    assert!(objections(&taken, &handling).is_empty());
    assert!(!objections(&taken, &pending).is_empty());
    let blocked = passed_on(Meets::Block);
    assert!(!objections(&blocked, &report("killed-handling", 0)).is_empty());
    assert!(objections(&blocked, &report("killed-pending", 0)).is_empty());
}
