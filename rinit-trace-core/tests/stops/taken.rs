//! Whether a stop signal was taken, and what a process was set to do with it.

use crate::world::check;

#[test]
fn an_init_that_waits_for_signals_takes_them_without_a_handler() {
    check(
        "
        init  tini waits=TERM
        +0    TERM runc -> 1
        +0.1  exit 1 code=143
        +0.2  end
        => stop.taken true
        => stop.result delivered
        => 1.stop_signal.disposition waited
        => 1.stop_signal.disposition_at_end waited
        => verdict graceful
        ",
    );
}

#[test]
fn a_signal_that_stays_blocked_was_not_taken() {
    check(
        "
        init  app blocks=TERM
        +0    TERM runc -> 1
        +2    TERM runc -> 1
        +10   KILL runc -> 1
        +10.1 exit 1
        +10.2 end
        => stop.taken false
        => stop.result delivered
        => 1 killed-pending runtime
        => 1.stop_signal.disposition blocked
        => 1.stop_signal.received 2
        => cause.id signal-blocked
        => lost_cleanup 0
        ",
    );
}

#[test]
fn one_of_two_signals_that_is_still_pending_means_one_was_taken() {
    check(
        "
        init  app blocks=TERM
        +0    TERM runc -> 1
        +1    takes 1 TERM
        +2    TERM runc -> 1
        +10   KILL runc -> 1
        +10.1 exit 1
        +10.2 end
        => stop.taken true
        => 1 killed-handling
        ",
    );
}

#[test]
fn a_folded_signal_counts_as_sent() {
    check(
        "
        init  app blocks=TERM
        +0    TERM runc -> 1
        +1    takes 1 TERM
        +2    TERM runc -> 1 folded=3
        +10   KILL runc -> 1
        +10.1 exit 1
        +10.2 end
        => 1.stop_signal.received 5
        => stop.taken true
        ",
    );
}

#[test]
fn the_stop_signal_is_taken_or_not_whatever_became_of_another() {
    check(
        "
        init   app handles=INT
        member 7 sh
        +0     TERM runc -> 1
        +1     INT 7 -> 1
        +10    KILL runc -> 1
        +10.1  exit 1
        +10.2  zap 7
        +10.3  exit 7
        +10.4  end
        => stop.signal SIGTERM
        => stop.taken false
        => 1.stop_signal.taken true
        => cause.id wrong-stop-signal
        ",
    );
}

#[test]
fn a_handler_that_was_blocked_for_a_moment_is_a_handler() {
    check(
        "
        init  app handles=TERM
        +0    TERM runc -> 1
        +0.1  now 1 blocks=TERM
        +0.2  exit 1
        +0.3  end
        => 1.stop_signal.disposition_at_end handled
        ",
    );
}

#[test]
fn a_signal_that_an_init_blocked_for_a_moment_and_then_dropped_was_not_taken() {
    check(
        "
        init  sh blocks=TERM
        +0     TERM  runc -> 1
        +0.001 drops 1 TERM
        +10    KILL  runc -> 1
        +10.1  exit 1
        +10.2  end
        => stop.result delivered
        => stop.taken false
        => 1 killed-ignoring
        => 1.stop_signal.disposition default
        => cause.id init-no-handler
        ",
    );
}

/// Blocked for a moment, as by who starts a process or a thread, it is queued although it is ignored.
#[test]
fn an_ignored_signal_that_was_blocked_for_a_moment_was_not_taken() {
    let member = "
        init   app handles=TERM
        member 7 java ignores=TERM blocks=TERM
        +0     TERM runc -> 1
        +0.01  TERM 1 -> 7
        +0.02  takes 7 TERM
        +0.03  now 7 ignores=TERM blocks=
        +0.04  exit 1 code=0
        +0.041 zap 7
        +0.042 exit 7
        +0.05  end
        ";
    check(
        &(member.to_owned()
            + "
        => 7 killed-ignoring
        => 7.stop_signal.result delivered
        => 7.stop_signal.taken false
        => 7.stop_signal.disposition ignored
        => cause.id init-exited-early
        "),
    );
    // Who keeps it blocked waits for it.
    let waits = member.replace("+0.03  now 7 ignores=TERM blocks=\n", "");
    check(&(waits + "=> 7 killed-handling\n=> 7.stop_signal.taken true"));
}

#[test]
fn a_handler_whose_signal_is_blocked_when_sigkill_comes_is_a_handler() {
    // `fork`, `posix_spawn` and `pthread_create` block all signals for a moment.
    check(
        "
        init   app handles=TERM
        member 7 java handles=TERM blocks=TERM
        +0     TERM runc -> 1
        +0.04  exit 1 code=0
        +0.041 zap 7
        +0.042 exit 7
        +0.05  end
        => 7 killed-unsignalled
        => 7.stop_signal.disposition_at_end handled
        => lost_cleanup 1
        ",
    );
}

#[test]
fn an_ignored_signal_that_an_init_blocked_for_a_moment_was_not_taken() {
    for deliveries in ["yes", "no"] {
        check(&format!(
            "
            trace  deliveries={deliveries}
            init   app ignores=TERM blocks=TERM
            +0     TERM runc -> 1
            +0.01  drops 1 TERM
            +10    KILL runc -> 1
            +10.1  exit 1
            +10.2  end
            => stop.taken false
            => 1 killed-ignoring
            => cause.id init-ignores-signal
            "
        ));
    }
}

#[test]
fn without_the_probe_on_deliveries_a_drop_looks_like_a_wait_and_is_not_guessed() {
    check(
        "
        trace deliveries=no
        init  tini waits=TERM
        +0    TERM runc -> 1
        +0.1  exit 1 code=143
        +0.2  end
        => stop.taken null
        => verdict graceful
        ",
    );
}

/// The first thread blocks the signal, so that another takes it: a common way to have one thread for
/// all signals. Only that first thread is looked at.
#[test]
fn a_handler_of_another_thread_is_a_handler() {
    check(
        "
        init   app handles=TERM
        member 7 db handles=TERM blocks=TERM threads=8
        member 8 single handles=TERM blocks=TERM
        +0     TERM runc -> 1
        +0.01  TERM 1 -> 7,8
        +0.02  takes 7 TERM
        +0.1   exit 1
        +0.11  zap 7 8
        +0.12  exit 7
        +0.12  exit 8
        +0.2   end
        => 7.stop_signal.disposition_at_end handled
        => 8.stop_signal.disposition_at_end blocked
        => lost_cleanup 1
        ",
    );
    // It stays pending: every thread blocks it, or none of them has come to run yet.
    for (end, disposition, lost) in [("0.1", "handled", 1), ("5", "blocked", 0)] {
        check(&format!(
            "
            init   app handles=TERM
            member 7 db handles=TERM blocks=TERM threads=8
            +0     TERM runc -> 1
            +0.01  TERM 1 -> 7
            +{end} exit 1
            +{end} zap 7
            +{end} exit 7
            +{end} end
            => 7 killed-pending
            => 7.stop_signal.disposition_at_end {disposition}
            => lost_cleanup {lost}
            "
        ));
    }
}

/// INT began it and was taken; TERM and KILL came together.
#[test]
fn a_second_signal_that_sigkill_left_no_time_for_decides_nothing() {
    check(
        "
        init   app handles=INT,TERM
        +0     INT runc -> 1
        +1     now 1 blocks=TERM
        +1     TERM runc -> 1
        +1.001 KILL runc -> 1
        +1.1   exit 1
        +1.2   end
        => cause.id grace-exceeded
        => cause.summary ~ took SIGINT
        ",
    );
}

/// It is no longer pending, and was not delivered: one that waits for signals looks the same, without a tracer.
#[test]
fn a_signal_that_a_tracer_holds_back_is_not_waited_for() {
    check(
        "
        init  app traced
        +0    TERM runc -> 1 delivered default
        +0    takes 1 TERM
        +10   KILL runc -> 1
        +10.1 exit 1
        +10.2 end
        => cause.id traced
        => 1 killed-handling
        => 1.stop_signal.disposition default
        => lost_cleanup 0
        ",
    );
}

/// Real-time signals queue: how many are left the mask does not say.
#[test]
fn of_several_real_time_signals_one_that_is_pending_may_be_all() {
    let stop = |signal: &str| {
        format!(
            "
            init   dumb-init waits=RTMIN+3
            member 7 app blocks=RTMIN+3,TERM
            +0     RTMIN+3 runc -> 1
            +0.001 {signal} 1 -> 7 delivered
            +0.002 {signal} 1 -> 7 delivered
            +2     exit 1 code=0
            +2.001 zap 7
            +2.002 exit 7
            +2.003 end
            => verdict forced
            "
        )
    };
    check(
        &(stop("RTMIN+3") + "=> 7 killed-pending\n=> 7.stop_signal.taken null\n=> lost_cleanup 0"),
    );
    check(&(stop("TERM") + "=> 7 killed-handling\n=> 7.stop_signal.taken true"));
}

/// The kernel side reads some handlers at the end, and of others when they are sent.
#[test]
fn what_a_process_would_have_done_with_an_unusual_stop_signal_is_not_known() {
    let stop = |sent: &str| {
        format!(
            "
            init   app
            names  stop=RTMIN+9
            member 7 worker handles=RTMIN+9
            +0     RTMIN+9 runc -> 1
            {sent}
            +2     KILL runc -> 1
            +2.001 exit 1
            +2.002 zap 7
            +2.003 exit 7
            +2.004 end
            => verdict forced
            "
        )
    };
    check(&(stop("") + "=> lost_cleanup null"));
    check(&(stop("+0.1 RTMIN+9 1 -> 7") + "=> lost_cleanup 1"));
}

/// On a busy machine a process that was SIGKILLed is there for a while, and signals are still queued for it.
#[test]
fn a_signal_after_its_sigkill_asked_a_process_for_nothing() {
    let stop = |signals: &str| {
        format!(
            "
            init   tini waits=TERM
            member 7 worker handles=TERM
            member 8 supervisor
            +0     TERM runc -> 1
            {signals}
            +0.3   exit 7 KILL
            +2     exit 1
            +2.001 end
            "
        )
    };
    check(
        &(stop("+0.1 KILL 8 -> 7\n+0.2 TERM 1 -> 7 delivered")
            + "=> 7 killed-unsignalled peer\n=> 7.stop_signal.taken null\n=> 7.stop_signal.received 0"),
    );
    check(
        &(stop("+0.05 TERM 1 -> 7 delivered\n+0.1 KILL 8 -> 7\n+0.2 TERM 1 -> 7 delivered")
            + "=> 7.stop_signal.received 1"),
    );
}
