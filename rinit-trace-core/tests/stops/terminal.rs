//! Signals of a terminal (`docker run -it`): a change of the window's size is WINCH, ^C is INT. They
//! are the kernel's, whichever task ran.

use rinit_trace_core::render::{TextOptions, text};

use crate::world::{check, play};

/// Apache's STOPSIGNAL.
#[test]
fn a_change_of_the_window_is_no_stop_signal() {
    check(
        "
        init  httpd handles=WINCH
        names stop=WINCH grace=10s
        +0    WINCH shim -> 1 kernel
        +20   KILL runc -> 1
        +20.1 exit 1
        +20.2 end
        => stop.trigger sigkill
        => stop.signal null
        => cause.id no-stop-signal
        => cause.confidence certain
        ",
    );
    check(
        "
        init  httpd handles=WINCH
        names stop=WINCH grace=10s
        +0    WINCH shim -> 1 kernel
        +1    exit 1
        +1.2  end
        => stop.trigger init-exit
        => verdict graceful
        ",
    );
    // The runtime's is one.
    check(
        "
        init  httpd handles=WINCH
        names stop=WINCH grace=10s
        +0    WINCH shim -> 1 kernel
        +5    WINCH runc -> 1
        +6    exit 1
        +6.2  end
        => stop.signal SIGWINCH
        => stop.sender.comm runc
        => duration_ms 1000
        ",
    );
}

#[test]
fn the_terminal_is_named_as_who_sent_a_signal_and_nobody_asked_to_stop() {
    let world = check(
        "
        init   app handles=INT
        member 7 worker
        +0        INT host:kworker -> 7 kernel
        +0.000004 INT host:kworker -> 1 kernel
        +0.001    exit 7
        +0.1      exit 1 code=0
        +0.2      end
        => verdict graceful
        => stop.trigger stop-signal
        => stop.signal SIGINT
        => stop.sender.comm terminal
        => stop.sender.pid 0
        => 7.stop_signal.received 1
        => 7.stop_signal.from null
        => 7 terminated
        => signals.0.origin terminal
        => signals.0.from 0
        ",
    );
    let text = text(&world.reports[0], &TextOptions::default());
    let has = |part: &str| assert!(text.contains(part), "{part}\n{text}");
    has("nobody was killed; the terminal sent SIGINT, and nobody asked to stop");
    has("SIGINT  terminal → worker[8007]");
    has("SIGINT  terminal → app[8001]");
    has("default, taken, from the terminal  terminated by SIGINT");
    assert!(
        !text.contains("pid 700") && !text.contains("kworker"),
        "{text}"
    );
}

#[test]
fn what_an_init_leaves_behind_that_ended_by_its_terminal_says_so() {
    check(
        "
        init   app handles=INT
        member 7 worker sid=7
        +0     INT host:kworker -> 1 kernel
        +0.1   exit 1 code=0
        +0.11  zap 7
        +0.12  exit 7
        +0.2   end
        => cause.id not-forwarded
        => cause.confidence likely
        => cause.summary ~ with the pid namespace; the terminal sent SIGINT, and nobody asked to stop
        ",
    );
}

/// At a prompt ^C is usual, and means something else.
#[test]
fn an_interrupt_of_a_terminal_begins_no_stop_of_an_init_that_lives_on() {
    let scenario = |init: &str, end: &str| {
        check(&format!(
            "
            init   {init}
            member 7 job sid=7
            +0     INT host:kworker -> 1 kernel
            {end}
            "
        ))
    };
    for init in ["bash handles=INT", "psql handles=INT", "app handles=INT"] {
        scenario(
            init,
            "
            +20   KILL runc -> 1
            +20.1 exit 1
            +20.2 zap 7
            +20.3 exit 7
            +20.4 end
            => stop.signal null
            => cause.id no-stop-signal
            => cause.confidence certain
            ",
        );
        scenario(
            init,
            "
            +20   TERM runc -> 1
            +30   KILL runc -> 1
            +30.1 exit 1
            +30.2 end
            => stop.signal SIGTERM
            => stop.grace_used_ms 10000
            ",
        );
        scenario(
            init,
            "
            +20   exit 1 code=0
            +20.2 zap 7
            +20.3 exit 7
            +20.4 end
            => stop.signal null
            => cause.id init-exited
            ",
        );
    }
}

/// A trap of its script may have ended it, and nothing shows that it did.
#[test]
fn a_shell_that_ends_after_an_interrupt_of_its_terminal_may_have_ended_by_it() {
    check(
        "
        init   bash handles=INT
        member 7 job sid=7
        +0     INT host:kworker -> 1 kernel
        +0.2   exit 1 code=130
        +0.201 zap 7
        +0.202 exit 7
        +0.4   end
        => cause.id init-exited
        => cause.confidence likely
        => cause.summary ~ PID 1 had been sent SIGINT 200 ms earlier
        ",
    );
    // A shell ends with its terminal.
    for (signal, trigger) in [("INT", "init-exit"), ("HUP", "stop-signal")] {
        check(&format!(
            "
            init   bash handles=INT,HUP
            +0     {signal} host:kworker -> 1 kernel
            +2     exit 1 code=0
            +2.4   end
            => stop.trigger {trigger}
            "
        ));
    }
}

#[test]
fn a_signal_of_a_terminal_that_an_init_drops_is_no_stop_signal_that_it_ignored() {
    let world = play(
        "
        init  sleep
        +0    INT host:kworker -> 1 kernel
        +1    QUIT host:kworker -> 1 kernel
        +2    WINCH shim -> 1 kernel
        ",
    );
    assert!(world.dropped.is_empty(), "{:?}", world.dropped);
    assert_eq!(world.began, 0);
}

/// It was no stop signal: the shell went on to its end.
#[test]
fn a_member_that_a_terminal_ended_before_the_stop_is_told_by_what() {
    let world = check(
        "
        init   bash handles=INT
        member 7 sleep parent=1
        +0        INT host:kworker -> 7 kernel
        +0.000004 INT host:kworker -> 1 kernel
        +0.001    exit 7
        +0.1      exit 1 code=130
        +0.2      end
        => stop.signal null
        => 7 terminated
        ",
    );
    let text = text(&world.reports[0], &TextOptions::default());
    assert!(
        text.contains("terminated by SIGINT of the terminal"),
        "{text}"
    );
    assert!(text.contains("SIGINT  terminal → sleep[8007]"), "{text}");
}
