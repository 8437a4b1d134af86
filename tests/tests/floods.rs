//! A container that floods the tracer with signals hides nothing, neither of its own stop nor of those of others.

use std::{
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rinit_trace_tests::{
    Contained, Docker, Kernel, Namespace, Running, Tracer, UsersContainers, WORKLOAD,
    has_user_namespaces, trace_all, wait,
};

/// Stops beside an attack.
const VICTIMS: usize = 3;
/// As many as a pids limit of 64 leaves.
const BRAWLERS: usize = 60;

/// With little of the machine's time, as what is in a cgroup of its own has no more than its share.
fn attack(programs: &[&str]) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "19", WORKLOAD]).args(programs);
    command
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
    let _turn = my_turn();
    let tracer = trace_all();
    let brawl = format!("brawl={BRAWLERS}");
    let mut attacker = Namespace::start_command(attack(&[&brawl]), 1);
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
    let _turn = my_turn();
    let tracer = trace_all();
    let mut attacker = Namespace::start_command(attack(&["stubborn", "server", "storm=15"]), 3);
    victims_are_told(&tracer);
    attacker.stop(Duration::from_secs(1));
    let report = tracer.report_of(attacker.pid());
    report.is("/verdict", "forced");
    for member in ["server", "storm"] {
        let process = report.process(member);
        assert_eq!(process["killed_by"], "pidns-teardown", "{report}");
    }
}

/// Each of their ends makes a record, and may be a part of a stop.
#[test]
fn a_container_that_starts_processes_without_end() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let _turn = my_turn();
    let tracer = trace_all();
    let mut attacker = Contained::start_command(attack(&["litter"]), 1);
    victims_are_told(&tracer);
    attacker.ask();
    victims_are_told(&tracer);
    attacker.stop(Duration::from_secs(1));
    let report = tracer.report_of(attacker.id());
    let verdict = report.text("/verdict");
    assert!(["forced", "unknown"].contains(&verdict), "{report}");
}

/// They may be a part of the stop that begins in the next moment.
#[test]
fn ends_that_were_too_many_to_record_are_a_loss_of_the_stop_that_follows() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let _turn = my_turn();
    let tracer = Tracer::ready(&["--budget", "8", "-o", "jsonl"]);
    let mut namespace = Namespace::start(&["litter=1"]);
    namespace.wait_for("littered", 1000);
    namespace.kill();
    let report = tracer.report_of(namespace.pid());
    assert!(report.number("/observation/lost_records") > 0.0, "{report}");
    report.is("/lost_cleanup", ());
}

/// Each of them is a workload.
#[test]
fn a_user_who_makes_namespaces_without_end() {
    let Some(_kernel) = Kernel::ready().filter(|_| has_user_namespaces()) else {
        return;
    };
    let _turn = my_turn();
    let tracer = trace_all();
    let mut command = attack(&["namespaces"]);
    command.uid(USER).gid(USER);
    let _attacker = Running::start(command);
    victims_are_told(&tracer);
    let is_under_way = || (tracer.report_count() > 100).then_some(());
    wait::until("ends of its namespaces are told", is_under_way);
    victims_are_told(&tracer);
}

/// Far more records than fit into [`SMALL`].
const MANY: &str = "2000";
/// In KiB.
const SMALL: &str = "256";

/// An attack of one test would fill the small ring of another: they take turns.
fn my_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A container's stop while nobody reads the ring, and others have filled what they may of it.
fn is_told_when_the_ring_is_full(flood: impl FnOnce()) {
    let tracer = Tracer::ready(&["--ring-kib", SMALL, "-o", "jsonl"]);
    let mut victim = Contained::start(&["leaver", "server"]);
    tracer.pause();
    flood();
    victim.stop(wait::DEADLINE);
    tracer.go_on();
    let report = tracer.report_of(victim.pid());
    report.says("forced", "not-forwarded", 1);
    report.is("/cause/confidence", "certain");
    report.is("/observation/lost_records", 0);
    wait::until("the log tells of the others", || {
        tracer.stderr().contains("records were lost").then_some(())
    });
}

#[test]
fn a_user_leaves_room_in_the_ring() {
    let Some(_kernel) = Kernel::ready().filter(|_| has_user_namespaces()) else {
        return;
    };
    let _turn = my_turn();
    is_told_when_the_ring_is_full(|| {
        let mut command = Command::new(WORKLOAD);
        command
            .arg(format!("namespaces={MANY}"))
            .stdout(Stdio::null());
        assert!(command.uid(USER).gid(USER).status().unwrap().success());
    });
}

#[test]
fn a_container_leaves_room_in_the_ring() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let _turn = my_turn();
    is_told_when_the_ring_is_full(|| {
        let mut other = Contained::start(&[&format!("churn={MANY}")]);
        other.wait_for("churned", 1);
        other.stop(wait::DEADLINE);
    });
}

/// Anybody but root.
const USER: u32 = 1000;

/// More than there is room for: `MAINS_OF_USERS` of the kernel side.
const CONTAINERS: usize = 1030;

#[test]
fn a_user_who_makes_containers_without_end_hides_none_of_others() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = trace_all();
    let crowd = UsersContainers::make(USER, CONTAINERS);
    let told = "containers in a shared pid namespace are not traced";
    wait::until("the tracer says so", || {
        tracer.stderr().contains(told).then_some(())
    });
    let victim = docker.start(&["--pid=host"], &["/workload", "leaver", "server"], 2);
    victim.stop(10);
    let report = tracer.report_of(victim.id());
    report.says("forced", "cgroup-killed", 1);
    report.is("/observation/lost_records", 0);
    drop(crowd);
}

/// Processes of a stop that make a long report.
const CROWD: usize = 200;

#[test]
fn a_crowd_makes_no_endless_report() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let _turn = my_turn();
    let tracer = Tracer::ready(&["--report-kib", "32", "-o", "jsonl"]);
    let mut namespace = Namespace::start(&["leaver", &format!("crowd={CROWD}")]);
    namespace.stop(wait::DEADLINE);
    let report = tracer.report_of(namespace.pid());
    report.says("forced", "not-forwarded", 0);
    // With the init, and the one that made it.
    let unlisted = report
        .at("/observation/unlisted/processes")
        .as_u64()
        .unwrap();
    let listed = report.processes().len();
    assert!(listed > 10 && unlisted > 10, "{report}");
    let all = u64::try_from(CROWD + 2).unwrap();
    assert_eq!(u64::try_from(listed).unwrap() + unlisted, all, "{report}");
    assert_eq!(report.at("/processes/0/role"), "init", "{report}");
}
