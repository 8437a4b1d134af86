//! `rinit-trace` while it runs.

use std::{
    io::{PipeWriter, Read},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
};

use serde_json::Value;

use crate::{
    daemon::TRACES,
    lines::Lines,
    namespace::{Namespace, send},
    program::{Ended, plain, program, quiet},
    report::Report,
    wait,
};

/// A running `rinit-trace`. Dropping it kills it; what it said is printed when the test fails.
#[derive(Debug)]
pub struct Tracer {
    child: Child,
    arguments: Vec<String>,
    stdout: Lines,
    stderr: Lines,
}

/// Traces one workload, with a pretty JSON report at its end. Returns once the probes are attached.
pub fn trace(target: &str) -> Tracer {
    Tracer::ready(&["--container", target, "-o", "json"])
}

/// Traces all workloads of the host. Returns once the probes are attached.
pub fn trace_all() -> Tracer {
    Tracer::ready(&["-o", "jsonl"])
}

/// Traces all workloads of the host, for all tests that run at the same time: to load the probes takes a second or two.
/// It lives as long as one of them holds it.
pub fn shared_trace() -> Arc<Tracer> {
    static SHARED: Mutex<Weak<Tracer>> = Mutex::new(Weak::new());
    // Held while it starts: the others wait for it.
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let tracer = Arc::new(trace_all());
        *shared = Arc::downgrade(&tracer);
        tracer
    })
}

impl Tracer {
    /// Starts it and waits until it traces.
    pub fn ready(arguments: &[&str]) -> Self {
        let mut command = plain(program());
        command.args(arguments);
        Self::ready_command(command)
    }

    /// The same by another command that becomes it.
    pub fn ready_command(command: Command) -> Self {
        let mut tracer = Self::spawn_command(command);
        tracer.wait_until_it_traces();
        tracer
    }

    pub(crate) fn wait_until_it_traces(&mut self) {
        wait::until("rinit-trace says that it traces", || {
            assert!(!self.has_ended(), "rinit-trace ended before it traced");
            let is_said = self.stderr.count("tracing ") > 0;
            // As the daemon logs it.
            (is_said || self.stderr().contains(TRACES)).then_some(())
        });
    }

    /// Starts it.
    pub fn spawn(arguments: &[&str]) -> Self {
        let mut command = plain(program());
        command.args(arguments);
        Self::spawn_command(command)
    }

    pub(crate) fn spawn_command(command: Command) -> Self {
        Self::spawn_into(command, Stdio::piped())
    }

    pub(crate) fn spawn_into(mut command: Command, stdout: Stdio) -> Self {
        quiet(&mut command);
        command.stdout(stdout);
        Self::running(&mut command)
    }

    /// With a stderr that somebody else reads.
    pub(crate) fn spawn_logging(
        mut command: Command,
        stderr: PipeWriter,
        reader: impl Read + Send + 'static,
    ) -> Self {
        quiet(&mut command);
        command.stderr(stderr);
        let mut tracer = Self::running(&mut command);
        tracer.stderr = Lines::of(reader);
        tracer
    }

    fn running(command: &mut Command) -> Self {
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        Self {
            arguments: command
                .get_args()
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect(),
            stdout: child.stdout.take().map_or_else(Lines::none, Lines::of),
            stderr: child.stderr.take().map_or_else(Lines::none, Lines::of),
            child,
        }
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// What it has said on stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Keeps it from running: it reads nothing.
    pub fn pause(&self) {
        send(self.pid(), libc::SIGSTOP);
    }

    /// Lets it run again.
    pub fn go_on(&self) {
        send(self.pid(), libc::SIGCONT);
    }

    /// As Ctrl-C.
    pub fn interrupt(&self) {
        send(self.pid(), libc::SIGINT);
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        let status = wait::within(wait::LONG, || self.child.try_wait().unwrap())
            .expect("rinit-trace did not end");
        Ended {
            code: status.code(),
            stdout: self.stdout.all(),
            stderr: self.stderr.all(),
        }
    }

    /// Waits for its end, for the one report, and for the exit code that goes with the report's verdict.
    pub fn report(self) -> Report {
        let ended = self.ended();
        let report = Report::parse(&ended.stdout);
        let code = match report.text("/verdict") {
            "graceful" => 0,
            "forced" => 1,
            _ => 3,
        };
        assert_eq!(
            ended.code,
            Some(code),
            "exit code and verdict differ: {report}"
        );
        report
    }

    /// The reports so far of `-o jsonl`.
    pub fn reports(&self) -> Vec<Report> {
        self.reports_with("")
    }

    /// Those that have a text somewhere. The others are not parsed: they may be many, and tests look often.
    pub fn reports_with(&self, text: &str) -> Vec<Report> {
        let said = self.stdout.so_far();
        let lines = said.split_inclusive('\n');
        // The last one may be half there.
        lines
            .filter(|line| line.ends_with('\n') && line.contains(text))
            .map(Report::parse)
            .collect()
    }

    /// How many reports of `-o jsonl` there are so far.
    pub fn report_count(&self) -> usize {
        self.stdout.count("")
    }

    /// Waits for a report of the workload with this init or this container id.
    pub fn report_of(&self, workload: impl Into<Value>) -> Report {
        let workload = workload.into();
        let look = || self.reports_of(workload.clone()).pop();
        wait::within(wait::DEADLINE, look).unwrap_or_else(|| {
            let (stderr, stdout) = (self.stderr(), self.stdout.so_far());
            panic!("no report of {workload}; stderr:\n{stderr}stdout:\n{stdout}");
        })
    }

    /// The one report of a workload that has stopped. Another one is stopped and waited for: a second report would have
    /// come before.
    pub fn only_report_of(&self, workload: impl Into<Value>) -> Report {
        let workload = workload.into();
        let report = self.report_of(workload.clone());
        self.catch_up();
        assert_eq!(self.reports_of(workload).len(), 1, "{report}");
        report
    }

    /// Panics when the workload has been reported already.
    pub fn no_report_of(&self, workload: impl Into<Value>) {
        self.catch_up();
        self.no_report_of_yet(workload);
    }

    /// The same of what has been printed so far: call [`Self::catch_up`] before.
    pub fn no_report_of_yet(&self, workload: impl Into<Value>) {
        if let Some(early) = self.reports_of(workload).pop() {
            panic!("it has not stopped: {early}");
        }
    }

    /// Stops another workload and waits for its report: what was to be reported before has been by then.
    pub fn catch_up(&self) {
        let mut other = Namespace::start(&["server"]);
        other.stop(wait::DEADLINE);
        self.report_of(other.pid());
    }

    /// The reports so far of the workload with this init or this container id.
    pub fn reports_of(&self, workload: impl Into<Value>) -> Vec<Report> {
        let workload = workload.into();
        let mut reports = self.reports_with(&workload.to_string());
        reports.retain(|report| report.is_of(&workload));
        reports
    }

    /// Ends tracing of all as Ctrl-C does, and panics when that is not prompt, or when records were lost that may not be.
    pub fn finish(self) -> Vec<Report> {
        self.interrupt();
        let reports = {
            let ended = self.ended();
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            assert!(
                may_lose_records() || !ended.stderr.contains("lost"),
                "{}",
                ended.stderr
            );
            ended.stdout
        };
        reports.lines().map(Report::parse).collect()
    }
}

/// Whether records may be lost, where they show: on kernels whose tasks can be preempted in a tracepoint, in a slow emulation.
pub fn may_lose_records() -> bool {
    std::env::var_os("RINIT_TRACE_TEST_ALLOW_LOSS").is_some()
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Ended already in the usual case; then both do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("rinit-trace {}", self.arguments.join(" "));
            eprintln!("its stderr:\n{}", self.stderr.so_far());
            eprintln!("its stdout:\n{}", self.stdout.so_far());
        }
    }
}
