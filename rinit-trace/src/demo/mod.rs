//! Small workloads and their stops, to see and to test what a report says.
//!
//! [`scenarios`] is the table, [`workload`] the programs (this program executes itself as one of
//! them), [`namespace`] runs one as PID 1 of a pid namespace of its own and stops it as a runtime
//! would, [`docker`] does the same with `docker run` and `docker stop`.

pub mod docker;
pub mod namespace;
pub mod scenarios;
pub mod workload;

pub use scenarios::{SCENARIOS, Scenario};
