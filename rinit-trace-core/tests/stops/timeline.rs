//! What the timeline says of the signals of a stop.

use rinit_trace_core::render::{TextOptions, text};

use crate::world::play;

/// Lines of the first report's timeline that name a signal.
fn rows(scenario: &str, signal: &str) -> Vec<String> {
    let text = text(&play(scenario).reports[0], &TextOptions::default());
    let timeline = text.split("\n\n").nth(1).unwrap();
    let rows = timeline.lines().filter(|line| line.contains(signal));
    rows.map(str::to_owned).collect()
}

/// `su` kills its child two seconds after it has passed the signal on, whether that has ended or not.
#[test]
fn a_signal_to_a_dead_process_is_not_ignored() {
    // On kernels before 5.16 the end of a process of one thread leaves no mark, and the signal is delivered.
    for mark in ["", "unmarked"] {
        for signal in ["KILL", "TERM", "USR1"] {
            let rows = rows(
                &format!(
                    "
                    init   su handles=TERM
                    member 7 redis handles=TERM
                    +0     TERM runc -> 1
                    +0.001 TERM 1 -> 7
                    +0.1   now 7 {mark}
                    +0.1   exit 7 code=0 zombie
                    +2     {signal} 1 -> 7
                    +2.001 exit 1
                    +2.002 end
                    "
                ),
                &format!("SIG{signal}"),
            );
            let last = rows.last().unwrap();
            assert!(last.ends_with("dead already"), "{signal} {mark}: {rows:#?}");
        }
    }
}

/// All threads of a dying process are killed, and the death of its parent is another SIGKILL to it.
#[test]
fn a_sigkill_to_a_dying_process_is_not_ignored() {
    let rows = rows(
        "
        init   app handles=TERM
        member 2 parent
        member 3 helper parent=2 threads=8 pdeath=KILL
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 3
        +0.002 TERM 1 -> 2
        +0.003 exit 2
        +0.004 exit 3
        +0.005 exit 1
        +0.006 end
        ",
        "SIGKILL",
    );
    assert!(rows[0].ends_with("dead already"), "{rows:#?}");
}

#[test]
fn an_init_that_drops_a_signal_is_not_dead() {
    let rows = rows(
        "
        init  sh
        +0    TERM runc -> 1
        +10   KILL runc -> 1
        +10.1 exit 1
        +10.2 end
        ",
        "SIGTERM",
    );
    assert!(
        rows[0].ends_with("ignored: PID 1 without a handler"),
        "{rows:#?}"
    );
}

#[test]
fn a_signal_to_a_dead_process_is_no_second_one() {
    let world = play(
        "
        init   app handles=TERM
        member 7 shell handles=TERM
        member 8 worker handles=TERM unmarked
        +0     TERM runc -> 1
        +0.001 TERM 1 -> 7,8
        +0.002 exit 8 code=0 zombie
        +0.003 TERM 7 -> 8
        +0.004 exit 7
        +0.005 exit 1
        +0.006 end
        ",
    );
    let findings = &world.reports[0].findings;
    let ids: Vec<&str> = findings.iter().map(|finding| finding.id.as_str()).collect();
    assert!(!ids.contains(&"signalled-twice"), "{findings:#?}");
}
