//! Another container in the same pid namespace, as of `docker run --pid=container:X`: a process that has entered from
//! outside with a cgroup of its own, and what is below it. It is a workload of its own.
//!
//! Its processes are simpler than those of the tree: they send nobody signals, and have one thread. Either the end of
//! the namespace's owner takes all along, or it is stopped before, as runc does it.

use std::{
    fs, io,
    os::unix::{fs::symlink, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rinit_trace_tests::{Cgroup, Report, TREE, enter, send, wait};
use serde_json::Value;

use crate::{
    compare,
    connector::{Connector, ThreadExit},
    drive,
    notes::{self, Note},
    plan::{Forward, Meets, Node, Place},
    rng::Rng,
};

/// What it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guest {
    pub(crate) nodes: Vec<Node>,
    /// Stopped before the owner of the namespace is, with this grace period in milliseconds.
    pub(crate) grace: Option<u32>,
}

/// In some trees. Nobody of the tree may signal everybody there is: that would be the guest, too.
pub(crate) fn guest(rng: &mut Rng, nodes: &mut [Node]) -> Option<Guest> {
    if !rng.chance(8) {
        return None;
    }
    for node in nodes {
        if node.forward == Forward::All {
            node.forward = Forward::Children;
        }
    }
    let count = rng.pick(&[(30, 1), (30, 2), (25, 3), (15, 4)]);
    let nodes = (0..count).map(|index| Node {
        parent: rng.below(index),
        enters: index == 0,
        meets: rng.pick(&[
            (3, Meets::Handle),
            (2, Meets::Default),
            (1, Meets::Ignore),
            (1, Meets::Block),
        ]),
        after: rng.pick(&[(1, None), (2, Some(0)), (2, Some(10))]),
        code: rng.pick(&[(1, 0), (1, 143)]),
        place: if index == 0 || rng.chance(15) {
            Place::OwnSession
        } else {
            Place::Inherited
        },
        ..Node::default()
    });
    let nodes = nodes.collect();
    let grace = rng.chance(50).then(|| rng.between(30, 120));
    Some(Guest { nodes, grace })
}

/// It runs.
#[derive(Debug)]
pub(crate) struct Running {
    guest: Guest,
    folder: PathBuf,
    main: Child,
    cgroup: Cgroup,
}

/// What is known of one that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) guest: Guest,
    notes: Vec<u64>,
    exits: Vec<ThreadExit>,
}

impl Guest {
    /// Starts it in the namespace of a process, and waits until all of it is ready.
    pub(crate) fn start(&self, owner: u32, folder: &Path) -> Running {
        let folder = folder.join("guest");
        fs::create_dir(&folder).unwrap();
        let lines: Vec<String> = self.nodes.iter().map(ToString::to_string).collect();
        fs::write(folder.join("plan"), lines.join("\n")).unwrap();
        fs::write(folder.join("notes"), vec![0; notes::WORDS * 8]).unwrap();
        let cgroup = Cgroup::of_container();
        let mut command = Command::new(TREE);
        command.arg(&folder).args(["0", "enter"]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        drive::run_in(&mut command, cgroup.path());
        // As containers have: by that the program tells the main process from those that set the container up.
        let mounts_of_its_own = || {
            // SAFETY: passes no memory.
            match unsafe { libc::unshare(libc::CLONE_NEWNS) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        };
        // SAFETY: one system call, which passes no memory.
        unsafe { command.pre_exec(mounts_of_its_own) };
        let running = Running {
            guest: self.clone(),
            main: enter(owner, command),
            folder,
            cgroup,
        };
        wait::until("processes of the guest are ready", || {
            let notes = running.notes();
            let mut all = 0..self.nodes.len();
            all.all(|process| notes[notes::place(process, Note::Ready)] > 0)
                .then_some(())
        });
        running
    }
}

impl Running {
    fn notes(&self) -> Vec<u64> {
        drive::read(&self.folder.join("notes"))
    }

    /// Stops it as runc does, if that is planned: when the main process has ended it kills what is left, one by one.
    pub(crate) fn stop(mut self) -> Stopped {
        if let Some(grace) = self.guest.grace {
            send(self.main.id(), libc::SIGTERM);
            let grace = Duration::from_millis(grace.into());
            let has_ended = |main: &mut Child| main.try_wait().unwrap().map(drop);
            if wait::within(grace, || has_ended(&mut self.main)).is_none() {
                send(self.main.id(), libc::SIGKILL);
                wait::until("the guest's main process ends", || {
                    has_ended(&mut self.main)
                });
            }
            self.kill_rest();
        }
        let notes = self.notes();
        let Self {
            guest,
            mut main,
            cgroup,
            ..
        } = self;
        // The namespace does not end before somebody has waited for it.
        let ended = thread::spawn(move || {
            main.wait().unwrap();
            drop(cgroup);
        });
        Stopped {
            ended,
            guest,
            notes,
        }
    }

    fn kill_rest(&self) {
        let runc = self.folder.join("runc");
        symlink("/bin/sh", &runc).unwrap();
        let left = fs::read_to_string(format!("{}/cgroup.procs", self.cgroup.path())).unwrap();
        let mut command = Command::new(runc);
        command.args(["-c", "for pid; do kill -KILL $pid; done; :", "runc"]);
        assert!(command.args(left.lines()).status().unwrap().success());
    }
}

/// One that has been stopped, or will end with its namespace.
#[derive(Debug)]
pub(crate) struct Stopped {
    ended: thread::JoinHandle<()>,
    guest: Guest,
    notes: Vec<u64>,
}

impl Stopped {
    /// Collects what is known, once the namespace has ended.
    pub(crate) fn ended(self, connector: &Connector, since: u64) -> Ended {
        self.ended.join().unwrap();
        let host_pid = |process| self.notes[notes::place(process, Note::HostPid)];
        let exits = (0..self.guest.nodes.len()).map(|process| {
            let pid = u32::try_from(host_pid(process)).unwrap();
            wait::until("the ends of the guest", || {
                connector.exits_of(pid, since).last().copied()
            })
        });
        Ended {
            exits: exits.collect(),
            guest: self.guest,
            notes: self.notes,
        }
    }
}

impl Ended {
    fn note(&self, process: usize, note: Note) -> u64 {
        self.notes[notes::place(process, note)]
    }

    /// Host pid of its main process.
    pub(crate) fn main(&self) -> u32 {
        u32::try_from(self.note(0, Note::HostPid)).unwrap()
    }

    fn is_sigkilled(&self, process: usize) -> bool {
        self.exits[process].status & 0x7f == libc::SIGKILL.unsigned_abs()
    }

    /// Who was killed.
    fn killed(&self) -> impl Iterator<Item = usize> {
        (0..self.guest.nodes.len()).filter(|process| self.is_sigkilled(*process))
    }

    fn is_forced(&self) -> bool {
        self.killed().next().is_some()
    }

    fn verdict(&self) -> &'static str {
        if self.is_forced() {
            "forced"
        } else {
            "graceful"
        }
    }

    fn lost_cleanup(&self) -> u64 {
        let handles = |process: &usize| self.guest.nodes[*process].meets == Meets::Handle;
        self.killed().filter(handles).count() as u64
    }

    /// The same of a report with lost records.
    pub(crate) fn wrong_incomplete(&self, report: &Report) -> Vec<String> {
        compare::compare_incomplete(&[self.verdict()], self.lost_cleanup(), report)
    }

    /// What a report says of it that is not so.
    pub(crate) fn wrong(&self, report: &Report) -> Vec<String> {
        let (is_forced, lost) = (self.is_forced(), self.lost_cleanup());
        let is_stopped = self.guest.grace.is_some();
        let trigger = if is_stopped {
            "stop-signal"
        } else {
            "owner-exit"
        };
        let mut wrong = Vec::new();
        for (path, expected) in [
            ("/stop/trigger", Value::from(trigger)),
            ("/stop/signal", is_stopped.then_some("SIGTERM").into()),
            ("/verdict", self.verdict().into()),
            ("/lost_cleanup", lost.into()),
            ("/observation/lost_records", 0.into()),
        ] {
            check(&mut wrong, path, report.at(path), &[expected]);
        }
        if is_forced {
            check(
                &mut wrong,
                "cause",
                report.at("/cause/id"),
                &any_of(self.causes()),
            );
        }
        for process in 0..self.guest.nodes.len() {
            self.wrong_of(process, report, &mut wrong);
        }
        let count = report.processes().len().into();
        check(
            &mut wrong,
            "count",
            &count,
            &[self.guest.nodes.len().into()],
        );
        wrong
    }

    fn wrong_of(&self, process: usize, report: &Report, wrong: &mut Vec<String>) {
        let pid = self.note(process, Note::HostPid);
        let mut listed = report.processes().iter();
        let Some(told) = listed.find(|told| told["pid"] == pid) else {
            wrong.push(format!("process {pid} of the guest is not listed"));
            return;
        };
        let killer = match (self.is_sigkilled(process), self.guest.grace) {
            (false, _) => None,
            (true, Some(_)) => Some("runtime"),
            (true, None) => Some("pidns-teardown"),
        };
        let role = if process == 0 { "init" } else { "member" };
        for (key, expected) in [
            ("ns_pid", vec![self.note(process, Note::NsPid).into()]),
            ("role", vec![role.into()]),
            ("outcome", any_of(self.outcomes(process))),
            ("killed_by", vec![killer.into()]),
        ] {
            check(wrong, &format!("{key} of {pid}"), &told[key], &expected);
        }
    }

    /// What the cause may be.
    fn causes(&self) -> Vec<&'static str> {
        if self.guest.grace.is_none() {
            return vec!["pidns-owner-exited"];
        }
        match self.guest.nodes[0].meets {
            _ if !self.is_sigkilled(0) => vec!["cgroup-killed"],
            Meets::Ignore => vec!["init-ignores-signal"],
            Meets::Block => vec!["signal-blocked"],
            _ if self.has_taken() => vec!["grace-exceeded"],
            _ => vec!["grace-exceeded", "signal-blocked"],
        }
    }

    fn outcomes(&self, process: usize) -> Vec<&'static str> {
        let is_asked = process == 0 && self.guest.grace.is_some();
        match self.exits[process].status & 0x7f {
            0 => vec!["exited"],
            _ if !self.is_sigkilled(process) => vec!["terminated"],
            _ if !is_asked => vec!["killed-unsignalled"],
            _ => match self.guest.nodes[process].meets {
                Meets::Ignore => vec!["killed-ignoring"],
                Meets::Block => vec!["killed-pending"],
                _ if self.has_taken() => vec!["killed-handling"],
                // On a busy machine it may not have come to note it, or to run.
                _ => vec!["killed-handling", "killed-pending"],
            },
        }
    }

    /// Whether the main process has noted that it took the signal.
    fn has_taken(&self) -> bool {
        self.note(0, Note::Taken) > 0
    }
}

fn check(wrong: &mut Vec<String>, what: &str, told: &Value, expected: &[Value]) {
    if !expected.contains(told) {
        wrong.push(format!(
            "{what} of the guest is {told}, not one of {expected:?}"
        ));
    }
}

fn any_of(words: Vec<&str>) -> Vec<Value> {
    words.into_iter().map(Value::from).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Its main process handles the signal and exits; runc kills another.
    fn ended() -> Ended {
        let node = Node {
            meets: Meets::Handle,
            ..Node::default()
        };
        let mut notes = vec![0; notes::WORDS];
        for process in 0..2 {
            let pid = 20 + u64::try_from(process).unwrap();
            notes[notes::place(process, Note::HostPid)] = 9000 + pid;
            notes[notes::place(process, Note::NsPid)] = pid;
        }
        let exit = |status| ThreadExit {
            tid: 0,
            status,
            at: 1,
            parent: 0,
        };
        Ended {
            guest: Guest {
                nodes: vec![node.clone(), node],
                grace: Some(50),
            },
            notes,
            exits: vec![exit(0), exit(9)],
        }
    }

    fn right() -> Value {
        json!({
            "schema": "rinit-trace.stop/v1",
            "stop": {"trigger": "stop-signal", "signal": "SIGTERM"},
            "verdict": "forced",
            "lost_cleanup": 1,
            "cause": {"id": "cgroup-killed"},
            "observation": {"lost_records": 0},
            "processes": [
                {"pid": 9020, "ns_pid": 20, "role": "init", "outcome": "exited", "killed_by": null},
                {"pid": 9021, "ns_pid": 21, "role": "member", "outcome": "killed-unsignalled", "killed_by": "runtime"},
            ],
        })
    }

    #[test]
    fn a_right_report_of_a_guest_is_taken_and_each_wrong_field_objected_to() {
        let objections = |report: &Value| ended().wrong(&Report::parse(&report.to_string()));
        assert_eq!(objections(&right()), Vec::<String>::new());
        for (path, wrong) in [
            ("/verdict", json!("graceful")),
            ("/lost_cleanup", json!(0)),
            ("/cause/id", json!("not-forwarded")),
            ("/stop/trigger", json!("owner-exit")),
            ("/stop/signal", Value::Null),
            ("/processes/0/role", json!("member")),
            ("/processes/0/outcome", json!("terminated")),
            ("/processes/1/outcome", json!("killed-pending")),
            ("/processes/1/killed_by", json!("pidns-teardown")),
            ("/processes/1/ns_pid", json!(1)),
            ("/processes/1/pid", json!(9000)),
            ("/processes", json!([])),
        ] {
            let mut report = right();
            *report.pointer_mut(path).unwrap() = wrong.clone();
            assert!(
                !objections(&report).is_empty(),
                "{path} as {wrong} was taken"
            );
        }
    }
}
