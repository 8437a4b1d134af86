//! A stop signal that met a program which then became another: an entrypoint before its `exec`.

use rinit_trace_core::render::{TextOptions, text};

use crate::world::check;

/// The end of a stop in which the runtime gives up after ten seconds.
const GIVES_UP: &str = "
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => verdict forced
        => cause.id startup-window
";

/// bash catches INT and ignores QUIT by itself, and has a trap for USR1.
#[test]
fn an_entrypoint_before_its_exec_is_the_startup_window_whatever_the_stop_signal() {
    let dropped = "PID 1 (bash) had no {signal} handler yet (3.0 s after its start), so the kernel dropped the signal; it became another program (python3, by exec) later, and the runtime waited 10.0 s and sent SIGKILL";
    let ignored = "PID 1 (bash) ignored {signal} (SIG_IGN) then (3.0 s after its start), so the kernel dropped the signal; it became another program (python3, by exec) later, and the runtime waited 10.0 s and sent SIGKILL";
    let taken = "PID 1 (bash) took {signal} (3.0 s after its start), and became another program (python3, by exec) later, which was not sent it; the runtime waited 10.0 s and sent SIGKILL";
    for (signal, confidence, summary) in [
        ("TERM", "certain", dropped),
        ("HUP", "certain", dropped),
        ("RTMIN+3", "certain", dropped),
        ("QUIT", "certain", ignored),
        // What it did with it is not seen: a trap may end by `exec`.
        ("INT", "likely", taken),
        ("USR1", "likely", taken),
    ] {
        check(&format!(
            "
            init  bash cmd=bash,run.sh age=3s handles=INT,USR1 ignores=QUIT
            names stop={signal}
            +0    {signal} runc -> 1
            +0.4  execs 1 python3 ignores=
            +0.5  now 1 handles={signal},INT
            {GIVES_UP}
            => cause.confidence {confidence}
            => cause.summary {}
            => 1.stop_signal.comm bash
            => 1.comm python3
            ",
            summary.replace("{signal}", &format!("SIG{signal}"))
        ));
    }
}

#[test]
fn the_handler_is_shown_as_that_of_the_program_that_had_it() {
    let world = check(&format!(
        "
        init  bash handles=INT
        names stop=INT
        +0    INT runc -> 1
        +0.4  execs 1 python3
        {GIVES_UP}
        "
    ));
    let text = text(&world.reports[0], &TextOptions::default());
    let row = |what: &str| text.lines().find(|line| line.contains(what)).unwrap();
    let first = row("SIGINT  ");
    assert!(first.contains("→ bash[8001]"), "{text}");
    assert!(first.ends_with("taken by its handler"), "{text}");
    assert!(
        row("init  python3").contains("as bash: handled, taken"),
        "{text}"
    );
    assert!(row("SIGKILL  ").contains("→ python3[8001]"), "{text}");
}

/// The program of the end was asked, too.
#[test]
fn a_second_signal_that_met_the_later_program_decides() {
    for (handles, cause, summary) in [
        ("TERM", "grace-exceeded", "PID 1 (app) took SIGTERM and"),
        ("USR1", "init-no-handler", "PID 1 (app) has no SIGTERM"),
    ] {
        check(&format!(
            "
            init  bash cmd=bash,run.sh handles=INT
            +0    TERM runc -> 1
            +0.4  execs 1 app handles={handles}
            +5    TERM runc -> 1
            +10   KILL runc -> 1
            +10.1 exit 1
            +10.2 end
            => cause.id {cause}
            => cause.summary ~ {summary}
            => findings 1
            "
        ));
    }
}

/// systemd and s6 run another program at the end of their shutdown, and one that executes itself again does so for
/// a reason of its own.
#[test]
fn an_exec_that_may_be_the_shutdown_is_no_startup_window() {
    for (init, then) in [
        ("systemd waits=RTMIN+3", "systemd-shutdow"),
        ("s6-svscan waits=RTMIN+3", "finish"),
        ("server handles=RTMIN+3", "server"),
    ] {
        check(&format!(
            "
            init  {init}
            names stop=RTMIN+3
            +0    RTMIN+3 runc -> 1
            +0.4  execs 1 {then}
            +10   KILL runc -> 1
            +10.1 exit 1
            +10.2 end
            => cause.id grace-exceeded
            => cause.confidence likely
            => cause.summary ~ became another program ({}exec)
            ",
            if init.starts_with(then) {
                String::new()
            } else {
                format!("{then}, by ")
            }
        ));
    }
}

/// What ended by itself in the end was another program than the one that had taken the signal.
#[test]
fn a_later_program_that_ends_by_itself_did_not_take_the_signal() {
    check(
        "
        init   bash handles=INT
        names  stop=INT
        +0     INT runc -> 1
        +0.4   execs 1 app
        +1     spawn 7 worker
        +3     exit 1 code=0
        +3.001 zap 7
        +3.002 exit 7
        +3.003 end
        => cause.id startup-window
        => cause.confidence likely
        => cause.summary ~ PID 1 (bash) took SIGINT
        => cause.summary ~ PID 1 ended by itself 3.0 s later
        => findings.1.id not-forwarded
        => findings.1.confidence likely
        => findings.1.summary ~ PID 1 (bash, app since its exec) took SIGINT and ended
        ",
    );
}
