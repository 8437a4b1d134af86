//! What loading takes and tracing does not is given up, by every thread.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
};

use rinit_trace_tests::{
    Contained, Daemon, DockerApi, Kernel, Manner, NOBODY, Namespace, Rights, Tracer, named, run,
    trace_all, wait,
};
use tempfile::TempDir;

const DAC_OVERRIDE: u64 = 1 << 1;
const DAC_READ_SEARCH: u64 = 1 << 2;
const NET_BIND_SERVICE: u64 = 1 << 10;
const SYS_PTRACE: u64 = 1 << 19;
/// What root keeps.
const KEPT: u64 = SYS_PTRACE | DAC_OVERRIDE | DAC_READ_SEARCH;

/// The sets of one thread, and `no_new_privs`.
const SETS: [&str; 6] = [
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
];

/// What each thread may do, by its name.
fn threads(pid: u32) -> BTreeMap<String, [u64; 6]> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .filter_map(|task| {
            let path = task.unwrap().path();
            // One may end while it is looked at.
            let comm = fs::read_to_string(path.join("comm")).ok()?;
            let status = fs::read_to_string(path.join("status")).ok()?;
            Some((format!("{} {}", comm.trim(), path.display()), sets(&status)))
        })
        .collect()
}

fn sets(status: &str) -> [u64; 6] {
    SETS.map(|name| {
        let mut lines = status.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        u64::from_str_radix(value.unwrap().trim(), 16).unwrap()
    })
}

/// Panics when a thread has more than this, or another bounding set.
fn has_only(tracer: &Tracer, kept: u64, bounding: u64) {
    let threads = threads(tracer.pid());
    assert!(!threads.is_empty());
    for (thread, sets) in threads {
        assert_eq!(sets, [0, kept, kept, bounding, 0, 1], "{thread}: {SETS:?}");
    }
}

/// Before 5.19 maps take `CAP_BPF`, which is kept there.
fn kept() -> u64 {
    let ended = run(&["system-info"]);
    let keeps = |name: &str| ended.stdout.contains(&format!("{name} kept for"));
    assert!(keeps("CAP_SYS_PTRACE"), "{ended:#?}");
    assert!(ended.stdout.contains("no_new_privs set"), "{ended:#?}");
    if keeps("CAP_BPF") {
        KEPT | 1 << 39
    } else {
        KEPT
    }
}

#[test]
fn tracer_of_a_root_keeps_what_names_take_in_every_thread() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let kept = kept();
    let docker = DockerApi::start(Manner::Names);
    let mut before = Contained::start(&["leaver", "server"]);
    let socket = docker.socket();
    let history = TempDir::new().unwrap();
    let daemon = Daemon::start(&[
        "--docker-socket",
        socket.to_str().unwrap(),
        "--history",
        history.path().to_str().unwrap(),
    ]);
    let tracer = trace_all();
    for tracer in [&tracer, daemon.output()] {
        has_only(tracer, kept, 0);
    }
    // It still opens gates, reads counters and looks names up.
    let mut after = Contained::start(&["leaver", "server"]);
    for container in [&mut before, &mut after] {
        container.stop(wait::DEADLINE);
        let report = daemon.output().report_of(container.id());
        report.says("forced", "not-forwarded", 1);
        report.is("/workload/name", named(container.id()));
        tracer
            .report_of(container.id())
            .says("forced", "not-forwarded", 1);
    }
    // Threads that have come since.
    for tracer in [&tracer, daemon.output()] {
        has_only(tracer, kept, 0);
    }
}

#[test]
fn who_has_little_gives_up_all_but_that() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let kept = kept() & !(DAC_OVERRIDE | DAC_READ_SEARCH);
    let usual = 1 << 39 | 1 << 38 | SYS_PTRACE;
    let pod = ["bpf", "perfmon", "sys_ptrace"];
    for rights in [Rights::of_root(&pod), Rights::of_nobody(&pod)] {
        let tracer = rights.trace(&["-o", "jsonl"]);
        // Nobody may narrow the bounding set without CAP_SETPCAP.
        has_only(&tracer, kept, usual);
    }
}

/// The demo starts namespaces and containers.
#[test]
fn demo_keeps_what_it_has() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let ended = run(&["demo", "init-exits", "-o", "jsonl"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

fn is_in(folder: &Path, pid: u32) -> Option<()> {
    let files = fs::read_dir(folder).unwrap();
    let mut texts = files.filter_map(|file| fs::read_to_string(file.unwrap().path()).ok());
    let key = format!("\"pid\":{pid},");
    texts.any(|text| text.contains(&key)).then_some(())
}

/// A folder and a socket of another user, which root may use.
#[test]
fn what_belongs_to_another_user_is_still_used() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let docker = DockerApi::start(Manner::Names);
    let socket = docker.socket();
    let history = TempDir::new().unwrap();
    for (path, mode) in [(history.path(), 0o700), (socket.as_path(), 0o600)] {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let daemon = Daemon::start(&[
        "--docker-socket",
        socket.to_str().unwrap(),
        "--history",
        history.path().to_str().unwrap(),
    ]);
    let mut container = Contained::start(&["leaver", "server"]);
    container.stop(wait::DEADLINE);
    let report = daemon.output().report_of(container.id());
    report.is("/workload/name", named(container.id()));
    // Log rotation: the file is made anew.
    for file in fs::read_dir(history.path()).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    daemon.send(libc::SIGHUP);
    wait::until("the daemon says that it opens the file anew", || {
        let said = daemon.output().stderr();
        said.contains("opened anew").then_some(())
    });
    let mut namespace = Namespace::start(&["leaver", "server"]);
    namespace.stop(wait::DEADLINE);
    wait::until("the stop is in the new file", || {
        is_in(history.path(), namespace.pid())
    });
}

#[test]
fn port_below_1024_can_be_listened_on() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let low = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let takes_a_right = low.is_ok_and(|text| text.trim() == "1024");
    let capabilities = ["bpf", "perfmon", "sys_ptrace", "net_bind_service"];
    // Hosts of the loopback's net that nobody else listens on.
    let listen = format!("127.83.{}.7:983", std::process::id() % 250);
    let daemon = Rights::of_root(&capabilities).trace(&["daemon", "--listen", &listen]);
    let threads = threads(daemon.pid());
    for (thread, sets) in threads {
        assert_eq!(sets[2] & NET_BIND_SERVICE, NET_BIND_SERVICE, "{thread}");
        assert_eq!(sets[2] & 1 << 38, 0, "{thread}");
    }
    if takes_a_right {
        let ended = Rights::of_root(&capabilities[..3]).run(&["daemon", "--listen", &listen]);
        assert_eq!(ended.code, Some(3), "{ended:#?}");
    }
}
