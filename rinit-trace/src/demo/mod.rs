//! Small workloads and their stops, to see and to test what a report says.
//!
//! [`scenarios`] is the table, [`workload`] the programs (this program executes itself as one of them), [`needs`] finds
//! what else of this machine runs, `launch` makes the command, [`namespace`] runs it as PID 1 of a pid namespace of
//! its own and stops it as a runtime would, [`docker`] does the same with `docker run` and `docker stop`.

mod container;
pub mod docker;
mod freezer;
mod launch;
mod limit;
mod lines;
pub mod namespace;
pub mod needs;
pub mod scenarios;
pub mod workload;

pub use scenarios::{GROUPS, Scenario};
