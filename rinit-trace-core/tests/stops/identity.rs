//! Names that follow from a container's id are left out where a user could choose that id.

use crate::world::check;

const STOP: &str = "
    +0     TERM runc -> 1
    +10    KILL runc -> 1
    +10.01 exit 1 killed
    +10.02 end
    => verdict forced
    => cause.id init-no-handler
";

#[test]
fn a_container_whose_cgroup_a_user_could_make_has_no_names() {
    for answered in ["", "names when=told\n"] {
        let told = if answered.is_empty() {
            ""
        } else {
            "+0.01 names\n+0.02 members"
        };
        check(&format!(
            "
            init  sh delegated cmd=sh,-c,server
            names name=web grace=10s
            {answered}
            +0     TERM runc -> 1
            {told}
            +10    KILL runc -> 1
            +10.01 exit 1 killed
            +10.02 end
            => verdict forced
            => cause.id init-no-handler
            => workload.name null
            => workload.container_id null
            => workload.init.cmdline 3
            => stop.grace_ms null
            => findings.1.id unverified-identity
            => findings.1.confidence certain
            "
        ));
    }
}

#[test]
fn what_roots_runtime_has_made_keeps_its_names() {
    check(&format!(
        "
        init  sh
        names name=web grace=10s
        {STOP}
        => workload.name web
        => findings 1
        "
    ));
}

/// A member may be in a cgroup that was delegated to it: what counts is that of PID 1.
#[test]
fn a_member_in_a_delegated_cgroup_takes_no_name_away() {
    check(&format!(
        "
        init   sh
        names  name=web
        member 7 server delegated handles=TERM
        {STOP}
        => workload.name web
        => findings 1
        "
    ));
}
