//! Real inits as PID 1. They wait for signals by `sigtimedwait` or a signalfd, and have nothing to clean up themselves.

use std::{
    env,
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rinit_trace_tests::{
    Docker, Kernel, Namespace, Report, WORKLOAD, copy_program, shared_trace, skip,
};

const GRACE: Duration = Duration::from_secs(10);

fn find_init(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|program| program.is_file());
    if found.is_none() {
        skip(&format!(
            "needs {name}; `cargo xtask setup --tests` installs it"
        ));
    }
    found
}

/// Stops programs of `tests/workloads` below an init.
fn report_of_stop(init: &Path, options: &[&str], programs: &[&str]) -> Report {
    report_of_stop_with(init, options, &[], programs)
}

/// The same with variables in its environment.
fn report_of_stop_with(
    init: &Path,
    options: &[&str],
    environ: &[(&str, &str)],
    programs: &[&str],
) -> Report {
    let tracer = shared_trace();
    let mut command = Command::new(init);
    command.args(options).arg("--").arg(WORKLOAD).args(programs);
    command.envs(environ.iter().copied());
    let mut namespace = Namespace::start_command(command, programs.len());
    namespace.stop(GRACE);
    let report = tracer.report_of(namespace.pid());
    report.is("/stop/trigger", "stop-signal");
    report.is("/stop/taken", true);
    report.is("/observation/lost_records", 0);
    let init = report.at("/processes/0");
    assert_eq!(init["role"], "init", "{report}");
    assert_eq!(init["outcome"], "exited", "{report}");
    report
}

fn is_graceful(report: &Report, kind: &str) {
    report.says("graceful", "", 0);
    report.is("/workload/init/kind", kind);
}

fn is_forced(report: &Report, kind: &str, lost_cleanup: u64, cause: &str) {
    report.is("/verdict", "forced");
    report.is("/lost_cleanup", lost_cleanup);
    report.is("/workload/init/kind", kind);
    assert_eq!(report.cause(), cause, "{report}");
}

#[test]
fn tini_passes_the_signal_to_its_child_alone() {
    let (Some(_kernel), Some(tini)) = (Kernel::ready(), find_init("tini")) else {
        return;
    };
    is_graceful(
        &report_of_stop(&tini, &[], &["waiter", "server=50"]),
        "tini",
    );
    let report = report_of_stop(&tini, &[], &["leaver", "server"]);
    is_forced(&report, "tini", 1, "forwarded-to-child-only");
    let server = report.process("server");
    assert_eq!(server["outcome"], "killed-unsignalled", "{report}");
    assert_eq!(report.process("leaver")["outcome"], "exited", "{report}");
}

#[test]
fn tini_with_the_group_option_leaves_before_the_group_has_ended() {
    let (Some(_kernel), Some(tini)) = (Kernel::ready(), find_init("tini")) else {
        return;
    };
    let report = report_of_stop(&tini, &["-g"], &["server=100", "stubborn"]);
    is_forced(&report, "tini", 1, "init-exited-early");
    let stubborn = report.process("stubborn");
    assert_eq!(stubborn["outcome"], "killed-handling", "{report}");
}

#[test]
fn dumb_init_leaves_before_the_group_has_ended() {
    let (Some(_kernel), Some(dumb_init)) = (Kernel::ready(), find_init("dumb-init")) else {
        return;
    };
    let programs = ["waiter", "server=50"];
    is_graceful(&report_of_stop(&dumb_init, &[], &programs), "dumb-init");
    let report = report_of_stop(&dumb_init, &[], &["server=100", "stubborn"]);
    is_forced(&report, "dumb-init", 1, "init-exited-early");
    let stubborn = report.process("stubborn");
    assert_eq!(stubborn["outcome"], "killed-handling", "{report}");
}

#[test]
fn catatonit_passes_the_signal_to_its_child_alone() {
    let (Some(_kernel), Some(catatonit)) = (Kernel::ready(), find_init("catatonit")) else {
        return;
    };
    let programs = ["waiter", "server=50"];
    is_graceful(&report_of_stop(&catatonit, &[], &programs), "catatonit");
    let report = report_of_stop(&catatonit, &[], &["leaver", "server"]);
    is_forced(&report, "catatonit", 1, "forwarded-to-child-only");
    let server = report.process("server");
    assert_eq!(server["outcome"], "killed-unsignalled", "{report}");
}

#[test]
fn docker_run_with_init_does_not_reach_grandchildren() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = shared_trace();
    let container = docker.start(&["--init"], &["/workload", "leaver", "server"], 2);
    container.stop(10);
    let report = tracer.report_of(container.id());
    is_forced(&report, "docker-init", 1, "forwarded-to-child-only");
    let server = report.process("server");
    assert_eq!(server["outcome"], "killed-unsignalled", "{report}");
}

/// An empty value counts as well.
#[test]
fn tini_takes_the_group_option_from_its_environment() {
    let (Some(_kernel), Some(tini)) = (Kernel::ready(), find_init("tini")) else {
        return;
    };
    for value in ["1", ""] {
        let environ = [("TINI_KILL_PROCESS_GROUP", value)];
        let report = report_of_stop_with(&tini, &[], &environ, &["leaver", "stubborn"]);
        is_forced(&report, "tini", 1, "init-exited-early");
    }
}

#[test]
fn docker_run_with_init_takes_the_group_option_from_the_environment() {
    let Some(docker) = Docker::ready() else {
        return;
    };
    let tracer = shared_trace();
    let options = ["--init", "-e", "TINI_KILL_PROCESS_GROUP=1"];
    let container = docker.start(&options, &["/workload", "leaver", "stubborn"], 2);
    container.stop(10);
    let report = tracer.report_of(container.id());
    is_forced(&report, "docker-init", 1, "init-exited-early");
}

#[test]
fn dumb_init_can_be_told_to_signal_its_child_alone() {
    let (Some(_kernel), Some(dumb_init)) = (Kernel::ready(), find_init("dumb-init")) else {
        return;
    };
    let programs = ["leaver", "server"];
    let by_environ = [("DUMB_INIT_SETSID", "0")];
    for report in [
        report_of_stop(&dumb_init, &["-c"], &programs),
        report_of_stop(&dumb_init, &["--single-child"], &programs),
        report_of_stop_with(&dumb_init, &[], &by_environ, &programs),
    ] {
        is_forced(&report, "dumb-init", 1, "forwarded-to-child-only");
        let server = report.process("server");
        assert_eq!(server["outcome"], "killed-unsignalled", "{report}");
        assert!(
            report.text("/cause/fix/0").contains("without -c"),
            "{report}"
        );
    }
}

/// What it passes on is another signal than it was sent, and no usual stop signal.
#[test]
fn dumb_init_may_rewrite_the_signal() {
    let (Some(_kernel), Some(dumb_init)) = (Kernel::ready(), find_init("dumb-init")) else {
        return;
    };
    let report = report_of_stop(&dumb_init, &["-r", "15:10"], &["sleeper", "counter"]);
    is_forced(&report, "dumb-init", 1, "init-exited-early");
    let sleeper = report.process("sleeper");
    assert_eq!(sleeper["outcome"], "terminated", "{report}");
    assert_eq!(sleeper["exit"]["signal"], "SIGUSR1", "{report}");
    let counter = report.process("counter");
    // dumb-init leaves microseconds later: it may not have come to take it.
    let outcome = counter["outcome"].as_str().unwrap();
    assert!(
        ["killed-handling", "killed-pending"].contains(&outcome),
        "{report}"
    );
    assert_ne!(counter["stop_signal"]["received"], 0, "{report}");
    assert!(
        !report.signals("SIGUSR1", &counter["pid"]).is_empty(),
        "{report}"
    );
}

/// kill(2) is refused, and leaves no record: tini ends with an error.
#[test]
fn tini_that_may_not_signal_its_child_is_not_told_for_sure_to_have_kept_silent() {
    let (Some(_kernel), Some(tini)) = (Kernel::ready(), find_init("tini")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let sudo = folder.path().join("sudo");
    copy_program(Path::new("/usr/bin/setpriv"), &sudo);
    fs::set_permissions(&sudo, Permissions::from_mode(0o4755)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let tracer = shared_trace();
    let mut command = Command::new(&tini);
    command.arg("--").arg(&sudo);
    command.args(["--reuid", "0", "--clear-groups", WORKLOAD, "server"]);
    command.uid(1000).gid(1000);
    let mut namespace = Namespace::start_command(command, 1);
    namespace.stop(GRACE);
    let report = tracer.report_of(namespace.pid());
    report.says("forced", "not-forwarded", 1);
    report.is("/cause/confidence", "likely");
    let summary = report.text("/cause/summary");
    let uids = "its uid is 1000 and that of server is 0";
    assert!(summary.contains(uids), "{report}");
}
