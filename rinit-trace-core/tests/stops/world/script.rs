//! The language of scenarios. One line is one thing; `#` begins a comment.
//!
//! Before the first event, who is there:
//! ```text
//! trace  started=-5s deliveries=no containers=unknown    when the trace began; long ago if not told
//! init   sh age=3s                    PID 1; a hundred seconds old if not told
//! names  grace=10s grace=30s,pod stop=USR1 pre-stop=yes opaque=yes what the lookup answers; `when=told`: not before `+1 names`
//! member 7 java handles=TERM parent=1 sid=1 pgid=7 ignores= blocks= waits= cgroup= threads= zombie unmarked entered traced=9 pdeath=KILL
//! init   tini cmd=tini,-g,--,app env=TINI_KILL_PROCESS_GROUP=1 exe=/usr/bin/tini   (env= is empty)
//! exec   30 bash sid=30               entered from outside, before the trace
//! member 40 chrome nested=1           the init of a pid namespace within the container's
//! container B web pid=20 joins=A      another container in the namespace of A; joins=host
//! ```
//! Then events, at seconds since the scenario began (`+2.5`, `+10m`, `+3h+10.1`). What the kernel
//! makes of a signal follows from the target; a word behind it says otherwise:
//! ```text
//! +0     TERM runc -> 1 ignored default      result and disposition as told
//! +1     KILL 7 -> 8 x64 thread              64 times, to threads
//! +1     KILL host:bash -> 1                 from the host; kid:NAME is a child of the shim, engine:podman runs crun
//! +1     KILL runc -> 8 cgroup               by cgroup.kill; `forked`: while 8 is being forked
//! +1     KILL 7 -> 8 kernel                  by the kernel, while 7 ran
//! +2     zap 7 8                             the dying init SIGKILLs them; `by=40`, `by=A/1`: which
//! +2     exit 7 killed | TERM | code=3       ended; `zombie`: and is not reaped
//! +2     end                                 the namespace is empty; `gone B`: the cgroup is
//! +2     now 7 handles=TERM                  from here on; +2 takes 7 TERM: no longer pending
//! +2     drops 1 TERM                       unblocked without a handler, delivered and dropped
//! +2     execs 1 nginx · enter 30 bash · spawn 9 worker · reap 7 · oom 7 · marks 7 · teardown
//! +2     lost 3 · lost 3 unknown · names · members · known · wait · finish (the trace ends)
//! ```
//! At last, what is expected; a path goes into the JSON of the report:
//! ```text
//! => verdict forced                   `=2>` for the second report; `=> reports 0` for none
//! => cause.summary ~ has no SIGTERM   contains
//! => 7 killed-unsignalled member      outcome, killed_by and role of a process, in any order
//! => 7.stop_signal.taken null
//! ```
//! Namespace `A` is meant where none is named: `init B app`, `TERM runc -> B/1`, `end B`. After
//! `crowd 50` each line with `*` (`init * app`, `end *`) is told of fifty, one after the other.

use std::{iter::Peekable, str::SplitWhitespace, time::Duration};

use rinit_trace_core::{
    correlate::{Config, Whose},
    model::{
        BootTime, Disposition, Event, ExitStatus, Grace, GraceSource, PidNs, ProcessKey,
        SendResult, Signal, SignalInfo, Task,
    },
};

use super::{
    Answers, HOST, Id, Sent, World, ZERO, nanos,
    process::{Process, shim_pid},
    text::{duration, find, id, letter_of, lines, lines_of_all, mask, signal},
};

type Words<'a> = Peekable<SplitWhitespace<'a>>;

/// Plays a scenario, then lets everything close.
pub(crate) fn play(text: &str) -> World {
    let mut world = play_until(text);
    world.settle();
    world
}

/// The same up to its last line, without the time that follows.
pub(crate) fn play_until(text: &str) -> World {
    let mut world = World::new(config(text));
    for line in &lines_of_all(text) {
        let mut words = line.split_whitespace().peekable();
        let first = words.next().unwrap();
        if let Some(time) = first.strip_prefix('+') {
            let at = ZERO.plus(duration(time));
            world.advance(at);
            event(&mut world, at, &mut words);
        } else {
            declare(&mut world, first, &mut words);
        }
    }
    world
}

fn config(text: &str) -> Config {
    let mut config = Config::default();
    let mut words = lines(text)
        .filter_map(|line| line.strip_prefix("trace "))
        .flat_map(str::split_whitespace);
    for (key, value) in words.by_ref().filter_map(|token| token.split_once('=')) {
        match key {
            "started" => {
                config.started = BootTime(ZERO.0 - nanos(duration(value.trim_start_matches('-'))));
            }
            "deliveries" => config.sees_deliveries = value == "yes",
            "containers" => config.knows_containers = value == "known",
            "max_facts" => config.max_facts = value.parse().unwrap(),
            "max_workloads" => config.max_workloads = value.parse().unwrap(),
            _ => panic!("trace {key}?"),
        }
    }
    config
}

fn declare(world: &mut World, what: &str, words: &mut Words) {
    let letter = match words.peek() {
        // Those after Z are of a crowd.
        Some(token) if token.len() == 1 && **token >= *"A" => letter_of(words.next().unwrap()),
        _ => 'A',
    };
    match what {
        "trace" | "crowd" => {}
        "init" => {
            let comm = words.next().unwrap();
            let attributes: Vec<&str> = words.collect();
            let age = find(&attributes, "age").map_or(Duration::from_secs(100), duration);
            if !world.namespaces.contains_key(&letter) {
                world.add_namespace(letter, comm, age);
            }
            if let Some(other) = find(&attributes, "inum-of") {
                // A kernel without ns_id: the number is reused at once.
                let inum = world.namespaces[&other.chars().next().unwrap()].id.inum;
                let namespace = world.namespaces.get_mut(&letter).unwrap();
                namespace.id = PidNs {
                    id: 0,
                    inum,
                    ..namespace.id
                };
            }
            set(world.process((letter, 1)), &attributes);
        }
        "member" | "exec" => {
            let (id, comm) = (id(words.next().unwrap()), words.next().unwrap());
            let attributes: Vec<&str> = words.collect();
            add(world, id, comm, &attributes, what == "exec");
        }
        "container" => container(world, letter, &words.collect::<Vec<_>>()),
        "names" => names(world, letter, &words.collect::<Vec<_>>()),
        _ => panic!("{what}?"),
    }
}

fn container(world: &mut World, letter: char, words: &[&str]) {
    let age = find(words, "age").map_or(Duration::from_secs(60), duration);
    let pid = find(words, "pid").expect("pid=").parse().unwrap();
    let mut main = Process::init((letter, pid), words[0], BootTime(world.now.0 - nanos(age)));
    main.sid = Some(pid);
    set(&mut main, &words[1..]);
    let joins = find(words, "joins").expect("joins=");
    let owner = (joins != "host").then(|| letter_of(joins));
    world.add_container(letter, owner, main);
}

fn add(world: &mut World, id: Id, comm: &str, attributes: &[&str], is_exec: bool) {
    let age = find(attributes, "age").map_or(Duration::from_secs(50), duration);
    let start = BootTime(world.now.0 - nanos(age));
    let mut process = Process::new(id, comm, start);
    let main = world.namespaces[&id.0].main;
    process.cgroup = world.processes[&(id.0, main)].cgroup;
    process.parent = Some(main);
    if is_exec {
        process.parent = None;
        process.came = true;
        process.sid = Some(id.1);
    }
    set(&mut process, attributes);
    // The kernel side follows descent from what came from outside.
    let parent = process
        .parent
        .and_then(|parent| world.processes.get(&(id.0, parent)));
    process.entered |= parent.is_some_and(|parent| parent.came || parent.entered);
    world.processes.insert(id, process);
}

fn names(world: &mut World, letter: char, attributes: &[&str]) {
    let namespace = world.namespaces.get_mut(&letter).expect("`init` first");
    for attribute in attributes {
        match attribute.split_once('=').unwrap() {
            ("when", "told") => namespace.answers = Answers::WhenTold,
            ("grace", value) => {
                let (period, source) = match value.strip_suffix(",pod") {
                    Some(period) => (period, GraceSource::Pod),
                    None => (value, GraceSource::Docker),
                };
                namespace.names.grace = Some(Grace {
                    period: duration(period),
                    source,
                });
            }
            ("pre-stop", value) => namespace.names.has_pre_stop = value == "yes",
            ("opaque", value) => namespace.names.is_opaque = value == "yes",
            ("stop", "unknown") => namespace.names.stop_signal = None,
            ("stop", value) => namespace.names.stop_signal = Some(value.parse().unwrap()),
            ("name", value) => namespace.names.name = Some(value.to_owned()),
            other => panic!("names {other:?}?"),
        }
    }
}

fn set(process: &mut Process, attributes: &[&str]) {
    for attribute in attributes {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        match key {
            "age" | "inum-of" | "pid" | "joins" => {}
            "nested" => process.nested = value.parse().ok(),
            "shim" => process.shim = letter_of(value),
            "orphan" => process.parent = None,
            "handles" => process.handled = mask(value),
            "ignores" => process.ignored = mask(value),
            "blocks" => process.blocked = mask(value),
            "waits" => {
                process.blocked |= mask(value);
                process.waits = mask(value);
            }
            "parent" => process.parent = Some(value.parse().unwrap()),
            "sid" => process.sid = value.parse().ok(),
            "pgid" => process.pgid = value.parse().ok(),
            "threads" => process.threads = value.parse().unwrap(),
            "traced" => process.traced_by(value),
            "oom" => process.oom = true,
            "entered" => process.entered = true,
            "uid" => process.uid = value.parse().ok(),
            "delegated" => process.is_delegated = true,
            "pdeath" => process.pdeath = Some(signal(value)),
            "env" => {
                let (name, value) = value.split_once('=').unwrap_or((value, ""));
                let settings = process.settings.get_or_insert_default();
                if !name.is_empty() {
                    let environ = settings.environ.get_or_insert_default();
                    environ.push((name.to_owned(), value.to_owned()));
                }
                settings.environ.get_or_insert_default();
            }
            "exe" => process.settings.get_or_insert_default().exe = Some(value.to_owned()),
            "cgroup" => process.cgroup = value.parse().unwrap(),
            "cmd" => process.cmdline = value.split(',').map(str::to_owned).collect(),
            "zombie" => process.become_zombie(),
            "unmarked" => process.is_unmarked = true,
            _ => panic!("{attribute}?"),
        }
    }
}

fn event(world: &mut World, at: BootTime, words: &mut Words) {
    let what = words.next().unwrap();
    let rest: Vec<&str> = words.collect();
    let letter = rest
        .iter()
        .find(|token| token.len() == 1 && world.namespaces.contains_key(&letter_of(token)))
        .map_or('A', |token| letter_of(token));
    match what {
        "zap" => {
            let victims = rest.iter().filter(|token| !token.contains('='));
            for victim in victims.map(|token| id(token)) {
                let by = find(&rest, "by").map_or((victim.0, 1), id);
                world.zap(at, by, victim);
            }
        }
        "exit" => exit(world, at, &rest),
        "end" => world.end(at, letter),
        "gone" => {
            let cgroup = world.namespaces[&letter].container;
            world.handle(&Event::CgroupEnd { at, cgroup });
        }
        "now" => set(world.process(id(rest[0])), &rest[1..]),
        "takes" => world.process(id(rest[0])).pending &= !mask(rest[1]),
        "drops" => world.drop_at_delivery(at, id(rest[0]), signal(rest[1])),
        "reap" => world.process(id(rest[0])).reap(),
        "spawn" | "enter" => {
            let attributes = [&["age=0"], &rest[2..]].concat();
            add(world, id(rest[0]), rest[1], &attributes, what == "enter");
            if what == "enter" {
                // Who put it there may have ended since: its parent is the shim.
                world.process(id(rest[0])).entered = true;
                exec_event(world, at, id(rest[0]));
            }
        }
        "execs" => {
            let process = world.process(id(rest[0]));
            rest[1].clone_into(&mut process.comm);
            process.exec_id += 1;
            process.handled = 0;
            set(process, &rest[2..]);
            exec_event(world, at, id(rest[0]));
        }
        "oom" => oom(world, at, id(rest[0])),
        "marks" => mark(world, at, id(rest[0])),
        "teardown" => {
            let task = Box::new(world.task((letter, 1)));
            world.handle(&Event::Teardown { at, task });
        }
        "lost" | "names" | "members" | "known" | "wait" | "finish" => {
            beside(world, at, what, letter, &rest);
        }
        _ => send(world, at, signal(what), &rest),
    }
}

/// What the correlator is told beside events.
fn beside(world: &mut World, at: BootTime, what: &str, letter: char, rest: &[&str]) {
    let workload = world.workload(letter);
    let ns = workload.ns;
    match what {
        "finish" => world.correlator.handle_finish(),
        "names" => world.answer_names(workload),
        "members" => world.answer_members(workload),
        "known" => {
            let task = world.task((letter, world.namespaces[&letter].main));
            let leaf = world.leaf(letter);
            world.correlator.handle_workload(&task, &leaf);
        }
        "lost" => {
            let count = rest[0].parse().unwrap();
            let inum = u64::from(ns.inum);
            let id = if ns.id == 0 { inum } else { ns.id };
            if workload.is_shared() {
                let key = rinit_trace_common::CONTAINER_KEY;
                world
                    .correlator
                    .handle_loss((workload.container, key), Whose::Anybodys, count, at);
            } else if rest.contains(&"unknown") {
                let whose = if rest.contains(&"users") {
                    Whose::Users
                } else {
                    Whose::Anybodys
                };
                world.correlator.handle_unknown_loss(whose, count, at);
            } else {
                world
                    .correlator
                    .handle_loss((id, ns.init_start), Whose::Anybodys, count, at);
            }
        }
        _ => {}
    }
    world.drain();
}

fn exec_event(world: &mut World, at: BootTime, id: Id) {
    let (task, leaf) = (Box::new(world.task(id)), world.leaf(id.0));
    world.handle(&Event::Exec { at, task, leaf });
}

fn exit(world: &mut World, at: BootTime, rest: &[&str]) {
    let mut status = None;
    for token in &rest[1..] {
        match *token {
            "zombie" => {}
            "killed" => status = Some(ExitStatus::Signal(Signal::KILL)),
            token => {
                status = Some(token.strip_prefix("code=").map_or_else(
                    || ExitStatus::Signal(signal(token)),
                    |code| ExitStatus::Code(code.parse().unwrap()),
                ));
            }
        }
    }
    world.exit(at, id(rest[0]), status, rest.contains(&"zombie"));
}

/// The OOM killer takes a process, here while it allocates itself.
fn oom(world: &mut World, at: BootTime, id: Id) {
    let sender = world.task(id);
    let tid = sender.tid;
    let sent = Sent {
        info: SignalInfo::Kernel,
        // The kernel kills an init by force.
        result: Some(SendResult::Delivered),
        ..Sent::new(Signal::KILL)
    };
    world.send(at, sender, id, &sent);
    world.process(id).oom = true;
    let at = at.plus(Duration::from_micros(3));
    world.handle(&Event::Oom { at, tid });
}

/// The OOM killer marks a process that is dying already.
fn mark(world: &mut World, at: BootTime, id: Id) {
    let tid = world.task(id).tid;
    world.process(id).oom = true;
    world.handle(&Event::Oom { at, tid });
}

fn send(world: &mut World, at: BootTime, signal: Signal, rest: &[&str]) {
    let [from, "->", targets, words @ ..] = rest else {
        panic!("{signal} {rest:?}?");
    };
    let mut sent = Sent::new(signal);
    let mut times = 1;
    for token in words {
        match *token {
            "delivered" => sent.result = Some(SendResult::Delivered),
            "ignored" => sent.result = Some(SendResult::Ignored),
            "already-pending" => sent.result = Some(SendResult::AlreadyPending),
            "default" => sent.disposition = Some(Disposition::Default),
            "sig-ign" => sent.disposition = Some(Disposition::Ignored),
            "handled" => sent.disposition = Some(Disposition::Handled),
            "thread" => (sent.group, sent.info) = (false, SignalInfo::Code(Some(-6))),
            "cgroup" => (sent.group, sent.info) = (false, SignalInfo::NoInfo),
            "forked" => sent.info = SignalInfo::NoInfo,
            "kernel" => sent.info = SignalInfo::Kernel,
            "timer" => sent.info = SignalInfo::Code(Some(-2)),
            token => match token.split_once('=') {
                Some(("folded", count)) => sent.folded = count.parse().unwrap(),
                _ => times = token.strip_prefix('x').unwrap().parse().unwrap(),
            },
        }
    }
    for target in targets.split(',').map(id) {
        for _ in 0..times {
            let sender = sender(world, from, target.0);
            world.send(at, sender, target, &sent);
        }
    }
}

fn sender(world: &World, token: &str, target: char) -> Task {
    if token.ends_with(|last: char| last.is_ascii_digit()) {
        let sender = id(token);
        // The bare number of a sender is one of the target's namespace.
        return world.task(if token.contains('/') {
            sender
        } else {
            (target, sender.1)
        });
    }
    let shim = shim_pid(target);
    let (pid, parent_pid, comm, parent) = match token.split_once(':') {
        None if token == "runc" => (950, shim, "runc", "containerd-shim"),
        None if token == "shim" => (shim, 1, "containerd-shim", "systemd"),
        Some(("kid", comm)) => (960, shim, comm, "conmon-like"),
        Some(("parent", comm)) => (shim, 600, comm, "bash"),
        Some(("host", comm)) => (700, 600, comm, "bash"),
        Some(("engine", comm)) => (970, 600, "3", comm),
        _ => panic!("{token}?"),
    };
    Task {
        key: ProcessKey {
            tgid: pid,
            start: ZERO.0 - 5,
        },
        tid: pid,
        ns: HOST,
        ppid: parent_pid,
        comm: comm.to_owned(),
        parent_comm: parent.to_owned(),
        ..Task::default()
    }
}
