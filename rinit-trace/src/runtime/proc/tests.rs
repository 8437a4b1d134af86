use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::parse::parse_arguments;
use super::*;
use crate::runtime::testing::{DB, FakeProc, FakeProcess, HOST, WEB};

const NS: u32 = 4_026_532_281;
const NESTED: u32 = 4_026_532_300;

/// A host with one container: init 40, worker 41, exec 42 from outside, a zombie, a nested sandbox.
fn host() -> FakeProc {
    let host = FakeProc::new();
    let cgroup = format!("0::/system.slice/docker-{WEB}.scope\n");
    host.add_container(40, NS, WEB);
    let member = FakeProcess {
        pid: 41,
        ppid: 40,
        inum: NS,
        ns_pids: &[41, 7],
        ns_sids: &[40, 1],
        comm: b"a) S 1 (b",
        cmdline: b"worker\0\xff\0\0",
        cgroup: &cgroup,
        ..FakeProcess::default()
    };
    host.add(&member);
    host.add(&FakeProcess {
        pid: 42,
        ppid: 1,
        ns_pids: &[42, 9],
        ns_sids: &[30, 0],
        comm: b"bash",
        cmdline: b"",
        ..member
    });
    host.add(&FakeProcess {
        pid: 43,
        state: 'Z',
        ..member
    });
    host.add(&FakeProcess {
        pid: 44,
        ppid: 41,
        inum: NESTED,
        ns_pids: &[44, 10, 1],
        ns_sids: &[44, 10, 1],
        ..member
    });
    host
}

#[test]
fn members_are_the_living_processes_of_the_namespace() {
    let mut members = host().proc().members(NS);
    members.sort_by_key(|member| member.pid);
    let pids: Vec<u32> = members.iter().map(|member| member.pid).collect();
    assert_eq!(pids, [40, 41, 42, 44], "the sandbox within it, too");
    let worker = &members[1];
    assert_eq!(
        (worker.start_ticks, worker.ppid, worker.sid),
        (4100, 40, Some(1))
    );
    assert_eq!(worker.comm, "a) S 1 (b");
    assert_eq!(worker.cmdline, ["worker", "\u{fffd}", ""]);
    let inside: Vec<bool> = members.iter().map(|member| member.parent_inside).collect();
    assert_eq!(inside, [false, true, false, true]);
    assert_eq!((members[2].sid, members[2].cmdline.len()), (Some(0), 0));
}

/// It was seen with its parent, which has ended since, and cannot be asked.
#[test]
fn whose_parent_cannot_be_told_has_not_entered() {
    let host = host();
    host.add(&FakeProcess {
        pid: 60,
        ppid: 59,
        inum: NS,
        ns_pids: &[60, 6],
        ns_sids: &[50, 1],
        ..FakeProcess::default()
    });
    let members = host.proc().members(NS);
    let orphan = members.iter().find(|member| member.pid == 60).unwrap();
    assert!(orphan.parent_inside);
}

/// It shares the namespace of another, whose PID 1 has its orphan.
#[test]
fn an_orphan_of_a_container_in_a_shared_namespace_has_not_entered() {
    let host = host();
    let cgroup = format!("0::/docker/{DB}\n");
    let process = |pid: u32, ppid: u32| {
        host.add(&FakeProcess {
            pid,
            ppid,
            inum: NS,
            ns_pids: &[pid, pid],
            ns_sids: &[50, 50],
            cgroup: &cgroup,
            ..FakeProcess::default()
        });
    };
    process(50, 1);
    process(51, 50);
    process(52, 40);
    let mut members = host.proc().members_of_container(DB);
    members.sort_by_key(|member| member.pid);
    let told: Vec<(u32, bool)> = members
        .iter()
        .map(|member| (member.pid, member.parent_inside))
        .collect();
    assert_eq!(told, [(50, false), (51, true), (52, true)]);
}

#[test]
fn what_an_init_is_set_to_do_is_read_and_no_secret_with_it() {
    let host = host();
    std::fs::write(
        host.path("40/environ"),
        b"PATH=/bin\0PASSWORD=x\0TINI_KILL_PROCESS_GROUP=\0TINI_KILL_PROCESS_GROUP=2\0=\0x\0DUMB_INIT_SETSID=\xff\0",
    )
    .unwrap();
    std::os::unix::fs::symlink("/sbin/docker-init", host.path("40/exe")).unwrap();
    let init = host.proc().process(40).unwrap();
    let settings = init.settings.unwrap();
    assert_eq!(settings.exe.as_deref(), Some("/sbin/docker-init"));
    let kept = [
        ("TINI_KILL_PROCESS_GROUP".to_owned(), String::new()),
        ("DUMB_INIT_SETSID".to_owned(), "\u{fffd}".to_owned()),
    ];
    assert_eq!(settings.environ.as_deref(), Some(kept.as_slice()));
    assert_eq!(host.proc().process(41).unwrap().settings, None, "no init");
}

#[test]
fn an_environment_that_cannot_be_read_is_not_an_empty_one() {
    let host = host();
    let settings = || host.proc().process(40).unwrap().settings.unwrap();
    assert_eq!(settings().environ, None);
    std::fs::write(host.path("40/environ"), b"").unwrap();
    assert_eq!(settings().environ, Some(Vec::new()));
    // It is ending: its memory is gone.
    std::fs::write(host.path("40/cmdline"), b"").unwrap();
    assert_eq!(settings().environ, None);
}

#[test]
fn a_process_whose_first_thread_has_left_is_a_member() {
    let host = FakeProc::new();
    host.add(&FakeProcess {
        pid: 50,
        inum: NS,
        ns_pids: &[50, 1],
        state: 'Z',
        threads: 3,
        ..FakeProcess::default()
    });
    assert_eq!(host.proc().members(NS).len(), 1);
}

#[test]
fn half_a_process_is_left_out() {
    let host = host();
    for (pid, file) in [(40, "stat"), (41, "status"), (42, "ns/pid")] {
        std::fs::remove_file(host.path(&format!("{pid}/{file}"))).unwrap();
    }
    let members = host.proc().members(NS);
    assert_eq!(members.len(), 2, "with the sandbox within it");
    assert_eq!((members[0].pid, members[0].sid), (41, None));
}

#[test]
fn any_process_leads_to_the_init_of_its_namespace() {
    let host = host();
    for pid in [40, 41, 42] {
        let init = host.proc().init_of(pid).unwrap();
        assert_eq!((init.pid, init.inum, init.start_ticks), (40, NS, 4000));
        assert_eq!(init.cgroup.container_id.as_deref(), Some(WEB));
    }
    assert_eq!(host.proc().init_of(44).unwrap().inum, NESTED);
    // Whose container the sandbox is part of.
    let outer = host.proc().container_init_of(44).unwrap();
    assert_eq!((outer.inum, outer.pid), (NS, 40));
    let own = host.proc().container_init_of(41).unwrap();
    assert_eq!((own.inum, own.pid), (NS, 40));
}

#[test]
fn a_process_without_such_an_init_is_told_why() {
    let host = host();
    let error = |pid| host.proc().init_of(pid).unwrap_err();
    assert!(matches!(error(1), NamespaceError::OwnNamespace { pid: 1 }));
    assert!(matches!(
        error(999),
        NamespaceError::NoSuchProcess { pid: 999 }
    ));
    std::fs::remove_dir_all(host.path("40")).unwrap();
    assert!(matches!(
        error(41),
        NamespaceError::NoInit { pid: 41, inum: NS }
    ));
    std::fs::remove_file(host.path("41/ns/pid")).unwrap();
    std::fs::write(host.path("41/ns/pid"), "").unwrap();
    assert!(matches!(error(41), NamespaceError::Unreadable { .. }));
    let error = Proc::new(host.path("none")).init_of(41).unwrap_err();
    assert!(error.to_string().contains("none/self/ns/pid"), "{error}");
}

#[test]
fn all_namespaces_are_those_below_ours() {
    let host = host();
    host.add_container(60, 4_026_532_400, DB);
    let mut inums: Vec<u32> = host
        .proc()
        .all_namespaces()
        .iter()
        .map(|init| init.inum)
        .collect();
    inums.sort_unstable();
    assert_eq!(inums, [NS, NESTED, 4_026_532_400]);
    assert_eq!(Proc::new(host.path("none")).all_namespaces(), []);
}

#[test]
fn processes_are_found_by_the_container_of_their_cgroup() {
    let found = host().proc().in_containers("3d2");
    let mut pids: Vec<u32> = found.iter().map(|process| process.pid).collect();
    pids.sort_unstable();
    assert_eq!(pids, [40, 41, 42, 44]);
    let nested = found.iter().find(|process| process.pid == 44).unwrap();
    assert_eq!(
        (nested.depth, nested.is_init, nested.outside),
        (3, true, false)
    );
    assert!(host().proc().in_containers("ff").is_empty());
}

#[test]
fn the_real_proc_shows_ourselves_in_our_own_namespace() {
    let proc = Proc::default();
    let own = proc.own_namespace().unwrap();
    let us = std::process::id();
    assert_eq!(proc.namespace(us), Some(own));
    assert!(matches!(
        proc.init_of(us),
        Err(NamespaceError::OwnNamespace { .. })
    ));
    let members = proc.members(own);
    let found = members.iter().find(|member| member.pid == us).unwrap();
    assert_eq!(found.ppid, std::os::unix::process::parent_id());
    assert!(found.start_ticks > 0 && found.cmdline[0].contains("rinit"));
    assert!(proc.all_namespaces().iter().all(|init| init.inum != own));
}

/// As of one that holds the lock of its memory.
#[test]
fn a_process_that_hangs_costs_its_own_arguments_and_is_waited_for_once() {
    let host = host();
    let hanging = host.hang(41, "cmdline");
    let proc = host.proc();
    let names = |look: Vec<ProcessNames>| {
        let mut names: Vec<(u32, Vec<String>)> = look
            .into_iter()
            .map(|process| (process.pid, process.cmdline))
            .collect();
        names.sort();
        names
    };
    let expected: Vec<(u32, Vec<String>)> = {
        let whole = self::host();
        let mut names = names(whole.proc().contained());
        let hung = names.iter_mut().find(|(pid, _)| *pid == 41).unwrap();
        assert!(!std::mem::take(&mut hung.1).is_empty());
        names
    };
    assert_eq!(names(proc.contained()), expected);
    let again = Instant::now();
    assert_eq!(names(proc.contained()), expected);
    assert!(again.elapsed() < Duration::from_secs(1), "waited again");
    drop(hanging);
}

#[test]
fn a_process_is_read_as_long_as_it_is_the_one_that_was_meant() {
    let host = host();
    let proc = host.proc();
    let read = |pid, start_ticks| proc.read_process(ProcessId { pid, start_ticks });
    assert_eq!(read(41, 4100).map(|process| process.pid), Some(41));
    assert_eq!(read(41, 4101), None);
    assert_eq!(read(9999, 1), None);
}

#[test]
fn arguments_are_bounded_in_number_and_bytes() {
    assert_eq!(parse_arguments(b"", 10), Vec::<String>::new());
    assert_eq!(parse_arguments(b"\0", 10), Vec::<String>::new());
    assert_eq!(parse_arguments(b"a\0\0b\0", 10), ["a", "", "b"]);
    assert_eq!(parse_arguments("aé".as_bytes(), 2), ["a"]);
    assert_eq!(parse_arguments(&b"x\0".repeat(500), 4096).len(), 64);
    assert_eq!(parse_arguments(&[0xff; 9], 10).concat().len(), 9);
}

#[test]
fn namespace_links_are_read_exactly() {
    assert_eq!(
        parse_namespace(format!("pid:[{HOST}]").as_bytes()),
        Some(HOST)
    );
    for link in [
        "",
        "pid:[]",
        "mnt:[1]",
        "pid:[1",
        "pid:[99999999999]",
        "pid:[-1]",
    ] {
        assert_eq!(parse_namespace(link.as_bytes()), None, "{link}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), limit in 0usize..400) {
        let _ = (parse_stat(&bytes), parse_ns_ids(&bytes, "NSpid:"), parse_namespace(&bytes));
        let kept = parse_arguments(&bytes, limit);
        prop_assert!(kept.len() <= 64 && kept.iter().map(String::len).sum::<usize>() <= limit);
    }

    #[test]
    fn any_comm_is_read_back(comm in "[ -~]{0,15}") {
        let stat = format!("7 ({comm}) R 3 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 0\n");
        let stat = parse_stat(stat.as_bytes()).unwrap();
        prop_assert_eq!((stat.comm, stat.ppid, stat.start_ticks), (comm, 3, 12345));
    }
}
