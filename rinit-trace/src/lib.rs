//! rinit-trace, the program: loads the kernel side, drives the core, looks names up, prints.
//!
//! `main` and `commands` are its face; [`tracer`] is the loop between [`kernel`] (bytes of
//! records), the core (events to reports) and [`runtime`] (names). [`demo`] has small workloads
//! and the stops of them.

pub mod cli;
pub mod clock;
pub mod commands;
pub mod demo;
mod escape;
pub mod kernel;
#[cfg(feature = "kube")]
pub mod kubernetes;
mod lines;
pub mod logs;
pub mod privileges;
pub mod runtime;
pub mod serve;
pub mod tracer;
