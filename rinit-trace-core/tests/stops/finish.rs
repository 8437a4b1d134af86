//! The end of the trace while stops are under way.

use crate::world::check;

#[test]
fn a_stop_that_waits_for_names_is_told_without_them_when_the_trace_ends() {
    check(
        "
        init   app handles=TERM
        names  name=web when=told
        +0     TERM runc -> 1
        +1     exit 1 code=0
        +1.001 end
        +1.1   finish
        => reports 1
        => workload.name null
        => verdict graceful
        ",
    );
}

#[test]
fn what_is_known_of_a_stop_under_way_is_told_when_the_trace_ends() {
    let begun = "
        init   app handles=TERM
        member 7 worker
        member 8 slow
        +0     TERM runc -> 1
        +1     exit 1 code=0
        +1.001 zap 7 8
        ";
    check(&format!(
        "{begun}
        +1.1   finish
        => reports 1
        => verdict unknown
        => 7 alive
        => 8 alive
        "
    ));
    check(&format!(
        "{begun}
        +1.002 exit 7
        +1.1   finish
        => reports 1
        => verdict forced
        => cause.confidence likely
        => 8 alive
        "
    ));
}

#[test]
fn one_that_was_only_asked_to_end_may_live_on_when_the_trace_ends() {
    check(
        "
        init   app handles=TERM
        +0     TERM runc -> 1
        +1     finish
        => reports 0
        ",
    );
}
