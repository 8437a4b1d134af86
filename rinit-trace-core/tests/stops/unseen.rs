//! What cannot be concluded from a stop signal that was not seen.

use crate::world::check;

/// What was lost may have been the stop signal.
#[test]
fn a_loss_leaves_a_kill_unexplained_that_no_stop_signal_was_seen_before() {
    check(
        "
        init  deaf ignores=TERM
        +0     known
        +5     lost 1
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  end
        => verdict forced
        => stop.trigger sigkill
        => cause.id unexplained
        => cause.confidence likely
        => cause.summary ~ why is not known: not everything was seen
        ",
    );
}

#[test]
fn a_loss_leaves_an_end_unexplained_that_nobody_was_seen_to_ask_for() {
    for init in ["bash handles=TERM", "tini"] {
        check(&format!(
            "
            init   {init}
            member 7 helper
            member 8 server
            +0     known
            +5     lost 1
            +10    exit 8 code=1
            +10.01 exit 1 code=1
            +10.02 zap 7
            +10.03 exit 7
            +10.04 end
            => verdict forced
            => cause.id unexplained
            "
        ));
    }
}
