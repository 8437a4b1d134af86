//! Who was a member, in which role, how each met the stop signal and ended.

use crate::world::check;

#[test]
fn a_shell_in_an_exec_session_never_makes_a_stop_forced() {
    check(
        "
        init   app handles=TERM
        +0     enter 30 bash
        +1     spawn 31 vim parent=30 sid=30
        +2     spawn 32 daemon parent=31 sid=32
        +5     TERM runc -> 1
        +5.1   exit 1 code=0
        +5.101 zap 30 31 32
        +5.102 exit 30
        +5.103 exit 31
        +5.104 exit 32
        +5.105 end
        => verdict graceful
        => cause null
        => lost_cleanup 0
        => 30 killed-unsignalled exec
        => 31 killed-unsignalled exec
        => 32 killed-unsignalled exec
        ",
    );
}

#[test]
fn an_exec_session_older_than_the_trace_is_known_from_the_lookup() {
    check(
        "
        init   app handles=TERM
        exec   30 bash
        member 31 vim parent=30 sid=30
        member 32 nohup parent=31 sid=32
        +5     TERM runc -> 1
        +5.05  exit 31
        +5.1   exit 1 code=0
        +5.101 zap 30 32
        +5.102 exit 30
        +5.104 exit 32
        +5.105 end
        => verdict graceful
        => 30 killed-unsignalled exec
        => 31 exited exec
        => 32 killed-unsignalled exec
        ",
    );
}

#[test]
fn what_an_exec_session_left_behind_keeps_its_role() {
    check(
        "
        init   app handles=TERM
        +0     enter 30 bash
        +1     spawn 31 tail parent=30 sid=30
        +2     exit 30
        +5     TERM runc -> 1
        +5.1   exit 1 code=0
        +5.101 zap 31
        +5.102 exit 31
        +5.105 end
        => verdict graceful
        => 31 killed-unsignalled exec
        => 31.ppid 8001
        ",
    );
}

/// It came in the session of who started it (`nsenter`), made one of its own, and has ended since.
#[test]
fn a_session_that_was_made_inside_by_one_from_outside_is_an_exec_session() {
    check(
        "
        init   app handles=TERM
        +0     enter 30 bash sid=-
        +0.5   now 30 sid=30
        +1     spawn 31 tail parent=30 sid=30
        +2     reap 30
        +2     now 31 parent=1
        +5     TERM runc -> 1
        +5.1   exit 1 code=0
        +5.101 zap 31
        +5.102 exit 31
        +5.105 end
        => verdict graceful
        => 31 killed-unsignalled exec
        ",
    );
}

#[test]
fn hundreds_of_exec_probes_hide_no_later_session() {
    let mut text = "init app handles=TERM\n".to_owned();
    for probe in 0..400 {
        text += &format!("+{probe}0 enter {} probe\n", 100 + probe);
    }
    text += "
        +2h     enter 30 bash
        +2h+1   TERM runc -> 1
        +2h+1.1 exit 1 code=0
        +2h+1.2 zap 30
        +2h+1.3 exit 30
        +2h+1.4 end
        => verdict graceful
        => 30 killed-unsignalled exec
        ";
    check(&text);
}

#[test]
fn a_worker_with_the_session_number_of_an_old_probe_is_a_member() {
    check(
        "
        init   app handles=TERM
        +0     enter 30 probe
        +1     exit 30
        +2h      spawn 30 daemon sid=30
        +2h      spawn 31 worker parent=30 sid=30
        +2h+1    TERM runc -> 1
        +2h+1.1  exit 1 code=0
        +2h+1.2  zap 30 31
        +2h+1.3  exit 30
        +2h+1.35 exit 31
        +2h+1.4  end
        => verdict forced
        => 30 killed-unsignalled member
        => 31 killed-unsignalled member
        ",
    );
}

#[test]
fn a_main_process_of_another_container_in_the_namespace_is_no_exec_session() {
    // Where the kernel side cannot tell containers apart, it is one that has entered.
    for attributes in ["", "entered"] {
        check(&format!(
            "
            trace  containers=unknown
            init   pause handles=TERM,INT
            exec   7 app sid=7 cgroup=99 {attributes}
            +0     TERM runc -> 1
            +0.1   exit 1 code=0
            +0.2   zap 7
            +0.3   exit 7
            +0.4   end
            => verdict forced
            => 7 killed-unsignalled member
            "
        ));
    }
}

#[test]
fn who_enters_from_a_login_session_is_an_exec_session() {
    // `nsenter`: it keeps the cgroup that it came from, which is known to be no container's.
    check(
        "
        init   app handles=TERM,INT
        exec   7 bash sid=7 cgroup=99
        +0     TERM runc -> 1
        +0.1   exit 1 code=0
        +0.2   zap 7
        +0.3   exit 7
        +0.4   end
        => verdict graceful
        => lost_cleanup 0
        => 7 killed-unsignalled exec
        ",
    );
}

#[test]
fn zombies_are_neither_members_nor_killed() {
    for kernel in ["", "unmarked"] {
        check(&format!(
            "
            init   sh handles=TERM
            member 7 java {kernel}
            member 8 defunct zombie {kernel}
            +0     TERM runc -> 1
            +0.01  TERM 1 -> 7
            +0.4   exit 7 zombie
            +0.41  exit 1 code=143
            +0.411 zap 7 8
            +0.412 end
            => verdict graceful
            => processes 2
            => 8 absent
            => 7 terminated
            => findings.0.id unreaped
            "
        ));
    }
}

#[test]
fn kills_of_many_threads_are_one_kill() {
    check(
        "
        init   watchdog
        member 7 java
        +0     KILL 1 -> 7 delivered thread x64
        +0.001 exit 7
        +0.002 exit 1 code=1
        +0.003 end
        => verdict forced
        => stop.trigger main-child-exit
        => processes 2
        => 7 killed-unsignalled peer
        => signals 64
        => signals.0.at_ms -1
        ",
    );
}

#[test]
fn a_member_without_handler_dies_by_the_signal() {
    check(
        "
        init   sh handles=TERM
        member 7 sleep
        +0     TERM runc -> 1
        +0.01  TERM 1 -> 7
        +0.02  exit 7
        +0.03  exit 1 code=143
        +0.04  end
        => verdict graceful
        => 7 terminated member
        => 7.exit.signal SIGTERM
        => 7.exit.code null
        => 7.stop_signal.taken true
        => 7.stop_signal.disposition default
        ",
    );
}

#[test]
fn a_member_that_ended_before_the_stop_is_none() {
    check(
        "
        init   sh handles=TERM
        member 7 cron
        +0     exit 7
        +0.5   TERM runc -> 1
        +0.6   exit 1 code=0
        +0.7   end
        => processes 1
        ",
    );
}

#[test]
fn the_init_stands_first_and_the_others_by_their_end() {
    check(
        "
        init   sh
        member 7 b
        member 8 a
        +0     TERM runc -> 1
        +0.5   exit 8
        +1     exit 7
        +2     exit 1
        +2.1   end
        => processes.0.ns_pid 1
        => processes.1.ns_pid 8
        => processes.2.ns_pid 7
        ",
    );
}

#[test]
fn command_lines_of_a_pid_used_before_are_not_taken() {
    check(
        "
        init   sh
        member 7 old cmd=/usr/bin/old
        +0     TERM runc -> 1        # the lookup sees the old one
        +1     exit 7
        +2     spawn 7 new
        +3     KILL runc -> 1
        +3.1   exit 1
        +3.2   zap 7
        +3.3   exit 7
        +3.4   end
        => processes 3
        => processes.1.cmdline.0 /usr/bin/old
        => processes.2.comm new
        => processes.2.cmdline null
        ",
    );
}

#[test]
fn inits_of_nothing_but_children_lose_no_cleanup_and_others_do() {
    for (comm, lost) in [
        ("tini", 0),
        ("docker-init", 0),
        ("dumb-init", 0),
        ("catatonit", 0),
        ("s6-svscan", 0),
        ("pause", 0),
        ("java", 1),
        ("supervisord", 1),
    ] {
        check(&format!(
            "
            init  {comm} handles=TERM
            +0    KILL runc -> 1
            +0.1  exit 1
            +0.2  end
            => lost_cleanup {lost}
            "
        ));
    }
}

/// It made a session of its own, and whoever started it has ended: nothing but its descent tells.
#[test]
fn a_daemon_that_an_exec_session_left_behind_is_no_member() {
    let stop = |attributes: &str| {
        format!(
            "
            init   app handles=TERM
            member 31 daemon sid=31 parent=1 handles=TERM {attributes}
            member 32 worker parent=31 sid=32 {attributes}
            +0     TERM runc -> 1
            +1     exit 1 code=0
            +1.001 zap 31 32
            +1.002 exit 31
            +1.003 exit 32
            +1.004 end
            "
        )
    };
    check(&(stop("entered") + "=> verdict graceful\n=> 31 exec\n=> 32 exec\n=> lost_cleanup 0"));
    check(&(stop("") + "=> verdict forced\n=> 31 member\n=> 32 member\n=> lost_cleanup 1"));
}

#[test]
fn a_daemon_of_an_exec_session_is_no_main_child() {
    let stop = |attributes: &str| {
        format!(
            "
            init   tini
            member 31 daemon sid=31 parent=1 {attributes}
            +0     KILL 31 -> 31
            +0.001 exit 31
            +0.002 exit 1 code=0
            +0.003 end
            "
        )
    };
    check(&(stop("entered") + "=> verdict graceful\n=> stop.trigger init-exit"));
    check(&(stop("") + "=> verdict forced\n=> stop.trigger main-child-exit"));
}
