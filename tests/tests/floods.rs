//! A container that floods the tracer with signals hides nothing, neither of its own stop nor of those of others.

use std::{process::Command, time::Duration};

use rinit_trace_tests::{Contained, Kernel, Namespace, Tracer, WORKLOAD, trace_all, wait};

/// Stops beside an attack.
const VICTIMS: usize = 3;
/// As many as a pids limit of 64 leaves.
const BRAWLERS: usize = 60;

/// With little of the machine's time, as what is in a cgroup of its own has no more than its share.
fn attack(programs: &[&str]) -> Namespace {
    let mut command = Command::new("nice");
    command.args(["-n", "19", WORKLOAD]).args(programs);
    Namespace::start_command(command, programs.len())
}

/// Stops of others while it is under way: all told, and right.
fn victims_are_told(tracer: &Tracer) {
    for _ in 0..VICTIMS {
        let mut victim = Contained::start(&["leaver", "server"]);
        victim.stop(wait::DEADLINE);
        let report = tracer.report_of(victim.pid());
        report.says("forced", "not-forwarded", 1);
        report.is("/cause/confidence", "certain");
        report.is("/observation/lost_records", 0);
    }
}

#[test]
fn processes_that_signal_each_other_without_end() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = trace_all();
    let brawl = format!("brawl={BRAWLERS}");
    let mut attacker = attack(&[&brawl]);
    victims_are_told(&tracer);
    attacker.stop(wait::DEADLINE);
    let report = tracer.report_of(attacker.pid());
    report.is("/verdict", "forced");
    assert_eq!(report.processes().len(), BRAWLERS + 1, "{report}");
}

/// Each of its deliveries is seen.
#[test]
fn a_process_that_signals_pid_1_without_end() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = trace_all();
    let mut attacker = attack(&["stubborn", "server", "storm=15"]);
    victims_are_told(&tracer);
    attacker.stop(Duration::from_secs(1));
    let report = tracer.report_of(attacker.pid());
    report.is("/verdict", "forced");
    for member in ["server", "storm"] {
        let process = report.process(member);
        assert_eq!(process["killed_by"], "pidns-teardown", "{report}");
    }
}
