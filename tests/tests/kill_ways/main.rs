//! Every way to be killed, and what the report says of it: the fingerprints on which verdicts rest.
//!
//! A row is `way, process, origins of its effective SIGKILLs, killed_by, outcome, end, verdict`; `-` is none. `way` is a
//! name of `tests/workloads/ways`, with `:v2` or `:memory` where it needs a cgroup. More rows of one way are about more
//! processes of the same run. A row tells what the contract of the report says, never what the program prints.
//!
//! Not here: `memory.oom.group`, which is the `oom` way for each process of a cgroup, and needs a memory controller in the
//! v2 hierarchy; `bpf_send_signal`, sysrq, hardware faults and security modules, which need the host to take part.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "used by tests alone, which fail by panics"
)]

mod from_outside;
mod table;
mod within;
