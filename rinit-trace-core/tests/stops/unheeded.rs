//! A stop signal that did not end PID 1, and why.

use crate::world::check;

/// The end of a stop in which the runtime gives up after ten seconds.
const GIVES_UP: &str = "
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
";

fn check_given_up(begin: &str, expected: &str) {
    check(&format!("{begin}{GIVES_UP}{expected}"));
}

#[test]
fn a_signal_that_stays_pending_is_blocked() {
    check_given_up(
        "
        init  app blocks=TERM
        +0    TERM runc -> 1
        ",
        "
        => cause.id signal-blocked
        => cause.confidence certain
        => cause.summary PID 1 (app) blocks SIGTERM and did not wait for it, so it stayed pending; the runtime waited 10.0 s and sent SIGKILL
        => 1 killed-pending runtime
        ",
    );
}

#[test]
fn an_init_that_never_ran_did_not_come_to_take_the_signal() {
    check_given_up(
        "
        init  app
        +0    TERM runc -> 1 delivered handled
        +1    now 1 handles=TERM
        ",
        "
        => cause.id signal-blocked
        => cause.summary ~ did not come to take SIGTERM
        => lost_cleanup 1
        ",
    );
}

#[test]
fn another_handler_tells_the_signal_that_was_meant() {
    for (handles, other) in [
        ("QUIT", "SIGQUIT"),
        ("WINCH", "SIGWINCH"),
        ("RTMIN+3", "SIGRTMIN+3"),
        ("INT", "SIGINT"),
        ("INT,QUIT", "SIGQUIT"),
    ] {
        check_given_up(
            &format!(
                "
                init  app handles={handles}
                +0    TERM runc -> 1
                "
            ),
            &format!(
                "
                => cause.id wrong-stop-signal
                => cause.confidence likely
                => cause.summary ~ handles {other}
                => cause.fix.0 ~ STOPSIGNAL {other}
                => findings.1.id init-no-handler
                "
            ),
        );
    }
}

#[test]
fn what_catches_a_signal_on_its_own_says_nothing_by_it() {
    for init in [
        "bash cmd=/bin/bash,run.sh",
        "python3 cmd=/usr/bin/python3,app.py",
        "python3.11 cmd=app",
        "app exe=/usr/bin/python3.13",
        "ruby cmd=ruby,app.rb",
        // A handler for what reloads is none for stopping.
        "app handles=HUP,USR1",
        // Of a terminal, which node watches.
        "node cmd=node,app.js handles=WINCH",
    ] {
        check_given_up(
            &format!(
                "
                init  {init} handles=INT
                +0    TERM runc -> 1
                "
            )
            .replace("handles=HUP,USR1 handles=INT", "handles=HUP,USR1")
            .replace("handles=WINCH handles=INT", "handles=WINCH"),
            "
            => cause.id init-no-handler
            => findings 1
            ",
        );
    }
}

/// Under tini the shell would die of the signal, and what it runs with it.
#[test]
fn an_init_alone_is_no_cure_of_a_shell_over_a_server() {
    for (member, fix) in [
        (
            "java handles=TERM",
            "docker run --init alone is no cure: the shell dies by SIGTERM, the init leaves with it, and java would be killed",
        ),
        ("sleep", "or run with an init"),
    ] {
        check(&format!(
            "
            init   sh
            member 7 {member}
            +0     TERM runc -> 1
            +10    KILL runc -> 1
            +10.1  exit 1
            +10.2  zap 7
            +10.3  exit 7
            +10.4  end
            => cause.id init-no-handler
            => cause.fix 3
            => cause.fix.2 ~ {fix}
            "
        ));
    }
}

#[test]
fn python_may_be_stopped_by_sigint() {
    check_given_up(
        "
        init  python3 cmd=python3,app.py handles=INT
        +0    TERM runc -> 1
        ",
        "
        => cause.id init-no-handler
        => cause.fix.2 ~ STOPSIGNAL SIGINT
        ",
    );
}

#[test]
fn systemd_executes_itself_again_on_sigterm() {
    check_given_up(
        "
        init  systemd cmd=/lib/systemd/systemd handles=TERM
        +0    TERM runc -> 1
        ",
        "
        => cause.id wrong-stop-signal
        => cause.confidence certain
        => cause.fix.0 ~ SIGRTMIN+3
        => findings.1.id grace-exceeded
        ",
    );
}

#[test]
fn systemd_that_did_not_take_sigterm_did_not_execute_itself_again() {
    check_given_up(
        "
        init  systemd handles=TERM blocks=TERM
        +0    TERM runc -> 1
        ",
        "
        => cause.id signal-blocked
        => findings 1
        ",
    );
}

#[test]
fn a_young_init_without_a_handler_may_still_have_been_starting() {
    check_given_up(
        "
        init  app age=3s
        +0    TERM runc -> 1
        ",
        "
        => cause.id init-no-handler
        => cause.confidence certain
        => findings.1.id startup-window
        => findings.1.confidence likely
        => findings.1.summary ~ 3.0 s after its start
        ",
    );
}

#[test]
fn a_handler_that_came_late_is_the_startup_window_at_any_age() {
    for age in ["1s", "3h"] {
        check_given_up(
            &format!(
                "
                init  app age={age}
                +0    TERM runc -> 1
                +0.5  now 1 handles=TERM
                "
            ),
            "
            => cause.id startup-window
            => cause.confidence certain
            => findings 1
            => lost_cleanup 1
            ",
        );
    }
}

/// The second signal found the handler and was taken: being too early is not what killed it.
#[test]
fn a_second_signal_that_was_taken_leaves_no_startup_window() {
    check_given_up(
        "
        init  app age=1s
        +0    TERM runc -> 1
        +0.5  now 1 handles=TERM
        +2    TERM runc -> 1
        ",
        "
        => stop.taken true
        => cause.id grace-exceeded
        ",
    );
}

#[test]
fn a_tracer_changes_what_a_signal_does() {
    // Queued for the tracer, passed on, delivered without a handler, and dropped at last.
    check_given_up(
        "
        init  app traced
        +0    TERM runc -> 1 delivered default
        +0.1  drops 1 TERM
        ",
        "
        => cause.id traced
        => findings.1.id init-no-handler
        ",
    );
    // Traced or not, a handler is a handler.
    check_given_up(
        "
        init  app traced handles=TERM
        +0    TERM runc -> 1
        ",
        "
        => cause.id grace-exceeded
        ",
    );
}

#[test]
fn a_traced_member_dies_of_sigkill_where_the_signal_would_have_ended_it() {
    check(
        "
        init   dumb-init cmd=dumb-init,app env= blocks=TERM waits=TERM
        member 7 main sid=7
        member 8 child sid=7 traced
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7
        +0.001 TERM 1 -> 8 delivered
        +0.002 exit 7
        +0.003 exit 1
        +0.004 zap 8
        +0.005 exit 8 killed
        +0.006 end
        => cause.id traced
        => cause.pids.0 8008
        => cause.summary ~ child had the default action for SIGTERM and would have ended by it, but is traced
        => findings.1.id init-exited-early
        ",
    );
    check(
        "
        init   app handles=TERM
        member 7 main traced
        member 8 child traced
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7,8 delivered
        +0.003 exit 1
        +0.004 zap 7 8
        +0.005 exit 7 killed
        +0.005 exit 8 killed
        +0.006 end
        => cause.id traced
        => cause.summary ~ main and child had the default action for SIGTERM and would have ended by it, but are traced
        ",
    );
}

#[test]
fn a_shell_that_ends_after_it_dropped_the_signal_leaves_its_children_untold() {
    check(
        "
        init   sh cmd=/bin/sh,-c,x
        member 7 java handles=TERM
        +0     TERM runc -> 1
        +5     exit 1 code=0
        +5.001 zap 7
        +5.002 exit 7
        +5.003 end
        => verdict forced
        => stop.taken false
        => cause.id init-no-handler
        => cause.confidence likely
        => cause.summary PID 1 (sh) has no SIGTERM handler, so the kernel dropped the signal; PID 1 ended by itself 5.0 s later, and the kernel killed java with the pid namespace
        => cause.pids.0 8007
        => lost_cleanup 1
        ",
    );
}

#[test]
fn the_runtime_may_kill_through_the_cgroup() {
    check(
        "
        init   sh
        member 7 java
        +0     TERM runc -> 1
        +10    KILL runc -> 1 cgroup
        +10    KILL runc -> 7 cgroup
        +10.1  exit 7
        +10.1  exit 1
        +10.2  end
        => cause.id init-no-handler
        => 1 killed-ignoring cgroup-kill
        => findings.1.id cgroup-killed
        ",
    );
    check(
        "
        init   sh
        +10    KILL runc -> 1 cgroup
        +10.1  exit 1
        +10.2  end
        => stop.trigger cgroup-kill
        => cause.id no-stop-signal
        ",
    );
    check(
        "
        init   sh
        +10    KILL host:bash -> 1 cgroup
        +10.1  exit 1
        +10.2  end
        => cause.id killed-outside
        => cause.confidence likely
        => cause.summary ~ bash, a process of the host
        ",
    );
}

/// Ctrl-C, and a `docker stop` after that: what the runtime waited for is the second.
#[test]
fn of_several_signals_the_one_that_the_runtime_means_decides() {
    for (init, stop, then, cause, text) in [
        (
            "app handles=TERM",
            "INT",
            "TERM",
            "grace-exceeded likely",
            "took SIGTERM and had not ended 10.0 s later",
        ),
        (
            "bash handles=INT",
            "INT",
            "TERM",
            "init-no-handler certain",
            "no SIGTERM handler, so the kernel dropped the signal; the runtime waited 10.0 s",
        ),
        // Whoever lost patience in between changed nothing.
        (
            "app handles=TERM",
            "TERM",
            "INT",
            "grace-exceeded likely",
            "took SIGTERM and had not ended 15.0 s later",
        ),
        (
            "python3 handles=INT",
            "TERM",
            "INT",
            "init-no-handler certain",
            "no SIGTERM handler, so the kernel dropped the signal; the runtime waited 15.0 s",
        ),
    ] {
        let (cause, confidence) = cause.split_once(' ').unwrap();
        check(&format!(
            "
            init  {init}
            +0    {stop} runc -> 1
            +5    {then} runc -> 1
            +15   KILL runc -> 1
            +15.1 exit 1
            +15.2 end
            => stop.signal SIG{stop}
            => cause.id {cause}
            => cause.confidence {confidence}
            => cause.summary ~ {text}
            => findings 1
            "
        ));
    }
    // Another is configured.
    check(
        "
        init  app handles=QUIT
        names stop=QUIT
        +0    TERM host:bash -> 1
        +5    QUIT runc -> 1
        +15   KILL runc -> 1
        +15.1 exit 1
        +15.2 end
        => cause.id grace-exceeded
        => cause.summary ~ took SIGQUIT and had not ended 10.0 s later
        ",
    );
}

/// It did not end by itself.
#[test]
fn an_init_that_takes_another_signal_than_the_one_it_dropped_left_because_of_that() {
    check(
        "
        init   python3 handles=INT
        member 7 child handles=TERM
        +0     TERM runc -> 1
        +5     INT host:bash -> 1
        +5.1   exit 1
        +5.15  zap 7
        +5.17  exit 7
        +5.2   end
        => cause.id not-forwarded
        => cause.summary ~ PID 1 (python3) took SIGINT and ended without passing it on
        => findings 1
        ",
    );
}
