//! Runtimes of which the sender's own name tells nothing, and containers that never came to run.

use crate::world::check;

/// crun is started by a file descriptor, and called by its number on older kernels; conmon is the parent of
/// the init, and the engine that of crun.
#[test]
fn a_runtime_is_known_by_the_engine_that_runs_it() {
    for engine in ["podman", "crio"] {
        check(&format!(
            "
            init   app
            +0     TERM engine:{engine} -> 1
            +10    KILL engine:{engine} -> 1
            +10.01 exit 1
            +10.02 end
            => 1 killed-ignoring runtime
            => cause.id init-no-handler
            => cause.confidence certain
            => stop.sender.comm 3
            => stop.sender.parent_comm {engine}
            "
        ));
        check(&format!(
            "
            init   app handles=TERM
            +0     KILL engine:{engine} -> 1
            +0.01  exit 1
            +0.02  end
            => cause.id no-stop-signal
            => cause.summary ~ the runtime ({engine}) sent SIGKILL to PID 1 (app) without
            "
        ));
    }
    check(
        "
        init   app handles=TERM
        +0     KILL host:memfd:crun_clon -> 1
        +0.01  exit 1
        +0.02  end
        => cause.id no-stop-signal
        => cause.summary ~ the runtime (crun) sent SIGKILL
        => stop.kill.sender.comm memfd:crun_clon
        ",
    );
    check(
        "
        init   app handles=TERM
        +0     KILL engine:script -> 1
        +0.01  exit 1
        +0.02  end
        => cause.id killed-outside
        ",
    );
}

/// A hook that failed, a cgroup that cannot be made: the runtime kills its child, which is no container yet.
#[test]
fn a_container_that_was_given_up_before_its_program_ran_is_known() {
    for (init, killer, never_ran) in [
        ("crun", "parent:crun", true),
        ("runc:[2:INIT]", "parent:runc", true),
        // `runc run` in the foreground, and the program runs.
        ("app", "parent:runc", false),
        // `runc kill` between `create` and `start`.
        ("runc:[2:INIT]", "runc", true),
        // A sandbox of its own making.
        ("chrome", "parent:chrome", false),
    ] {
        let world = check(&format!(
            "
            init   {init}
            +0     KILL {killer} -> 1
            +0.01  exit 1
            +0.02  end
            => verdict forced
            "
        ));
        assert_eq!(
            world.closed[0].facts.never_ran, never_ran,
            "{init} {killer}"
        );
    }
}

/// `command: ["/nonexistent"]`: the runtime's process cannot become the program, and ends.
#[test]
fn a_start_that_fails_is_no_stop() {
    let ends = |attributes: &str, events: &str| {
        let world = check(&format!(
            "
            {attributes}
            {events}
            +1     exit 1 code=1
            +1.01  end
            => verdict graceful
            "
        ));
        world.closed[0].facts.never_ran
    };
    for comm in ["runc:[2:INIT]", "youki:[2:INIT]", "crun", "memfd:crun_clon"] {
        assert!(ends(&format!("init {comm} age=1s"), ""), "{comm}");
    }
    // A program, with or without a name of its own.
    assert!(!ends("init app age=1s", ""));
    assert!(!ends("init runc age=1s", "+0 execs 1 runc:[2:INIT]"));
}

/// Whether an older one had executed its program nobody saw.
#[test]
fn an_init_older_than_the_trace_that_is_called_like_a_runtime_has_a_report() {
    let world = check(
        "
        trace  started=-5m
        init   runc:[2:INIT] age=1h
        +0     exit 1 code=1
        +0.01  end
        => verdict graceful
        ",
    );
    assert!(!world.closed[0].facts.never_ran);
}
