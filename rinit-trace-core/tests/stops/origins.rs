//! SIGKILLs whose fingerprint has two meanings.

use crate::world::check;

#[test]
fn who_shares_the_memory_of_an_oom_victim_is_one_too() {
    check(
        "
        init   app handles=TERM
        member 7 java
        member 8 helper
        +0        TERM runc -> 1
        +1        oom  7
        +1.00001  KILL 7 -> 8 kernel
        +1.001    exit 7
        +1.002    exit 8
        +1.1      exit 1
        +1.2      end
        => 7 oom-killed oom
        => 8 oom-killed oom
        => signals.1.origin oom
        => signals.2.origin oom
        => verdict forced
        ",
    );
}

/// The kernel prints in between, and a serial console is slow.
#[test]
fn who_shares_the_memory_may_be_killed_a_while_after_the_victim() {
    for (later, killed_by) in [
        ("1.03", "oom-killed oom"),
        ("3", "killed-unsignalled kernel"),
    ] {
        check(&format!(
            "
            init   app handles=TERM
            member 7 java
            member 8 helper
            +0        TERM runc -> 1
            +1        oom  7
            +{later}  KILL 7 -> 8 kernel
            +3.1      exit 8
            +3.2      exit 7
            +3.3      exit 1
            +3.4      end
            => 7 oom-killed oom
            => 8 {killed_by}
            "
        ));
    }
}

/// PID 1 is killed for the memory that it shares; the victim was chosen and gone before that.
#[test]
fn a_victim_that_is_gone_before_pid_1_is_killed_is_no_member() {
    check(
        "
        init   app
        member 7 helper
        +0     KILL 1 -> 7 kernel
        +0     marks 7
        +0.001 exit 7
        +0.02  KILL 1 -> 1 kernel delivered
        +0.021 exit 1 killed
        +0.022 end
        => reports 1
        => stop.trigger oom
        => verdict forced
        => cause.id oom
        => 1 oom-killed oom
        => 7 absent
        ",
    );
}

#[test]
fn a_kill_by_the_kernel_while_another_ran_is_not_of_the_oom_killer() {
    check(
        "
        init   app handles=TERM
        member 7 java
        member 8 helper
        +0        TERM runc -> 1
        +1        oom  7
        +1.00001  KILL 8 -> 8 kernel
        +1.001    exit 7
        +1.002    exit 8
        +1.1      exit 1
        +1.2      end
        => 7 oom-killed oom
        => 8 killed-unsignalled kernel
        => signals.2.origin kernel
        ",
    );
}

#[test]
fn a_mark_of_the_oom_killer_on_who_is_dying_already_killed_nobody() {
    check(
        "
        init   app handles=TERM
        member 7 java
        +0        TERM runc -> 1
        +1        KILL 1 -> 7
        +1.00001  marks 7
        +1.001    exit 7
        +1.1      exit 1
        +1.2      end
        => 7 killed-unsignalled peer
        => signals.1.origin user
        ",
    );
    check(
        "
        init  app handles=TERM
        +0        TERM runc -> 1
        +10       KILL runc -> 1
        +10.00001 marks 1
        +10.001   exit 1
        +10.002   end
        => 1 killed-handling runtime
        => cause.id grace-exceeded
        ",
    );
}

#[test]
fn the_exit_tells_of_the_oom_killer_without_its_mark() {
    check(
        "
        init   app handles=TERM
        member 7 java
        +0      TERM runc -> 1
        +1      KILL 7 -> 7 kernel
        +1.0001 now 7 oom
        +1.001  exit 7
        +1.1    exit 1
        +1.2    end
        => 7 oom-killed oom
        => signals.1.origin oom
        ",
    );
}

#[test]
fn who_kills_its_own_cgroup_dies_of_cgroup_kill() {
    check(
        "
        init   app handles=TERM
        member 7 worker
        member 8 cleaner
        +0      TERM runc -> 1
        +1      KILL 8 -> 7,8 cgroup
        +1.001  exit 7
        +1.002  exit 8
        +1.1    exit 1
        +1.2    end
        => 7 killed-unsignalled cgroup-kill
        => 8 killed-unsignalled cgroup-kill
        => signals.2.origin cgroup-kill
        => cause.id cgroup-killed
        ",
    );
}

#[test]
fn alone_it_looks_like_a_security_module() {
    check(
        "
        init   app handles=TERM
        member 7 worker
        member 8 cleaner cgroup=99
        +0      TERM runc -> 1
        +1      KILL runc -> 7 cgroup
        +1      KILL 8 -> 8 cgroup
        +1.001  exit 7
        +1.002  exit 8
        +1.1    exit 1
        +1.2    end
        => 7 killed-unsignalled cgroup-kill
        => 8 killed-unsignalled kernel
        ",
    );
}

#[test]
fn who_is_just_being_forked_is_not_killed_by_its_parent() {
    check(
        "
        init   app handles=TERM
        member 7 forker
        +0      TERM runc -> 1
        +1      spawn 8 forker parent=7
        +1      KILL 7 -> 8 forked
        +1.0001 KILL runc -> 7 cgroup
        +1.001  exit 7
        +1.002  exit 8
        +1.1    exit 1
        +1.2    end
        => 7 killed-unsignalled cgroup-kill
        => 8 killed-unsignalled cgroup-kill
        => signals.1.origin cgroup-kill
        ",
    );
}

#[test]
fn without_cgroup_kill_a_kill_without_information_is_its_senders() {
    // kill(2) from 7.0 on; the child is young, or its cgroup is another.
    check(
        "
        init   app handles=TERM
        member 7 supervisor
        member 9 old
        +0      TERM runc -> 1
        +1      spawn 8 worker parent=7 cgroup=99
        +1      KILL 7 -> 8,9 forked
        +1.0001 KILL runc -> 7 cgroup
        +1.001  exit 8
        +1.002  exit 9
        +1.003  exit 7
        +1.1    exit 1
        +1.2    end
        => 7 killed-unsignalled cgroup-kill
        => 8 killed-unsignalled peer
        => 9 killed-unsignalled peer
        ",
    );
}

#[test]
fn cgroup_kill_of_who_is_traced_is_not_the_tracers() {
    check(
        "
        init   app handles=TERM
        member 7 strace
        member 8 worker traced=7
        member 9 worker traced=7
        +0      TERM runc -> 1
        +1      KILL runc -> 8 cgroup
        +1      KILL 7 -> 9 cgroup
        +1.001  exit 8
        +1.002  exit 9
        +1.003  exit 7
        +1.1    exit 1
        +1.2    end
        => 8 killed-unsignalled cgroup-kill
        => 9 killed-unsignalled tracer
        => signals.1.origin cgroup-kill
        => signals.2.origin ptrace
        ",
    );
}
